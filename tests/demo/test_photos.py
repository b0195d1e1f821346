"""The photos are what the truth says that they are."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from demo import digits, photos
from demo.digits import GREY_OF_ONE, LABELS, SIDE, Digits
from demo.made import Album

DEVICES = 20


@pytest.fixture(scope="module")
def unseen() -> Digits:
    return digits.halve(0).unseen


@pytest.fixture(scope="module")
def album(unseen: Digits, tmp_path_factory: pytest.TempPathFactory) -> Album:
    return photos.take(unseen, tmp_path_factory.mktemp("photos"), DEVICES, 0)


def files(album: Album) -> list[Path]:
    return [path for folder in album.folders for path in sorted(folder.iterdir())]


def date_of(path: Path) -> str | None:
    with Image.open(path) as image:
        assert image.format == "JPEG"
        date = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal)
        return None if date is None else str(date)


def test_each_device_has_a_folder_of_its_own_with_a_photo_at_least(album: Album) -> None:
    sizes = [len(list(folder.iterdir())) for folder in album.folders]
    assert len(set(album.folders)) == DEVICES
    assert min(sizes) >= 1
    assert len(set(sizes)) > DEVICES // 2, "the shares are to be unequal"


def test_nobody_else_may_look_into_a_folder(album: Album) -> None:
    assert {folder.stat().st_mode & 0o777 for folder in album.folders} == {0o700}


def test_the_truth_counts_every_photo_once(album: Album, unseen: Digits) -> None:
    truth = album.truth
    assert truth.photos == len(files(album)) == len(unseen.numbers)
    assert truth.labels == Counter(LABELS[number] for number in unseen.numbers)
    assert sum(truth.months.values()) + truth.undated == truth.photos


def test_dates_are_in_the_files_as_the_truth_says(album: Album) -> None:
    dates = [date_of(path) for path in files(album)]
    dated = [it for it in dates if it is not None]
    assert all(re.fullmatch(r"2025:\d\d:\d\d \d\d:\d\d:\d\d", it) for it in dated)
    assert Counter(it[:7].replace(":", "-") for it in dated) == Counter(album.truth.months)
    assert len(dates) - len(dated) == album.truth.undated
    assert 0.01 < album.truth.undated / album.truth.photos < 0.06


def test_a_photo_shows_its_digit(album: Album, unseen: Digits) -> None:
    for path in files(album)[:50]:
        with Image.open(path) as image:
            small = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), float)
        pixels = unseen.pixels[int(path.stem)].reshape(SIDE, SIDE)
        assert np.abs(small / GREY_OF_ONE - pixels).max() < 1


def test_the_same_seed_makes_the_same_photos(unseen: Digits, album: Album, tmp_path: Path) -> None:
    again = photos.take(unseen, tmp_path / "again", DEVICES, 0)
    other = photos.take(unseen, tmp_path / "other", DEVICES, 1)
    assert again.truth == album.truth
    assert other.truth.months != album.truth.months


def test_two_hundred_devices_all_have_photos(unseen: Digits) -> None:
    for seed in range(20):
        owners = photos.share_out(unseen.numbers, 200, np.random.default_rng(seed))
        assert np.bincount(owners, minlength=200).min() >= 1
