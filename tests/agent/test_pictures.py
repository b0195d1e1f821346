"""Reduced pictures: a count with them is the same as without, and nothing of them does harm."""

import datetime as dt
import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from dml.agent import photos, pictures as kept_pictures
from dml.agent.photos import Reading, Tally
from dml.agent.pictures import Pictures, forget, size_of
from dml.inference.counting import Period
from dml.inference.spec import InputSpec
from tests.agent.market import Device, Market, end, open_job, start
from tests.inference.models import IMAGE_SPEC, image_spec

TODAY = dt.date(2026, 11, 28)
LONG_AGO = 1_700_000_000
SPECS = [
    image_spec(width=9, height=5, resize="fit", color="rgb", layout="NCHW", mean=[0.1, 0.2, 0.3]),
    image_spec(resize="crop", shortest_edge=11, color="rgb", layout="NHWC"),
    image_spec(resize="fill", width=70, layout="NHW"),
    image_spec(color="bgr", type="uint8", scale=1),
    image_spec(decode="fast", width=4, height=4),
]
SPECS_ALIKE = [image_spec(), image_spec(scale=2, mean=0.5, layout="NHW")]


@dataclass(frozen=True)
class Place:
    """A folder of photos, and one of reduced pictures beside it."""

    data: Path
    folder: Path
    key: Path

    def photo(self, name: str, seed: int, day: str | None = None, *, at: float = LONG_AGO) -> Path:
        path = self.data / name
        path.parent.mkdir(exist_ok=True)
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = seed % 8 + 1
        if day is not None:
            exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = f"{day} 12:00:00"
        noise = np.random.default_rng(seed).integers(0, 256, (40, 60 + seed, 3), np.uint8)
        Image.fromarray(noise).save(path, exif=exif)
        os.utime(path, (at, at))
        return path

    def count(
        self,
        spec: InputSpec,
        *,
        most_bytes: int = 1 << 20,
        period: Period | None = None,
        today: dt.date = TODAY,
    ) -> tuple[Any, int]:
        """All that a job sees of the photos, and how many of them were not decoded."""
        keeping = Pictures(self.folder, self.key, most_bytes=most_bytes)
        tally = Tally()
        found = photos.batches(
            self.data, Reading(spec, period, today, keeping), tally, breathe=lambda: None
        )
        items = [(it.items.dtype, it.items.tobytes(), it.taken) for it in found]
        return (items, tally.twice, tally.undated, tally.outside, tally.reasons), tally.kept

    def alone(self, spec: InputSpec, period: Period | None = None, today: dt.date = TODAY) -> Any:
        """The same without anything that is kept."""
        tally = Tally()
        reading = Reading(spec, period, today)
        found = photos.batches(self.data, reading, tally, breathe=lambda: None)
        items = [(it.items.dtype, it.items.tobytes(), it.taken) for it in found]
        return items, tally.twice, tally.undated, tally.outside, tally.reasons

    def entries(self) -> list[Path]:
        return sorted(self.folder.iterdir())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "photos").mkdir()
    return Place(tmp_path / "photos", tmp_path / "pictures", tmp_path / "pictures.key")


def test_a_second_job_decodes_nothing_and_sees_the_same_to_the_last_bit(place: Place) -> None:
    place.photo("1.jpg", 1, "2024:05:06")
    place.photo("a/2.png", 6)
    place.photo("a/IMG_20240708_1.webp", 7)
    shutil.copy2(place.photo("b.jpg", 3, "2023:01:02"), place.data / "copy.jpg")
    (place.data / "bad.jpg").write_bytes(b"none")
    for spec in SPECS:
        expected = place.alone(spec)
        assert place.count(spec) == (expected, 0)
        assert place.count(spec) == (expected, 4)
    year = Period(dt.date(2024, 1, 1), None)
    assert place.count(SPECS[0], period=year) == (place.alone(SPECS[0], year), 2)


def test_specs_that_reduce_alike_share_what_is_kept(place: Place) -> None:
    place.photo("1.jpg", 1)
    first, second = SPECS_ALIKE
    place.count(first)
    assert place.count(second) == (place.alone(second), 1)


def test_a_day_that_lay_ahead_counts_from_that_day_on(place: Place) -> None:
    place.photo("IMG_20240708_1.jpg", 1, "2027:05:06")
    for today in (TODAY, TODAY, dt.date(2027, 6, 1), TODAY):
        seen, _ = place.count(SPECS[0], today=today)
        assert seen == place.alone(SPECS[0], today=today)


def _written(place: Place) -> None:
    place.photo("1.jpg", 9)


def _same_size_and_time(place: Place) -> None:
    path = place.data / "1.jpg"
    found, data = path.stat(), path.read_bytes()
    with path.open("r+b") as file:
        file.write(data[:-400] + bytes(reversed(data[-400:-2])) + data[-2:])
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def _replaced(place: Place) -> None:
    place.photo("2.jpg", 2).rename(place.data / "1.jpg")


@pytest.mark.parametrize("change", [_written, _same_size_and_time, _replaced])
def test_a_file_that_changed_is_read_anew(place: Place, change: Callable[[Place], None]) -> None:
    place.photo("1.jpg", 1)
    before, _ = place.count(SPECS[0])
    change(place)
    expected = place.alone(SPECS[0])
    assert expected != before
    assert place.count(SPECS[0]) == (expected, 0)
    assert len(place.entries()) == 1


def test_what_was_written_a_moment_ago_is_not_kept_yet(place: Place) -> None:
    path = place.photo("1.jpg", 1)
    path.touch()
    place.count(SPECS[0])
    assert place.entries() == []


def test_what_is_damaged_or_of_another_photo_is_read_anew(place: Place) -> None:
    place.photo("1.jpg", 1)
    place.photo("2.jpg", 2)
    expected = place.alone(SPECS[0])
    place.count(SPECS[0])
    one, other = place.entries()
    whole = one.read_bytes()
    for data in (b"", whole[:20], whole[:-1], whole[:99] + b"!" + whole[100:], other.read_bytes()):
        one.write_bytes(data)
        assert place.count(SPECS[0]) == (expected, 1)
    one.unlink()
    one.symlink_to(other)
    assert place.count(SPECS[0]) == (expected, 1)
    place.key.write_bytes(b"damaged")
    assert place.count(SPECS[0]) == (expected, 0)
    assert place.count(SPECS[0]) == (expected, 2)


def test_it_is_the_owners_alone_and_tells_nothing_without_the_key(place: Place) -> None:
    place.photo("1.jpg", 1)
    place.count(SPECS[0])
    (entry,) = place.entries()
    modes = [stat.S_IMODE(it.stat().st_mode) for it in (place.folder, entry, place.key)]
    assert modes == [0o700, 0o600, 0o600]
    place.key.unlink()
    place.count(SPECS[0])
    assert entry not in place.entries(), "neither name nor text is the same under another key"


def test_they_take_no_more_than_they_may(place: Place) -> None:
    for number in range(6):
        place.photo(f"{number}.jpg", number)
    room = 4 * kept_pictures.BLOCK_BYTES
    expected = place.alone(SPECS[0])
    for _ in range(3):
        seen, _ = place.count(SPECS[0], most_bytes=room)
        assert seen == expected
        assert size_of(place.folder) == (4, room)
    place.count(SPECS[0], most_bytes=room // 2)
    assert size_of(place.folder) == (2, room // 2)


def test_what_was_used_longest_ago_goes_first(place: Place) -> None:
    for number in range(3):
        place.photo(f"{number}.jpg", number)
    place.count(SPECS[0])
    oldest, *others = place.entries()
    os.utime(oldest, (LONG_AGO, LONG_AGO))
    place.photo("3.jpg", 3)
    shutil.move(place.data / "3.jpg", place.data / "0 first.jpg")
    place.count(SPECS[0], most_bytes=3 * kept_pictures.BLOCK_BYTES)
    assert len(place.entries()) == 3
    assert sum(it in place.entries() for it in others) >= 1


def test_pictures_of_photos_that_are_gone_are_forgotten(place: Place) -> None:
    place.photo("1.jpg", 1)
    gone = place.photo("2.jpg", 2)
    place.count(SPECS[0])
    gone.unlink()
    (place.folder / "half-written.new").touch()
    place.count(SPECS[1])
    assert len(place.entries()) == 2, "of the one that is left, by both specs"


def test_its_owner_may_forget_and_forbid(place: Place) -> None:
    place.photo("1.jpg", 1)
    place.count(SPECS[0])
    assert forget(place.folder, place.key) == 1
    assert (place.entries(), place.key.exists()) == ([], False)
    place.count(SPECS[0])
    expected = place.alone(SPECS[0])
    assert place.count(SPECS[0], most_bytes=0) == (expected, 0)
    assert (place.entries(), place.key.exists()) == ([], False)


def test_where_nothing_can_be_kept_photos_count_all_the_same(place: Place) -> None:
    place.photo("1.jpg", 1)
    place.folder.write_bytes(b"a file")
    for _ in range(2):
        assert place.count(SPECS[0]) == (place.alone(SPECS[0]), 0)


async def test_an_agent_keeps_pictures_unless_it_is_told_not_to(
    market: Market, device: Device
) -> None:
    day = dt.date(2025, 1, 31)
    for number, path in enumerate([device.photo("1.jpg", 3, day, 64), device.photo("2.png", 7)]):
        os.utime(path, (LONG_AGO + number, LONG_AGO))
    fast, lighter = {"decode": "fast", "version": 3}, {"scale": 1 / 256}
    async with (
        open_job(market),
        open_job(market, spec=IMAGE_SPEC | lighter),
        open_job(market, spec=IMAGE_SPEC | fast),
    ):
        assert (await device.pair()).summary["accepted"] == 3
    # Two reduce alike, whichever of them came first.
    assert sorted(it["kept"] for it in device.noted("counted")) == [0, 0, 2]
    first, *others = await device.results()
    assert others == [first] * 2
    assert "pictures  4 reduced ones" in (await device.status()).out
    forgotten = await end(await start("forget-pictures", "--home", str(device.home), "--json"))
    assert (forgotten.code, forgotten.out) == (0, '{"forgotten": 4}\n')
    async with open_job(market):
        options = ("--no-cache", "--cpus", "2")
        assert (await device.run(*options)).summary["accepted"] == 1
    assert await device.results() == [first] * 4
    assert (device.noted("counted")[-1]["kept"], [*device.home.glob("pictures*/*")]) == (0, [])
