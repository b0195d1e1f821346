"""What is made of a photo: two small pictures, upright, with nothing beside their pixels."""

import io
from typing import Any

import pytest
from PIL import Image, ImageCms

from dml.accounts.photos import pictures
from dml.accounts.photos.rules import SIDE, THUMBNAIL_SIDE
from dml.inference.signature import Refused
from tests.accounts.photos import files


def read(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content), formats=("WEBP",))
    image.load()
    return image


def looks_like(pixel: Any, color: tuple[int, int, int]) -> bool:
    return all(abs(it - wanted) < 12 for it, wanted in zip(pixel, color, strict=True))


def test_a_phones_photo_stands_upright_and_tells_nothing() -> None:
    content = files.telling_photo()
    assert content.count(files.SECRET.encode()) == 4
    made = pictures.make(content)
    photo, thumbnail = read(made.photo), read(made.thumbnail)
    assert (photo.size, thumbnail.size) == ((384, SIDE), (THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    for it in (photo, thumbnail):
        middle = it.width // 2
        assert looks_like(it.getpixel((middle, 4)), (255, 0, 0))
        assert looks_like(it.getpixel((middle, it.height - 5)), (0, 0, 255))
        assert not it.getexif()
        assert it.info.keys() <= {"background", "loop", "timestamp", "duration"}
    assert files.SECRET.encode() not in made.photo + made.thumbnail


def test_a_small_photo_is_not_blown_up() -> None:
    made = pictures.make(files.plain(size=(120, 100)))
    assert read(made.photo).size == (120, 100)


@pytest.mark.parametrize(
    ("mode", "shade", "seen"),
    [
        ("L", 100, (100, 100, 100)),
        ("1", 1, (255, 255, 255)),
        ("P", 0, (0, 0, 0)),
        ("I;16", 100 * 256, (100, 100, 100)),
        ("RGBA", (0, 0, 0, 0), (255, 255, 255)),
        ("LA", (100, 255), (100, 100, 100)),
    ],
)
def test_each_kind_of_png_is_shown_as_viewers_do(mode: str, shade: Any, seen: Any) -> None:
    content = files.saved(Image.new(mode, (100, 100), shade), "PNG")
    assert looks_like(read(pictures.make(content).photo).getpixel((50, 50)), seen)


def test_wide_colors_are_made_those_of_all_screens() -> None:
    wide = ImageCms.createProfile("LAB")  # No profile for RGB: it is left out, and does no harm.
    profile = ImageCms.ImageCmsProfile(wide).tobytes()
    image = Image.new("RGB", (100, 100), (200, 100, 50))
    for it in (profile, b"nonsense"):
        made = pictures.make(files.saved(image, "JPEG", icc_profile=it, quality=95))
        photo = read(made.photo)
        assert looks_like(photo.getpixel((50, 50)), (200, 100, 50))
        assert "icc_profile" not in photo.info


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(files.claiming_png(20_000, 20_000), "too_many_pixels", id="png-bomb"),
        pytest.param(files.claiming_png(4097, 4096), "too_many_pixels", id="one-column-more"),
        pytest.param(files.claiming_png(4096, 4096), "unreadable", id="rows-missing"),
        pytest.param(files.animated("PNG", 3), "animated", id="animated-png"),
        pytest.param(files.animated("WEBP", 3), "animated", id="animated-webp"),
        pytest.param(files.plain(size=(95, 400)), "too_small", id="narrow"),
        pytest.param(files.plain(kind="JPEG")[:-200], "unreadable", id="cut-off"),
        pytest.param(files.gif(10_000), "unreadable", id="gif"),
        pytest.param(files.SVG, "unreadable", id="svg"),
    ],
)
def test_what_is_no_photo_is_refused_with_its_reason(content: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        pictures.make(content)
    assert refused.value.codes == (f"photo.{code}",)


def test_a_photo_of_several_pictures_is_its_first() -> None:
    first, second = (Image.new("RGB", (100, 100), it) for it in ("red", "blue"))
    content = files.saved(first, "MPO", save_all=True, append_images=[second])
    assert looks_like(read(pictures.make(content).photo).getpixel((50, 50)), (255, 0, 0))
