"""People's photos of handwritten digits: dated JPEGs in unequal private folders, and the truth.

Who has how many of which digit is drawn from a Dirichlet distribution, as such things are unequal
in life, too; nobody has none. Three photos in a hundred carry no date.
"""

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import Final

import numpy as np
from PIL import ExifTags, Image

from demo.digits import GREY_OF_ONE, LABELS, SIDE, Digits, Numbers, Pixels
from demo.made import Album
from demo.outcome import Truth

YEAR: Final = 2025
DAYS: Final = 365
UNDATED_SHARE: Final = 0.03
HOLIDAY_SHARE: Final = 0.6
HOLIDAYS: Final = (205, 35)  # Days of the year: around the end of July, by so many (σ).
UNEVENNESS: Final = 0.7  # Dirichlet's alpha: the smaller, the more unequal.
PIXELS_A_SIDE: Final = 64
QUALITY: Final = 90
EXIF_DATE: Final = "%Y:%m:%d %H:%M:%S"


def share_out(numbers: Numbers, devices: int, rng: np.random.Generator) -> Numbers:
    """Draw the device of each digit. Each device gets one at least."""
    owners = np.empty(len(numbers), np.int64)
    for number in range(len(LABELS)):
        these = np.flatnonzero(numbers == number)
        shares = rng.dirichlet(np.full(devices, UNEVENNESS))
        owners[these] = rng.choice(devices, len(these), p=shares)
    for device in range(devices):
        if not np.any(owners == device):
            richest = np.bincount(owners, minlength=devices).argmax()
            owners[np.flatnonzero(owners == richest)[0]] = device
    return owners


def take(digits: Digits, folder: Path, devices: int, seed: int) -> Album:
    """Write the photos, and remember what they show."""
    rng = np.random.default_rng(seed)
    owners = share_out(digits.numbers, devices, rng)
    folders = [folder / f"device-{device + 1:02}" for device in range(devices)]
    for it in folders:
        it.mkdir(parents=True, mode=0o700)
    truth: Counter[str] = Counter()
    months: Counter[str] = Counter()
    undated = 0
    for n, (pixels, number, owner) in enumerate(
        zip(digits.pixels, digits.numbers, owners, strict=True)
    ):
        taken = draw_moment(rng)
        write_photo(folders[owner] / f"{n:04}.jpg", pixels, taken)
        truth[LABELS[number]] += 1
        if taken is None:
            undated += 1
        else:
            months[f"{taken:%Y-%m}"] += 1
    return Album(folders, Truth(truth.total(), truth, months, undated))


def draw_moment(rng: np.random.Generator) -> dt.datetime | None:
    """When a photo was taken: more often in summer than in winter, and sometimes nobody knows."""
    if rng.random() < UNDATED_SHARE:
        return None
    is_holiday = rng.random() < HOLIDAY_SHARE
    day = rng.normal(*HOLIDAYS) % DAYS if is_holiday else rng.uniform(0, DAYS)
    taken = dt.datetime(YEAR, 1, 1) + dt.timedelta(days=day)  # noqa: DTZ001 - EXIF has no zone
    return taken.replace(microsecond=0)


def write_photo(path: Path, pixels: Pixels, taken: dt.datetime | None) -> None:
    """Write one digit as a JPEG."""
    exif = Image.Exif()
    if taken is not None:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken.strftime(EXIF_DATE)
    grey = (pixels.reshape(SIDE, SIDE) * GREY_OF_ONE).astype(np.uint8)
    size = PIXELS_A_SIDE, PIXELS_A_SIDE
    photo = Image.fromarray(grey).resize(size, Image.Resampling.NEAREST)
    photo.save(path, exif=exif, quality=QUALITY)
