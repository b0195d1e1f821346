"""From a photo's file to its pixels and its day. Sees bytes from anywhere, but runs nobody's model.

What every viewer shows is read: pictures whose last bytes are missing, whose metadata are damaged
or huge. Whatever else the libraries beneath raise is the fault of that one file: Unreadable.
"""

import datetime as dt
import importlib
import io
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageFile, PngImagePlugin
from PIL.JpegImagePlugin import JpegImageFile

from dml.inference.dates import day_taken
from dml.inference.images import PIXELS_MAX, Unreadable, fast_scale
from dml.inference.spec import InputSpec

PHOTO_BYTES_MAX: Final = 128 << 20
SCALED_PIXELS_MAX: Final = 3 * PIXELS_MAX  # Of JPEGs that are never held whole: phones have 200 M.
HEAD_BYTES: Final = 32
# Named, because PIL opens much more, and some of it (EPS) by calling other programs.
FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
SUFFIXES: Final = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    *(".heic", ".heif", ".hif", ".avif"),
)
LAST_ROWS: Final = 8  # And as many fewer as the photo is read smaller: at an eighth, one.
PNG_CHUNKS_MAX: Final = 100_000
METADATA_BYTES_MAX: Final = 8 << 20

Image.MAX_IMAGE_PIXELS = PIXELS_MAX
# Whole workflows and profiles of a megabyte are common in what programs write.
PngImagePlugin.MAX_TEXT_CHUNK = 64 << 20

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_INTERLACE: Final = 28  # Where the header says it.
_JPEG: Final = b"\xff\xd8\xff"
_AVIF_BRANDS: Final = (b"avif", b"avis")


class Photo(NamedTuple):
    """A photo, and the day on which it was taken, where it says so."""

    image: Image.Image
    taken: dt.date | None


class _Tolerance:
    """PIL's switch for files that are cut off. It is one for all threads, so what needs it on waits
    until nobody reads with it off, and those who come meanwhile wait for that.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._without, self._asked = 0, 0

    @contextmanager
    def denied(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._asked)
            self._without += 1
        try:
            yield
        finally:
            with self._changed:
                self._without -= 1
                self._changed.notify_all()

    @contextmanager
    def granted(self) -> Iterator[None]:
        with self._changed:
            self._asked += 1
            try:
                self._changed.wait_for(lambda: not self._without)
                before = ImageFile.LOAD_TRUNCATED_IMAGES
                ImageFile.LOAD_TRUNCATED_IMAGES = True
                try:
                    yield
                finally:
                    ImageFile.LOAD_TRUNCATED_IMAGES = before
            finally:
                self._asked -= 1
                self._changed.notify_all()


_TOLERANCE: Final = _Tolerance()


def look_at(
    file: BinaryIO, name: str, today: dt.date, spec: InputSpec | None = None
) -> dt.date | None:
    """The day of a photo by its head alone, where that tells: nothing of it is decoded.

    Unreadable where it is none, or could not be read for this spec.
    """
    with _TOLERANCE.denied():
        image, _ = _open(file, spec)
        if image.format == "PNG":
            _look_behind_pixels(file, image)
        return day_of(image, name, today)


def read_photo(path: Path, today: dt.date, spec: InputSpec | None = None) -> Photo:
    """The photo in a file; Unreadable where it is none, OSError where it can't be read at all."""
    if path.stat().st_size > PHOTO_BYTES_MAX:
        raise Unreadable(f"is larger than {PHOTO_BYTES_MAX >> 20} MiB")
    return decode_photo(path.read_bytes(), path.name, today, spec)


def decode_photo(data: bytes, name: str, today: dt.date, spec: InputSpec | None = None) -> Photo:
    """The photo in these bytes, decoded whole, or as the spec says; Unreadable for anything else.

    What was decoded for a spec is for no other one.
    """
    if len(data) > PHOTO_BYTES_MAX:
        raise Unreadable(f"is larger than {PHOTO_BYTES_MAX >> 20} MiB")
    try:
        with _TOLERANCE.denied():
            image, _ = _decode(data, spec)
    except Unreadable as strict:
        if strict.is_final:
            raise
        image = _decode_leniently(data, strict, spec)
    return Photo(image, day_of(image, name, today))


def _open(file: BinaryIO, spec: InputSpec | None) -> tuple[Image.Image, int]:
    """The picture, not decoded yet, of no more pixels than may be; what its sides are divided by
    when it is.
    """
    head = file.read(HEAD_BYTES)
    file.seek(0)
    is_fast = spec is not None and spec.decode == "fast" and head.startswith(_JPEG)
    _prepare_for_heif(head)
    try:
        # Without PIL's bound, which is for pictures that are decoded whole.
        image = JpegImageFile(file) if is_fast else Image.open(file, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bomb:
        raise _too_many_pixels(PIXELS_MAX) from bomb
    except MemoryError:
        raise
    except Exception as broken:  # on hostile bytes PIL raises a dozen kinds, not OSError alone
        raise Unreadable("is no image, or a damaged one") from broken
    # Of a progressive one, libjpeg holds all coefficients at once, however small it comes out.
    most = SCALED_PIXELS_MAX if is_fast and "progressive" not in image.info else PIXELS_MAX
    if image.width * image.height > most:
        raise _too_many_pixels(most)
    if spec is None or not is_fast:
        return image, 1
    scale = fast_scale(image, spec)
    _require_pixels(-(-image.width // scale), -(-image.height // scale))
    if scale > 1:
        image.draft(None, (image.width // scale, image.height // scale))
    return image, scale


def _decode(data: bytes, spec: InputSpec | None) -> tuple[Image.Image, int]:
    image, scale = _open(io.BytesIO(data), spec)
    try:
        image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bomb:
        raise _too_many_pixels(PIXELS_MAX) from bomb
    except MemoryError:
        raise
    except Exception as broken:  # likewise
        raise Unreadable("is no image, or a damaged one") from broken
    _require_pixels(*image.size)
    return image, scale


def _decode_leniently(data: bytes, strict: Unreadable, spec: InputSpec | None) -> Image.Image:
    """What viewers show all the same: with damaged metadata, or without its last bytes.

    A picture of which a part is missing is none: nobody knows what was on it. So this is for kinds
    of which one can tell, with rows that follow one another from the top.
    """
    if data.startswith(_PNG):
        data = _without_damaged_metadata(data)
        with suppress(Unreadable), _TOLERANCE.denied():
            return _decode(data, spec)[0]
        if data[_PNG_INTERLACE : _PNG_INTERLACE + 1] != b"\0":
            raise strict
    elif not data.startswith(_JPEG):
        raise strict
    try:
        with _TOLERANCE.granted():
            image, scale = _decode(data, spec)
    except Unreadable:
        raise strict from None
    if _is_cut_off(image, LAST_ROWS // scale, is_jpeg=data.startswith(_JPEG)):
        raise Unreadable("is cut off")
    return image


def _is_cut_off(image: Image.Image, rows: int, *, is_jpeg: bool) -> bool:
    """Whether the lowest rows look like what decoders fill in for what is missing: one color.

    A JPEG that has one color all over is filled in with just that.
    """
    last = image.crop((image.width // 2, max(0, image.height - rows), *image.size))
    if not _has_one_color(last):
        return False
    return not (is_jpeg and _has_one_color(image))


def _has_one_color(image: Image.Image) -> bool:
    extremes = np.array(image.getextrema()).reshape(-1, 2)
    return bool((extremes[:, 0] == extremes[:, 1]).all())


def _without_damaged_metadata(data: bytes) -> bytes:
    """A PNG without the chunks that nobody needs to show it and whose checksums are wrong."""
    kept, place = [_PNG], len(_PNG)
    while place + 8 <= len(data):
        (size,) = struct.unpack_from(">I", data, place)
        name, end = data[place + 4 : place + 8], place + 12 + size
        body = data[place + 4 : place + 8 + size]
        is_whole = data[end - 4 : end] == struct.pack(">I", zlib.crc32(body))
        is_needed = bool(name) and not name[0] & 0x20
        if is_needed or is_whole:
            kept.append(data[place:end])
        place = end
    return b"".join(kept)


def _look_behind_pixels(file: BinaryIO, image: Image.Image) -> None:
    """Find what a PNG tells of itself behind its pixels: PIL would decode them to get there."""
    file.seek(len(_PNG))
    for _ in range(PNG_CHUNKS_MAX):
        head = file.read(8)
        if len(head) < 8:
            break
        size, kind = struct.unpack(">I4s", head)
        if kind == b"eXIf" and size <= METADATA_BYTES_MAX:
            image.info["exif"] = b"Exif\0\0" + file.read(size)
            file.seek(4, io.SEEK_CUR)
        elif kind == b"iTXt" and size <= METADATA_BYTES_MAX:
            keyword, _, text = file.read(size).partition(b"\0")
            image.info.setdefault(keyword.decode("latin-1"), text)
            file.seek(4, io.SEEK_CUR)
        else:
            file.seek(size + 4, io.SEEK_CUR)
    if "Raw profile type exif" not in image.info:
        image.info.setdefault("exif", b"")


def _prepare_for_heif(head: bytes) -> None:
    """Teach PIL the photos of iPhones when the first one comes: it takes a fifth of a second."""
    if head[4:8] != b"ftyp" or head[8:12] in _AVIF_BRANDS or "HEIF" in Image.OPEN:
        return
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except ImportError as missing:
        raise Unreadable(
            "is HEIF, for which pillow-heif is missing here", is_final=True
        ) from missing


def _require_pixels(width: int, height: int) -> None:
    if width * height > PIXELS_MAX:
        raise _too_many_pixels(PIXELS_MAX)


def _too_many_pixels(most: int) -> Unreadable:
    return Unreadable(f"has more than {most} pixels", is_final=True)


def day_of(image: Image.Image, name: str, today: dt.date) -> dt.date | None:
    """The day on which an opened picture was taken, by itself or else its file's name."""
    return day_taken(_exif_dates(image), _xmp(image), name, today)


def _exif_dates(image: Image.Image) -> list[object]:
    try:
        base = image.getexif()
        exif = base.get_ifd(ExifTags.IFD.Exif)
        return [
            exif.get(ExifTags.Base.DateTimeOriginal),
            exif.get(ExifTags.Base.DateTimeDigitized),
            base.get(ExifTags.Base.DateTime),
        ]
    except Exception:  # damaged EXIF: the photo is good all the same, and PIL raises anything
        return []


def _xmp(image: Image.Image) -> bytes:
    for key in ("xmp", "XML:com.adobe.xmp", "Raw profile type xmp"):
        found = image.info.get(key)
        if isinstance(found, bytes):
            return found
        if isinstance(found, str):
            return found.encode(errors="replace")
    return b""
