"""What of a folder counts, and what its owner is told of the rest."""

import datetime as dt
import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import ExifTags, Image

from dml.agent import photos
from dml.agent.photos import Gone, Reading, Tally, Workers
from dml.inference.counting import Period
from dml.inference.photo_files import PHOTO_BYTES_MAX
from tests.agent.market import Device, Market, end, open_job
from tests.agent.test_trouble import start_slowly
from tests.devices.factories import pairing_code
from tests.inference.models import grey_image, image_spec

TODAY = dt.date(2026, 11, 28)


def put(path: Path, shade: int, day: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if day is not None:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = f"{day} 12:00:00"
    grey_image(shade).save(path, "JPEG", exif=exif)
    return path


def look(
    folder: Path, period: Period | None = None, breathe: Callable[[], None] = lambda: None
) -> tuple[int, Tally]:
    """How many photos count, and what became of all of them."""
    tally = Tally()
    reading = Reading(image_spec(), period, TODAY)
    found = photos.batches(folder, reading, tally, breathe=breathe)
    return sum(len(batch.items) for batch in found), tally


def test_photos_of_all_usual_names_are_found(tmp_path: Path) -> None:
    names = ["a.HEIC", "b.heif", "c.hif", "d.avif", "e.JFIF", "f.jpe", "g.Jpeg", "h.TIF", "i.JPG"]
    for name in names:
        (tmp_path / name).touch()
    assert [it.name for it in photos.find(tmp_path)] == names


@pytest.mark.parametrize(
    "folder",
    [
        *("#recycle", "@eaDir", "$RECYCLE.BIN", "$Recycle.Bin", ".Trash-1000", ".thumbnails"),
        *("System Volume Information", "__MACOSX", "#snapshot", "lost+found"),
    ],
)
def test_what_was_deleted_and_what_systems_make_does_not_count(folder: str, tmp_path: Path) -> None:
    put(tmp_path / "album" / folder / "1.jpg", 9)
    put(tmp_path / "album" / "._1.jpg", 9)
    kept = put(tmp_path / "album" / "1.jpg", 9)
    assert list(photos.find(tmp_path)) == [kept]


def test_films_and_raw_photos_are_told_by_kind(tmp_path: Path) -> None:
    for name in ("1.MOV", "2.mov", "a/3.Mov", "4.DNG", "5.txt", "6", "7.jxl", "mov", ".8.mov"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.mov").mkdir()
    told = Counter[str]()
    assert list(photos.find(tmp_path, told)) == []
    assert told == {"MOV": 3, "DNG": 1, "JXL": 1}


def test_equal_bytes_count_once(tmp_path: Path) -> None:
    put(tmp_path / "1.jpg", 9)
    shutil.copy(tmp_path / "1.jpg", tmp_path / "copy.jpg")
    put(tmp_path / "2.jpg", 99)
    counted, tally = look(tmp_path)
    assert (counted, tally.photos, tally.twice, tally.skipped) == (2, 3, 1, 0)


def test_what_is_unreadable_is_named_with_the_reason(tmp_path: Path) -> None:
    put(tmp_path / "1.jpg", 9)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "2.jpg").write_bytes(b"none")
    for number in range(photos.NAMED_MAX + 5):
        (tmp_path / f"b{number}.jpg").write_bytes(b"")
    counted, tally = look(tmp_path)
    assert (counted, tally.skipped) == (1, photos.NAMED_MAX + 6)
    assert len(tally.named) == photos.NAMED_MAX
    assert tally.named["b0.jpg"] == "is no image, or a damaged one"
    assert tally.reasons == {"is no image, or a damaged one": tally.skipped}


def test_photos_of_phones_count_and_each_that_does_not_has_its_reason(tmp_path: Path) -> None:
    picture = grey_image(99, 64)
    pillow_heif.from_pillow(picture).save(tmp_path / "1.heic", quality=-1)
    picture.save(tmp_path / "2.avif")
    whole = (tmp_path / "1.heic").read_bytes()
    (tmp_path / "3.heic").write_bytes(whole[: len(whole) // 2])
    put(tmp_path / "large.jpg", 9)
    with (tmp_path / "large.jpg").open("r+b") as file:
        file.truncate(PHOTO_BYTES_MAX + 1)
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "4.jpg")
    whole = (tmp_path / "4.jpg").read_bytes()
    (tmp_path / "4.jpg").write_bytes(whole[: len(whole) // 2])
    counted, tally = look(tmp_path)
    assert (counted, tally.photos) == (2, 5)
    assert tally.reasons == {
        "is no image, or a damaged one": 1,
        "is larger than 128 MiB": 1,
        "is cut off": 1,
    }


def test_photos_that_are_read_at_once_count_as_those_read_in_turn(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    for number in range(12):
        noise = random.integers(0, 256, (64, 64, 3), np.uint8)
        path = tmp_path / f"{number:02}.jpg"
        Image.fromarray(noise).save(path)
        if number % 3 == 1:  # Without its last bytes, which does no harm, or its lower half.
            path.write_bytes(path.read_bytes()[: -2 if number % 2 else -2_000])
        if number % 4 == 0:
            shutil.copy(path, tmp_path / f"{number:02} again.jpg")
    seen = []
    for workers in (1, 4, 4):
        tally = Tally()
        reading = Reading(image_spec(), None, TODAY)
        found = photos.batches(
            tmp_path, reading, tally, breathe=lambda: None, workers=Workers(workers)
        )
        seen.append(([it.items.tolist() for it in found], tally))
    assert seen[0] == seen[1] == seen[2]
    _, tally = seen[0]
    assert (tally.photos, tally.twice, tally.reasons) == (15, 2, {"is cut off": 3})


def test_of_more_photos_than_a_job_takes_any_are_chosen(tmp_path: Path) -> None:
    for number in range(8):
        put(tmp_path / f"{number}.jpg", 30 * number)
    put(tmp_path / "again.jpg", 0)
    chosen = Counter[float]()
    for number in range(
        40
    ):  # One of the eight would be left out by chance once in a hundred years.
        tally, workers = Tally(), Workers(1 + number % 2)
        reading = Reading(image_spec(), None, TODAY, most=3)
        found = photos.batches(tmp_path, reading, tally, breathe=lambda: None, workers=workers)
        shades = [float(item.mean()) for batch in found for item in batch.items]
        assert len(set(shades)) == 3
        assert tally.photos + tally.not_chosen == 9
        chosen.update(shades)
    assert len(chosen) == 8
    (fewer,) = photos.batches(
        tmp_path, Reading(image_spec(), None, TODAY, most=20), Tally(), breathe=lambda: None
    )
    assert len(fewer.items) == 8


def test_whoever_no_longer_asks_waits_for_nothing_that_has_not_begun(tmp_path: Path) -> None:
    for number in range(20):
        put(tmp_path / f"{number}.jpg", number)
    breaths = iter(range(20))

    def breathe() -> None:
        if next(breaths) == 3:
            raise KeyError("stopped")

    tally = Tally()
    found = photos.batches(
        tmp_path,
        Reading(image_spec(), None, TODAY),
        tally,
        breathe=breathe,
        workers=Workers(2),
    )
    with pytest.raises(KeyError, match="stopped"):
        next(found)
    assert tally.photos == 3


def test_a_job_with_dates_tells_undated_photos_from_those_of_other_days(tmp_path: Path) -> None:
    put(tmp_path / "1.jpg", 9, "2024:05:06")
    put(tmp_path / "2.jpg", 19, "2023:05:06")
    put(tmp_path / "3.jpg", 29)
    put(tmp_path / "4.jpg", 39, "2099:05:06")
    put(tmp_path / "IMG_20240708_1.jpg", 49)
    counted, tally = look(tmp_path, Period(dt.date(2024, 1, 1), None))
    assert (counted, tally.photos, tally.outside, tally.undated) == (2, 5, 1, 2)


def test_photos_that_go_while_they_are_counted_are_no_answer(tmp_path: Path) -> None:
    def losing(lose: Callable[[], object], after: int) -> Callable[[], None]:
        breaths = iter(range(100))

        def breathe() -> None:
            if next(breaths) == after:
                lose()

        return breathe

    def empty(folder: Path) -> None:
        shutil.rmtree(folder)
        folder.mkdir()

    for number, lose in enumerate((shutil.rmtree, empty)):
        for after in (0, 2, 5):
            folder = tmp_path / f"{number}{after}"
            for photo in range(3):
                put(folder / f"{photo}.jpg", photo)
                put(folder / "album" / f"{photo}.jpg", 99 + photo)
            gone = losing(lambda folder=folder, lose=lose: lose(folder), after)  # type: ignore[misc] # bound now
            with pytest.raises(Gone):
                look(folder, breathe=gone)


def test_a_folder_that_another_one_took_the_place_of_is_no_answer(tmp_path: Path) -> None:
    folder, other = tmp_path / "photos", tmp_path / "other"
    put(folder / "1.jpg", 9)
    put(other / "1.jpg", 19)

    def swap() -> None:
        if other.exists():
            folder.rename(tmp_path / "gone")
            other.rename(folder)

    with pytest.raises(Gone, match="another folder"):
        look(folder, breathe=swap)


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_photo_that_nobody_may_read_is_skipped(tmp_path: Path) -> None:
    put(tmp_path / "1.jpg", 9)
    put(tmp_path / "2.jpg", 19).chmod(0)
    counted, tally = look(tmp_path)
    assert (counted, tally.named) == (1, {"2.jpg": "Permission denied"})


async def test_photos_that_vanish_give_the_place_back_and_nothing_is_handed_in(
    market: Market, device: Device
) -> None:
    async with open_job(market):
        agent = await start_slowly(device, "--json")
        await device.has_noted("downloaded")
        agent.send_signal(signal.SIGSTOP)  # It must not look while there is no folder at all.
        shutil.rmtree(device.data)
        device.data.mkdir()
        agent.send_signal(signal.SIGCONT)
        ended = await end(agent)
        assert await device.results() == []
    assert ended.code == 1
    why = device.noted("released")[0]["why"]  # It was about to look for them, or had seen some.
    assert any(it in why for it in ("photos have gone", "no photo in", "is another folder"))
    assert device.noted("result") == []


async def test_the_owner_is_told_what_did_not_count_and_nobody_else(
    market: Market, device: Device
) -> None:
    device.photo("1.jpg", 3)
    device.photo("2.heic.jpg", 5)
    (device.data / "film.MOV").touch()
    (device.data / "bad.jpg").write_bytes(b"none")
    async with open_job(market):
        code = await pairing_code(device.owner)
        ended = await end(await device.start("--once", "--pair", code, "--country", "PT"))
        (result,) = await device.results()
    assert "(1 unreadable: 1 “is no image, or a damaged one”; besides" in ended.out
    assert result["items"] == 2
    assert "MOV" not in str(result)
    assert "bad" not in str(result)
    (counted,) = device.noted("counted")
    assert counted["not_read"] == {"MOV": 1}
    assert counted["named"] == {"bad.jpg": "is no image, or a damaged one"}
    shown = (await device.status()).out
    assert "1 unreadable: is no image, or a damaged one" in shown
    assert "1 MOV" in shown
    assert "bad.jpg is no image" in shown


@pytest.mark.parametrize(
    ("bounds", "counted", "looked_at"),
    [({"max_items": 2, "max_norm": 2}, 2, 2), ({"max_norm": 1}, 1, 4)],
)
async def test_the_owner_is_told_how_many_photos_a_job_did_not_take(
    market: Market, device: Device, bounds: dict[str, Any], counted: int, looked_at: int
) -> None:
    for number in range(4):
        device.photo(f"{number}.jpg", 60 * number)
    async with open_job(market, answers="noisy", epsilon=1, **bounds):
        code = await pairing_code(device.owner)
        ended = await end(await device.start("--once", "--pair", code, "--country", "PT"))
        (result,) = await device.results()
    assert result["items"] == counted
    assert f"{4 - counted} not chosen: the job takes only so many, at random" in ended.out
    (noted,) = device.noted("counted")
    assert (noted["photos"], noted["not_chosen"]) == (looked_at, 4 - counted)


async def test_a_folder_whose_name_is_no_utf_8_is_as_good_as_any(
    market: Market, device: Device, tmp_path: Path
) -> None:
    here = replace(device, data=Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xe9b\xe9")))
    here.photo("a.jpg", 3).write_bytes(b"broken")
    async with open_job(market):
        ended = await here.pair()
        assert "Traceback" not in ended.err
        assert "can be read" in ended.summary["error"]
    async with open_job(market):
        here.photo("b\udce9.jpg", 3)
        assert (await here.run()).summary["accepted"] == 1
    assert (await here.status()).code == 0
