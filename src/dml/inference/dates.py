"""The day on which a photo was taken, by what its file says. Pure.

Cameras, phones and programs write dates in many ways, and some write none. Asked in turn are EXIF's
DateTimeOriginal, DateTimeDigitized and DateTime, XMP, and the file's name: the first that names a
day which can be true. None that lies ahead, and none from before 1900, as anywhere here.
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from typing import Final

EARLIEST: Final = dt.date(1900, 1, 1)  # A camera without a clock says 0000, or nothing.
TEXT_MAX: Final = 100
XMP_BYTES_MAX: Final = 1 << 20

# The day is what counts: whatever time follows may be 24:04:20, 11:59:00 PM or have a zone.
_DAY: Final = re.compile(r"\s*(\d{4})([:/.-])(\d{1,2})\2(\d{1,2})(?:[\sT].*)?", re.DOTALL)
_XMP: Final = tuple(
    re.compile(name + rb"""\s*(?:=\s*["']|>)\s*([^"'<]{8,60})""")
    for name in (b"exif:DateTimeOriginal", b"photoshop:DateCreated", b"xmp:CreateDate")
)
# IMG_20190101_120000, PXL_20190101_…, IMG-20190101-WA0001, Screenshot 2019-01-01 at …, and with the
# time right behind, to the second or the millisecond.
_IN_NAME: Final = re.compile(
    r"(?<!\d)((?:19|20)\d\d)([-_.]?)(\d\d)\2(\d\d)(?=\D|$|\d{6}(?:\d{3})?(?:\D|$))"
)


def day_taken(exif: Iterable[object], xmp: bytes, name: str, today: dt.date) -> dt.date | None:
    """The first day that can be true; None where there is none.

    `exif` are the values of its three dates, whatever they are; `today` is the bound: a day may be
    the next one, for the photo's clock may be a zone ahead.
    """
    latest = today + dt.timedelta(days=1)
    for day in _named(exif, xmp, name):
        if day is not None and EARLIEST <= day <= latest:
            return day
    return None


def _named(exif: Iterable[object], xmp: bytes, name: str) -> Iterator[dt.date | None]:
    for value in exif:
        text = value.decode("ascii", "replace") if isinstance(value, bytes) else value
        yield _read(text) if isinstance(text, str) else None
    for pattern in _XMP:
        for found in pattern.finditer(xmp[:XMP_BYTES_MAX]):
            yield _read(found[1].decode("ascii", "replace"))
    for found_in_name in _IN_NAME.finditer(name[-TEXT_MAX:]):
        yield _day(found_in_name[1], found_in_name[3], found_in_name[4])


def _read(text: str) -> dt.date | None:
    """A day, as 2024:02:29 or with other signs between, and whatever time behind it."""
    found = _DAY.fullmatch(text[:TEXT_MAX].rstrip("\0 \n"))
    return None if found is None else _day(found[1], found[3], found[4])


def _day(year: str, month: str, day: str) -> dt.date | None:
    try:
        return dt.date(int(year), int(month), int(day))
    except ValueError:
        return None
