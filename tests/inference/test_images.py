"""Each option of the input spec against arrays worked out by hand; photos that are none."""

import datetime as dt
import io
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from dml.inference.images import (
    PIXELS_MAX,
    Unreadable,
    decode_photo,
    prepare,
    probabilities,
    read_photo,
)
from dml.inference.spec import InputSpec, read

SPEC = {
    "kind": "image",
    "color": "grey",
    "width": 2,
    "height": 2,
    "resize": "stretch",
    "layout": "NHWC",
    "scale": 1,
    "mean": 0,
    "std": 1,
    "output": {"name": "p", "activation": "none"},
}
RGB = Image.fromarray(
    np.array([[[10, 20, 30], [40, 50, 60]], [[70, 80, 90], [100, 110, 120]]], np.uint8)
)


def spec(**changes: Any) -> InputSpec:
    return read(SPEC | changes)


def grey(rows: list[list[int]]) -> Image.Image:
    return Image.fromarray(np.array(rows, np.uint8))


def flat(image: Image.Image, **changes: Any) -> list[float]:
    values: list[float] = prepare(image, spec(layout="flat", **changes)).tolist()
    return values


def test_layouts() -> None:
    assert prepare(RGB, spec(color="rgb", layout="NHWC")).tolist() == [
        [[10, 20, 30], [40, 50, 60]],
        [[70, 80, 90], [100, 110, 120]],
    ]
    assert prepare(RGB, spec(color="rgb", layout="NCHW")).tolist() == [
        [[10, 40], [70, 100]],
        [[20, 50], [80, 110]],
        [[30, 60], [90, 120]],
    ]
    assert flat(RGB, color="rgb") == [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120]
    assert prepare(RGB, spec(layout="NCHW")).shape == (1, 2, 2)
    assert prepare(RGB, spec()).shape == (2, 2, 1)
    assert prepare(RGB, spec()).dtype == np.float32


def test_grey_is_luma() -> None:
    colors = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
    values = [flat(Image.new("RGB", (1, 1), color), width=1, height=1)[0] for color in colors]
    assert values == [76, 150, 29, 255]  # 255 × .299, .587, .114


def test_a_grey_picture_as_rgb_has_three_equal_channels() -> None:
    item = prepare(grey([[7]]), spec(color="rgb", width=1, height=1))
    assert item.tolist() == [[[7, 7, 7]]]


@pytest.mark.parametrize(
    ("image", "value"),
    [
        (Image.new("RGBA", (1, 1), (255, 255, 255, 0)), 255),  # the alpha is left out
        (Image.new("LA", (1, 1), (9, 0)), 9),
        (Image.new("1", (1, 1), 1), 255),
        (Image.new("CMYK", (1, 1), (0, 0, 0, 0)), 255),
        (Image.new("RGB", (1, 1), (5, 5, 5)).convert("P"), 0),  # the web palette has no 5
    ],
)
def test_other_modes_of_pictures(image: Image.Image, value: int) -> None:
    assert flat(image, width=1, height=1) == [value]


def test_a_palette_with_transparent_colors_is_read_without_a_warning() -> None:
    file = io.BytesIO()
    picture = Image.new("P", (2, 1))
    picture.putpalette([1, 1, 1, 200, 200, 200])
    picture.putpixel((1, 0), 1)
    picture.save(file, "PNG", transparency=b"\x00\x80")
    assert flat(decode_photo(file.getvalue()).image, width=2, height=1) == [1, 200]


def test_stretch_averages_areas_and_forgets_proportions() -> None:
    rows = [[0, 10, 20, 30], [2, 12, 22, 32], [100, 110, 120, 130], [102, 112, 122, 132]]
    assert flat(grey(rows)) == [6, 26, 106, 126]
    assert flat(grey([[0, 100, 200, 40]])) == [50, 120, 50, 120]


def test_stretching_to_more_pixels_repeats_them() -> None:
    assert flat(grey([[1, 2]]), width=4, height=1) == [1, 1, 2, 2]
    assert flat(grey([[1], [2]]), width=1, height=3) == [1, 1, 2]


def test_fit_centres_on_black() -> None:
    wide = grey([[10, 10, 50, 50], [10, 10, 50, 50]])  # into 4 × 4: black above and below
    assert prepare(wide, spec(width=4, height=4, resize="fit"))[..., 0].tolist() == [
        [0, 0, 0, 0],
        [10, 10, 50, 50],
        [10, 10, 50, 50],
        [0, 0, 0, 0],
    ]
    assert flat(wide, resize="fit") == [10, 50, 0, 0]  # 2 × 1 inside 2 × 2: the odd row goes below
    tall = grey([[10], [20], [30], [40]])  # 1 × 4 into 2 × 2: less than a pixel wide is one pixel
    assert flat(tall, resize="fit") == [15, 0, 35, 0]


def test_fit_of_equal_proportions_is_stretch() -> None:
    picture = grey([[0, 10, 20, 30]] * 4)
    assert flat(picture, resize="fit") == flat(picture) == [5, 25, 5, 25]


def test_the_black_around_a_fitted_picture_is_normalised_too() -> None:
    assert flat(grey([[10, 10]]), resize="fit", mean=4, std=2) == [3, 3, -2, -2]


def test_fill_cuts_what_is_outside_of_the_targets_proportions() -> None:
    assert flat(grey([[99, 1, 2, 99], [99, 3, 4, 99]]), resize="fill") == [1, 2, 3, 4]
    assert flat(grey([[99, 99], [1, 2], [3, 4], [99, 99]]), resize="fill") == [1, 2, 3, 4]
    wide = grey([[99, 10, 20, 40, 99]] * 2)
    assert flat(wide, resize="fill") == [10, 20, 10, 20]  # (5 − 2) ÷ 2, rounded down


def test_sizes_that_do_not_divide() -> None:
    five = grey([[0, 10, 20, 30, 40]])
    assert flat(five, width=2, height=1) == [5, 30]  # columns 0–1 and 2–4
    assert flat(five, width=3, height=1) == [0, 15, 35]
    assert flat(grey([[1, 2, 3]]), width=5, height=1) == [1, 1, 2, 2, 3]
    # Not rounded between the two directions.
    assert flat(grey([[1, 2], [3, 5]]), width=1, height=1) == [2.75]


def test_scale_mean_and_std() -> None:
    pair = grey([[0, 255]])
    assert flat(pair, height=1, scale=1 / 255) == [0, 1]
    assert flat(pair, height=1, scale=1 / 255, mean=0.5, std=0.5) == [-1, 1]
    assert flat(grey([[10, 20]]), height=1, scale=2, mean=4, std=8) == [2, 4.5]
    one = Image.new("RGB", (1, 1), (10, 20, 30))
    each = spec(color="rgb", width=1, height=1, layout="NCHW", mean=[10, 10, 10], std=[1, 2, 4])
    assert prepare(one, each).ravel().tolist() == [0, 5, 5]


@pytest.mark.parametrize(
    ("orientation", "values"),
    [
        (1, [1, 2, 3, 4]),
        (2, [2, 1, 4, 3]),
        (3, [4, 3, 2, 1]),
        (4, [3, 4, 1, 2]),
        (5, [1, 3, 2, 4]),
        (6, [3, 1, 4, 2]),
        (7, [4, 2, 3, 1]),
        (8, [2, 4, 1, 3]),
        (9, [1, 2, 3, 4]),
    ],
)
def test_a_picture_is_turned_as_exif_says(orientation: int, values: list[int]) -> None:
    picture = grey([[1, 2], [3, 4]])
    picture.getexif()[ExifTags.Base.Orientation] = orientation
    assert flat(picture) == values


def test_a_strip_higher_than_16_bits_can_sum_is_exact() -> None:
    assert flat(Image.new("L", (3, 5000), 255), width=1, height=1) == [255]
    ramp = grey([[row % 251] for row in range(5000)])
    exact = sum(row % 251 for row in range(5000)) / 5000
    assert flat(ramp, width=1, height=1) == [np.float32(exact)]


def test_any_picture_is_the_mean_of_its_cells_as_the_definition_says() -> None:
    random = np.random.default_rng(7)
    for _ in range(60):
        width, height, new_width, new_height = (int(n) for n in random.integers(1, 40, 4))
        pixels = random.integers(0, 256, (height, width, 3), np.uint8)
        want = np.empty((new_height, new_width, 3))
        for row in range(new_height):
            top = row * height // new_height
            bottom = max(top + 1, (row + 1) * height // new_height)
            for column in range(new_width):
                left = column * width // new_width
                right = max(left + 1, (column + 1) * width // new_width)
                want[row, column] = pixels[top:bottom, left:right].astype(float).mean((0, 1))
        got = prepare(
            Image.fromarray(pixels), spec(color="rgb", width=new_width, height=new_height)
        )
        assert np.allclose(got, want, rtol=1e-6)


def test_the_picture_itself_is_left_as_it_was() -> None:
    picture = grey([[1, 2], [3, 4]])
    picture.getexif()[ExifTags.Base.Orientation] = 6
    prepare(picture, spec())
    assert picture.getexif()[ExifTags.Base.Orientation] == 6
    assert np.asarray(picture).tolist() == [[1, 2], [3, 4]]


def test_12_megapixels_take_a_fraction_of_a_second() -> None:
    photo = Image.new("RGB", (4000, 3000), (1, 2, 3))
    start = time.process_time()
    prepare(photo, spec(color="rgb", width=224, height=224, resize="fill", layout="NCHW"))
    assert time.process_time() - start < 0.3  # 0.02 where nothing else runs


def test_activations() -> None:
    def of(activation: str, rows: list[list[float]]) -> np.ndarray:
        output = {"name": "p", "activation": activation}
        return probabilities(np.array(rows, np.float32), spec(output=output))

    assert of("none", [[0.25, 0.75]]).tolist() == [[0.25, 0.75]]
    assert np.allclose(of("softmax", [[0, np.log(3)], [1000, 1000]]), [[0.25, 0.75], [0.5, 0.5]])
    assert np.allclose(of("sigmoid", [[0, np.log(3), -1000]]), [[0.5, 0.75, 0]])
    assert of("sigmoid", [[1]]).dtype == of("softmax", [[1]]).dtype == np.float32


def encoded(format_: str = "JPEG", **more: Any) -> bytes:
    file = io.BytesIO()
    RGB.save(file, format_, **more)
    return file.getvalue()


def dated(text: Any) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = text
    return encoded(exif=exif)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024:02:29 23:59:59", dt.date(2024, 2, 29)),
        ("1900:01:01 00:00:00", dt.date(1900, 1, 1)),
        ("2199:12:31 00:00:00", dt.date(2199, 12, 31)),
        ("2024:05:06 07:08:09  ", dt.date(2024, 5, 6)),
        ("1899:12:31 00:00:00", None),
        ("2200:01:01 00:00:00", None),
        ("0000:00:00 00:00:00", None),
        ("2023:02:29 00:00:00", None),
        ("    :  :     :  :  ", None),
        ("2024:05:06", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_the_day_is_the_photos_own(text: str, day: dt.date | None) -> None:
    assert decode_photo(dated(text)).taken == day


@pytest.mark.filterwarnings("ignore:Corrupt EXIF:UserWarning")
def test_a_photo_without_exif_or_with_damaged_exif_is_undated_and_unturned() -> None:
    assert decode_photo(encoded()).taken is None
    whole = dated("2024:05:06 07:08:09")
    place = whole.index(b"Exif\0\0") + 6
    for damaged in (b"XX", b"MM\0\x2a\xff\xff\xff\xff", b"II\x2a\0\x08\0\0\0\xff\xff\x12\x01"):
        photo = decode_photo(whole[:place] + damaged + whole[place + len(damaged) :])
        assert photo.taken is None
        assert prepare(photo.image, spec(color="rgb")).shape == (2, 2, 3)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_the_usual_formats_are_read(format_: str, tmp_path: Path) -> None:
    path = tmp_path / "photo.bin"  # what is inside counts
    path.write_bytes(encoded(format_))
    assert read_photo(path).image.size == (2, 2)


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
        decode_photo(data)


@pytest.mark.filterwarnings("ignore")
def test_no_damage_to_a_photo_raises_anything_else() -> None:
    random = np.random.default_rng(3)
    for whole in (dated("2024:05:06 07:08:09"), encoded("PNG"), encoded("TIFF"), encoded("WEBP")):
        for _ in range(80):
            damaged = bytearray(whole)
            for place in random.integers(0, len(damaged), 3):
                damaged[place] = random.integers(256)
            try:
                photo = decode_photo(bytes(damaged))
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
        decode_photo(bomb)
    assert time.process_time() - start < 0.5


def test_the_longest_line_that_may_be_read_is_stretched_without_unfolding_it() -> None:
    line = Image.new("L", (PIXELS_MAX // 4, 1), 9)
    assert set(flat(line, width=2, height=2048)) == {9}


def test_a_file_that_cannot_be_read_is_no_broken_photo(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_photo(tmp_path / "gone.jpg")
    with (tmp_path / "huge.jpg").open("wb") as huge:
        huge.truncate(1 << 40)  # a hole: no disk is used
    with pytest.raises(Unreadable, match="larger"):
        read_photo(tmp_path / "huge.jpg")
