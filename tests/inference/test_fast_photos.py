"""JPEGs that a spec has read at a part of their size, and those of 100 megapixels."""

import datetime as dt
import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from dml.inference.images import PIXELS_MAX, Unreadable, prepare
from dml.inference.photo_files import (
    SCALED_PIXELS_MAX,
    decode_photo,
    look_at,
)
from tests.inference.test_images import spec
from tests.inference.test_photo_files import NOISE, TODAY, decoded, saved

FAST = {"color": "rgb", "width": 10, "height": 8, "decode": "fast"}


@pytest.mark.parametrize(
    ("side", "changes", "read_at"),
    [
        ((159, 127), {}, 4),
        ((160, 128), {}, 8),
        ((39, 64), {}, 1),
        ((40, 32), {}, 2),
        ((160, 127), {"resize": "fill"}, 4),
        ((160, 500), {"resize": "fill"}, 8),
        ((160, 500), {"resize": "fit"}, 8),
        ((160, 128), {"resize": "crop", "shortest_edge": 10}, 4),
        ((500, 160), {"resize": "crop", "shortest_edge": 10}, 8),
    ],
    ids=str,
)
def test_a_fast_spec_reads_jpegs_as_small_as_two_pixels_for_each_number(
    side: tuple[int, int], changes: dict[str, Any], read_at: int
) -> None:
    fast = spec(**FAST | changes)
    for turned in (1, 6):
        picture = NOISE.resize(side if turned == 1 else side[::-1])
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = turned
        data = saved(picture, exif=exif, quality=95)
        photo = decode_photo(data, "photo.jpg", TODAY, fast)
        assert photo.image.size == tuple(-(-it // read_at) for it in picture.size)
        whole = prepare(decoded(data).image, fast)
        assert np.abs(prepare(photo.image, fast) - whole).max() < (60 if read_at > 1 else 0.001)


def test_what_is_no_jpeg_is_read_whole_and_all_of_it_where_the_spec_says_nothing() -> None:
    picture = NOISE.resize((160, 128))
    for format_ in ("PNG", "WEBP"):
        data = saved(picture, format_)
        assert decode_photo(data, "photo", TODAY, spec(**FAST)).image.size == picture.size
    whole = spec(**FAST | {"decode": "whole"})
    assert decode_photo(saved(picture), "photo", TODAY, whole).image.size == picture.size


def test_the_numbers_of_a_fast_spec_are_the_same_everywhere() -> None:
    shades = np.add.outer(np.arange(48) * 3, np.arange(64) * 2).astype(np.uint8)
    data = saved(Image.fromarray(shades), quality=90)
    fast = spec(width=4, height=3, decode="fast")
    read = decode_photo(data, "photo", TODAY, fast).image
    assert prepare(read, fast).ravel().tolist() == [
        *(37.5, 69.5, 102.0, 133.5),
        *(85.5, 117.5, 150.0, 181.5),
        *(133.5, 165.5, 198.0, 213.25),
    ]


def test_jpegs_of_100_megapixels_are_left_to_fast_specs() -> None:
    data = saved(Image.new("L", (9_480, 9_480), 99))
    head = io.BytesIO(data)
    with pytest.raises(Unreadable, match="more than 89478485 pixels"):
        decoded(data)
    with pytest.raises(Unreadable, match="more than 89478485 pixels"):
        look_at(head, "20240506_120000.jpg", TODAY)
    head.seek(0)
    assert look_at(head, "20240506_120000.jpg", TODAY, spec(**FAST)) == dt.date(2024, 5, 6)
    photo = decode_photo(data, "photo.jpg", TODAY, spec(**FAST))
    assert photo.image.size == (1_185, 1_185)
    assert np.unique(prepare(photo.image, spec(**FAST))).tolist() == [99]


@pytest.mark.parametrize(
    ("sides", "more", "changes", "most"),
    [
        ((17_000, 17_000), {}, {}, SCALED_PIXELS_MAX),
        ((9_480, 9_480), {"progressive": True}, {}, PIXELS_MAX),
        ((65_000, 4_000), {}, {"width": 1_500, "height": 1_500}, PIXELS_MAX),
    ],
    ids=str,
)
def test_what_would_be_too_large_even_so_is_refused_by_its_head(
    sides: tuple[int, int], more: dict[str, Any], changes: dict[str, Any], most: int
) -> None:
    data = bytearray(saved(NOISE, **more))
    place = data.index(b"\xff\xc2" if more else b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", *sides[::-1])
    with pytest.raises(Unreadable, match=f"more than {most} pixels"):
        decode_photo(bytes(data), "photo.jpg", TODAY, spec(**FAST | changes))


def test_what_is_cut_off_is_seen_at_an_eighth_too() -> None:
    data = saved(NOISE.resize((640, 480)), quality=95)
    fast = spec(**FAST)
    whole = decode_photo(data[:-2], "photo.jpg", TODAY, fast)
    assert whole.image.size == (80, 60)
    for kept in (0.5, 0.9, 0.97):
        with pytest.raises(Unreadable, match="cut off"):
            decode_photo(data[: int(len(data) * kept)], "photo.jpg", TODAY, fast)
