"""Photos as files: which are read, as viewers show them; their day; and what is none."""

import datetime as dt
import io
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import ExifTags, Image, PngImagePlugin

from dml.inference.images import PIXELS_MAX, Unreadable, prepare
from dml.inference.photo_files import (
    Photo,
    decode_photo,
    look_at,
    read_photo,
)
from tests.inference.test_images import RGB, spec

TODAY = dt.date(2026, 11, 28)
NOISE = Image.fromarray(np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8))


def saved(image: Image.Image, format_: str = "JPEG", **more: Any) -> bytes:
    """As PIL writes it; HEIF without telling PIL of it, which is left to what is tested."""
    file = io.BytesIO()
    if format_ == "HEIF":
        exif = more.pop("exif", Image.Exif()).tobytes()
        pillow_heif.from_pillow(image).save(file, exif=exif, quality=-1)
    else:
        image.save(file, format_, **more)
    return file.getvalue()


def decoded(data: bytes, name: str = "photo") -> Photo:
    return decode_photo(data, name, TODAY)


def encoded(format_: str = "JPEG", **more: Any) -> bytes:
    return saved(RGB.copy(), format_, **more)


def dated(text: Any, tag: int = ExifTags.Base.DateTimeOriginal, format_: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera"
    place = exif if tag == ExifTags.Base.DateTime else exif.get_ifd(ExifTags.IFD.Exif)
    place[tag] = text
    return encoded(format_, exif=exif)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024:02:29 23:59:59", dt.date(2024, 2, 29)),
        ("1900:01:01 00:00:00", dt.date(1900, 1, 1)),
        ("2024:05:06 07:08:09  ", dt.date(2024, 5, 6)),
        ("2019:01:01 24:04:20", dt.date(2019, 1, 1)),
        ("2025:01:14 18:31:30+0000", dt.date(2025, 1, 14)),
        ("2025:01:14 18:31:30.123", dt.date(2025, 1, 14)),
        ("2025:01:14 18:31:30Z", dt.date(2025, 1, 14)),
        ("2025-01-14T18:31:30", dt.date(2025, 1, 14)),
        ("2025/01/14 18:31:30", dt.date(2025, 1, 14)),
        ("2025.1.4", dt.date(2025, 1, 4)),
        ("2016:12:31 11:59:00 PM", dt.date(2016, 12, 31)),
        ("2016:12:31 23:59:60", dt.date(2016, 12, 31)),
        ("2026:11:29 00:00:00", TODAY + dt.timedelta(days=1)),  # of a clock that is ahead
        ("2026:11:30 00:00:00", None),
        ("2099:12:31 23:59:59", None),
        ("1899:12:31 00:00:00", None),
        ("0000:00:00 00:00:00", None),
        ("2023:02:29 00:00:00", None),
        ("    :  :     :  :  ", None),
        ("2024:05-06", None),
        ("20240506", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_the_day_is_the_photos_own(text: str, day: dt.date | None) -> None:
    assert decoded(dated(text)).taken == day


@pytest.mark.filterwarnings("ignore:Corrupt EXIF:UserWarning")
def test_a_photo_without_exif_or_with_damaged_exif_is_undated_and_unturned() -> None:
    assert decoded(encoded()).taken is None
    whole = dated("2024:05:06 07:08:09")
    place = whole.index(b"Exif\0\0") + 6
    for damaged in (b"XX", b"MM\0\x2a\xff\xff\xff\xff", b"II\x2a\0\x08\0\0\0\xff\xff\x12\x01"):
        photo = decoded(whole[:place] + damaged + whole[place + len(damaged) :])
        assert photo.taken is None
        assert prepare(photo.image, spec(color="rgb")).shape == (2, 2, 3)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_the_usual_formats_are_read(format_: str, tmp_path: Path) -> None:
    path = tmp_path / "photo.bin"  # what is inside counts
    path.write_bytes(encoded(format_))
    assert read_photo(path, TODAY).image.size == (2, 2)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe0" + bytes(100),
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        encoded()[:300],
        encoded("PNG")[:45],
        encoded("TIFF")[:20],
        encoded("WEBP")[:30],
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n",  # PIL would call ghostscript
    ],
    ids=range(10),
)
def test_what_is_no_photo_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        decoded(data)


@pytest.mark.filterwarnings("ignore")
def test_no_damage_to_a_photo_raises_anything_else() -> None:
    random = np.random.default_rng(3)
    for whole in (dated("2024:05:06 07:08:09"), encoded("PNG"), encoded("TIFF"), encoded("WEBP")):
        for _ in range(80):
            damaged = bytearray(whole)
            for place in random.integers(0, len(damaged), 3):
                damaged[place] = random.integers(256)
            try:
                photo = decoded(bytes(damaged))
            except Unreadable:
                continue
            if photo.image.width * photo.image.height < 1 << 20:
                prepare(photo.image, spec(color="rgb"))


@pytest.mark.parametrize("side", [9_460, 40_000])
def test_a_decompression_bomb_is_refused_before_it_unfolds(side: int) -> None:
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    whole = encoded("PNG")
    bomb = whole[:16] + header + struct.pack(">I", zlib.crc32(b"IHDR" + header)) + whole[33:]
    assert side**2 > PIXELS_MAX
    start = time.process_time()
    with pytest.raises(Unreadable, match="pixels"):
        decoded(bomb)
    assert time.process_time() - start < 0.5


def test_a_file_that_cannot_be_read_is_no_broken_photo(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_photo(tmp_path / "gone.jpg", TODAY)
    with (tmp_path / "huge.jpg").open("wb") as huge:
        huge.truncate(1 << 40)  # a hole: no disk is used
    with pytest.raises(Unreadable, match="larger"):
        read_photo(tmp_path / "huge.jpg", TODAY)


def test_other_dates_count_where_the_first_is_missing_or_none() -> None:
    early, day = "2003:05:06 10:00:00", dt.date(2003, 5, 6)
    for tag in (ExifTags.Base.DateTimeDigitized, ExifTags.Base.DateTime):
        assert decoded(dated(early, tag)).taken == day
    assert decoded(dated(early, ExifTags.Base.DateTime, "TIFF")).taken == day
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2099:01:01 00:00:00"
    exif[ExifTags.Base.DateTime] = early
    assert decoded(encoded(exif=exif), "IMG_20010203_1.jpg").taken == day


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_each_format_tells_its_day_and_by_its_head_alone(format_: str) -> None:
    data = dated("2003:05:06 10:00:00", format_=format_)
    assert decoded(data).taken == dt.date(2003, 5, 6)
    assert look_at(io.BytesIO(data), "photo", TODAY) == dt.date(2003, 5, 6)


@pytest.mark.parametrize(
    "said",
    [
        '<rdf:Description exif:DateTimeOriginal="2003-05-06T10:00:00+02:00"/>',
        "<photoshop:DateCreated>2003-05-06</photoshop:DateCreated>",
        "<rdf:Description xmp:CreateDate = '2003-05-06T10:00' photoshop:DateCreated='2003'/>",
    ],
)
@pytest.mark.parametrize("format_", ["JPEG", "WEBP", "AVIF"])
def test_xmp_tells_the_day_where_exif_does_not(format_: str, said: str) -> None:
    file = io.BytesIO()
    NOISE.save(file, format_, xmp=f"<x:xmpmeta>{said}</x:xmpmeta>".encode())
    assert decoded(file.getvalue()).taken == dt.date(2003, 5, 6)


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("IMG_20190102_123456.jpg", dt.date(2019, 1, 2)),
        ("PXL_20190102_123456789.MP.jpg", dt.date(2019, 1, 2)),
        ("20190102123456.jpg", dt.date(2019, 1, 2)),
        ("IMG-20190102-WA0001.jpg", dt.date(2019, 1, 2)),
        ("2019-01-02 12.34.56.jpg", dt.date(2019, 1, 2)),
        ("Screenshot 2019-01-02 at 12.34.png", dt.date(2019, 1, 2)),
        ("Screenshot_20190102-123456.png", dt.date(2019, 1, 2)),
        ("DSC_0001.jpg", None),
        ("IMG_20191302.jpg", None),
        ("IMG_20990102.jpg", None),
        ("120190102.jpg", None),
        ("2019010.jpg", None),
        ("1546387200000.jpg", None),
    ],
)
def test_the_name_tells_the_day_where_nothing_else_does(name: str, day: dt.date | None) -> None:
    assert decoded(encoded(), name).taken == day
    assert decoded(dated("2003:05:06 10:00:00"), name).taken == dt.date(2003, 5, 6)


def test_the_photos_of_iphones_are_read() -> None:
    assert decoded(saved(NOISE, "HEIF")).image.size == (64, 48)
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    file = io.BytesIO()
    NOISE.save(file, "AVIF", exif=turned)
    assert prepare(decoded(file.getvalue()).image, spec()).shape == (2, 2, 1)


def test_pictures_with_large_or_damaged_metadata_are_read_as_viewers_show_them() -> None:
    file, text = io.BytesIO(), PngImagePlugin.PngInfo()
    text.add_text("workflow", "x" * 1_500_000, zip=True)
    NOISE.save(file, "PNG", pnginfo=text, icc_profile=bytes(1_500_000))
    assert decoded(file.getvalue()).image.size == NOISE.size
    whole = saved(Image.new("L", (8, 8), 191), "PNG")
    wrong = struct.pack(">I", 5) + b"tEXta\0bcd" + bytes(4)
    photo = decoded(whole[:33] + wrong + whole[33:])
    assert photo.image.getextrema() == (191, 191)


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_picture_without_its_last_bytes_is_read(missing: int) -> None:
    for image in (NOISE, Image.new("L", (64, 48), 191)):
        assert decoded(saved(image, quality=95)[:-missing]).image.size == (64, 48)
    for format_ in ("PNG", "GIF") if missing < 3 else ("PNG",):
        assert decoded(saved(NOISE, format_)[:-missing]).image.size == (64, 48)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "HEIF"])
def test_a_picture_of_which_a_half_is_missing_is_none(format_: str) -> None:
    whole = saved(NOISE, format_)
    with pytest.raises(Unreadable):
        decoded(whole[: len(whole) // 2])


def test_the_first_picture_of_several_counts() -> None:
    black = Image.new("RGB", (8, 8))
    for format_ in ("GIF", "WEBP", "PNG", "TIFF"):
        moving = saved(black, format_, save_all=True, append_images=[NOISE.resize((8, 8))])
        assert prepare(decoded(moving).image, spec()).max() == 0


def test_a_palette_with_transparent_colors_lies_on_white() -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([1, 1, 1, 200, 200, 200])
    picture.putpixel((1, 0), 1)
    image = decoded(saved(picture, "PNG", transparency=b"\x00\x80")).image
    assert prepare(image, spec(layout="flat", height=1)).tolist() == [255, 227]


@pytest.mark.parametrize("photometric", [0, 1])
def test_deep_tiffs_that_count_white_as_nothing_are_turned_around(photometric: int) -> None:
    grey = Image.fromarray(np.full((2, 2), 191 * 257, np.uint16))
    image = decoded(saved(grey, "TIFF", tiffinfo={262: photometric})).image
    want = 191 if photometric else 64
    assert prepare(image, spec(layout="flat")).tolist() == [want] * 4


def test_cmyk_and_the_deep_pngs_of_scanners_are_read() -> None:
    grey = np.full((48, 64), 191 * 257, np.uint16)
    for data in (
        saved(Image.fromarray(grey), "PNG"),
        saved(NOISE.convert("CMYK")),
        saved(NOISE.convert("CMYK"), "TIFF"),
        saved(NOISE.convert("1"), "PNG"),
        saved(NOISE.convert("LA"), "PNG"),
    ):
        assert prepare(decoded(data).image, spec(color="rgb")).shape == (2, 2, 3)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_a_look_at_the_head_costs_a_fraction_of_decoding(format_: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.DateTime] = "2003:05:06 10:00:00"
    for more in ({"exif": exif}, {}):
        data = saved(Image.effect_noise((1500, 1000), 60), format_, **more)
        decoded(data)
        look_at(io.BytesIO(data), "photo", TODAY)
        began = time.process_time()
        day = look_at(io.BytesIO(data), "photo", TODAY)
        looked = time.process_time()
        assert decoded(data).taken == day == (dt.date(2003, 5, 6) if more else None)
        assert (time.process_time() - looked) > 5 * (looked - began)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_a_look_at_a_damaged_head_raises_nothing_else(format_: str) -> None:
    random, whole = np.random.default_rng(5), dated("2003:05:06 10:00:00", format_=format_)
    for _ in range(60):
        damaged = bytearray(whole)
        for place in random.integers(0, len(damaged), 3):
            damaged[place] = random.integers(256)
        try:
            look_at(io.BytesIO(bytes(damaged)), "photo", TODAY)
            decoded(bytes(damaged))
        except Unreadable:
            continue
