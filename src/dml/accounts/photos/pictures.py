"""From a file of a stranger's to the two pictures that are shown. Runs in the locked child alone.

How many pixels there are is read from the head, before any is decoded: a PNG of 4.5 kB can have
four hundred million (docs/decisions/0059). Nothing of the file but its pixels is in what is made:
no place, no camera, no text.
"""

import io
from typing import Final, NamedTuple

from PIL import ExifTags, Image, ImageCms, ImageOps

from dml.accounts.photos.rules import PIXELS_MAX, SIDE, THUMBNAIL_SIDE, TOO_MANY_PIXELS
from dml.inference.signature import Reason, Refused

FORMATS: Final = ("JPEG", "PNG", "WEBP")  # Named, because PIL opens much more.
MOVING: Final = ("PNG", "WEBP")  # A JPEG of several pictures is one photo, and a depth map beside.
QUALITY: Final = 82
WHITE: Final = (255, 255, 255, 255)

Image.MAX_IMAGE_PIXELS = PIXELS_MAX

_SRGB: Final = ImageCms.createProfile("sRGB")
_ABOVE: Final = 2 * SIDE  # A JPEG is decoded to a size above this at once: an eighth of the work.


class Pictures(NamedTuple):
    """Two files in WebP."""

    photo: bytes
    thumbnail: bytes


def make(content: bytes) -> Pictures:
    """Make both pictures of a JPEG, PNG or WebP. Refused for anything else."""
    try:
        image = _shrunk(_upright_source(content))
    except (Refused, MemoryError):
        raise
    except Exception as broken:  # On hostile bytes PIL raises a dozen kinds, not OSError alone.
        raise _unreadable() from broken
    square = ImageOps.fit(image, (THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    return Pictures(_written(image), _written(square))


def _upright_source(content: bytes) -> Image.Image:
    """The picture of this file, not decoded yet, if it is one that is taken."""
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bomb:
        raise _too_many_pixels() from bomb
    if image.width * image.height > PIXELS_MAX:
        raise _too_many_pixels()
    if min(image.size) < THUMBNAIL_SIDE:
        least = f"It has {image.width} by {image.height} pixels"
        raise _refused("too_small", f"{least}; {THUMBNAIL_SIDE} each way are the least.")
    if image.format in MOVING and getattr(image, "is_animated", False):
        raise _refused("animated", "It is animated. Send a single picture.")
    return image


def _shrunk(source: Image.Image) -> Image.Image:
    """RGB in sRGB of `SIDE` pixels at most, upright, without anything beside its pixels."""
    orientation, profile = _orientation(source), source.info.get("icc_profile")
    source.draft(None, (_ABOVE, _ABOVE))
    image = _of_8_bits(source)
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", seen.size, WHITE), seen).convert("RGB")
    image = _in_srgb(image, profile)
    clean = Image.new("RGB", image.size)
    clean.paste(image)
    clean.getexif()[ExifTags.Base.Orientation] = orientation
    return ImageOps.exif_transpose(clean)


def _orientation(source: Image.Image) -> int:
    try:
        return int(source.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # Damaged metadata: the picture is good all the same.
        return 1


def _of_8_bits(source: Image.Image) -> Image.Image:
    """The picture decoded, in a mode that can be resized well; PIL's own conversion would clip."""
    if source.mode.startswith("I"):
        return source.point(lambda shade: shade * (1 / 256)).convert("L")
    if source.mode in ("1", "P", "PA"):
        return source.convert("RGBA" if source.has_transparency_data else "RGB")
    source.load()
    return source


def _in_srgb(image: Image.Image, profile: object) -> Image.Image:
    """What phones write in wider colors would look pale without its profile, which is left out."""
    if isinstance(profile, bytes) and profile:
        try:
            known = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            made = ImageCms.profileToProfile(image, known, _SRGB, outputMode="RGB")
        except Exception:  # A profile that is damaged, or of another kind of picture.
            made = None
        if made is not None:
            return made
    return image.convert("RGB")


def _written(image: Image.Image) -> bytes:
    clean, file = Image.new("RGB", image.size), io.BytesIO()
    clean.paste(image)
    clean.save(file, "WEBP", quality=QUALITY, method=4)
    return file.getvalue()


def _refused(name: str, detail: str) -> Refused:
    return Refused([Reason(f"photo.{name}", detail)])


def _unreadable() -> Refused:
    return _refused("unreadable", "It is no JPEG, PNG or WebP, or a damaged one.")


def _too_many_pixels() -> Refused:
    return Refused([Reason(TOO_MANY_PIXELS, "It has more than 16 megapixels.")])
