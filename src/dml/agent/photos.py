"""The photos of a folder, made what a model takes, a batch at a time. No photo is written to."""

import datetime as dt
import errno
import hashlib
import math
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from typing import Final

import numpy as np

from dml.agent import pictures
from dml.agent.ahead import in_order
from dml.agent.pictures import Kept, Pictures
from dml.inference.counting import Period
from dml.inference.images import Items, Unreadable, finish, reduce
from dml.inference.photo_files import PHOTO_BYTES_MAX, SUFFIXES, day_of, decode_photo, look_at
from dml.inference.spec import InputSpec, input_shape

BATCH_BYTES: Final = 32 << 20  # Of prepared photos in memory; each batch loads the model once.
BATCH_MAX: Final = 256
NAMED_MAX: Final = 20  # Files that the journal names, with the reason why each does not count.
# Films, and photos as sensors or drawing programs give them: an owner would miss them, so their
# number is told.
FILMS: Final = "3gp avi m2ts m4v mkv mov mp4 mpg mts webm wmv"
RAW: Final = "3fr arw cr2 cr3 crw dng erf gpr kdc mrw nef nrw orf pef raf raw rw2 rwl sr2 srw x3f"
OTHERS: Final = "eps j2k jp2 jpx jxl jxr livp pcx pgm pnm ppm psb psd svg tga xcf"
NOT_READ: Final = frozenset(f"{FILMS} {RAW} {OTHERS}".split())
# What was deleted, and what a system makes of photos by itself; some names begin with a dot too.
NOT_ENTERED: Final = frozenset(
    {"#recycle", "@recycle", "@recently-snapshot", "#snapshot", "@eadir", "@tmp", "$recycle.bin"}
    | {"recycler", "recycled", "system volume information", "lost+found", "__macosx"}
    | {"thumbnails.noindex", "thumbs"}
)
# How a file is answered for that was there a moment ago, when its disk or share has gone.
_GONE: Final = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.ENOTCONN}
    | {errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH}
)


class Gone(Exception):
    """The folder is not the one that it was: half of its photos are no answer."""


@dataclass(slots=True)
class Tally:
    """What became of the files: looked at; unreadable, how many for each reason, and what each of
    the first ones is; the same bytes as another; left out by the period of the job, or as undated;
    of a kind that is not read, such as MOV; not counted, since the job takes only some, chosen at
    random, most of which were not looked at; `kept` had been reduced for an earlier job. All of it
    stays on this device.
    """

    photos: int = 0
    skipped: int = 0
    twice: int = 0
    outside: int = 0
    undated: int = 0
    not_chosen: int = 0
    kept: int = 0
    not_read: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    named: dict[str, str] = field(default_factory=dict)

    @property
    def prepared(self) -> int:
        """How many were given to the model."""
        return self.photos - self.skipped - self.twice - self.outside - self.undated

    def skip(self, name: str, why: str) -> None:
        self.skipped += 1
        self.reasons[why] += 1
        if len(self.named) < NAMED_MAX:
            self.named[name] = why

    def leave_out(self, read: "Read") -> None:
        self.twice += bool(read.sha256)
        self.undated += not read.sha256 and read.day is None
        self.outside += not read.sha256 and read.day is not None


@dataclass(frozen=True, slots=True)
class Read:
    """What was found of a photo. Without an `item` it does not count: it is the same as another
    one where there is a `sha256`, and else of a day that is not asked for. `is_kept` where the
    photo was not decoded.
    """

    item: Items | None
    day: dt.date | None
    sha256: bytes = b""
    is_kept: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    items: Items
    taken: list[dt.date | None]


def find(folder: Path, not_read: Counter[str] | None = None) -> Iterator[Path]:
    """Every photo below a folder, in a fixed order; `not_read` counts files of other kinds.

    Hidden files and symbolic links are left out: what they lead to may lie outside. Gone where a
    folder is no longer there when its turn has come.
    """
    for parent, folders, names in os.walk(folder, onerror=_require_present):
        folders[:] = sorted(it for it in folders if _is_entered(it))
        for name in sorted(names):
            if name.startswith("."):
                continue
            is_photo = name.lower().endswith(SUFFIXES)
            kind = os.path.splitext(name)[1][1:]
            if not is_photo and (not_read is None or kind.lower() not in NOT_READ):
                continue
            path = Path(parent, name)
            if not _is_file(path):
                continue
            if is_photo:
                yield path
            elif not_read is not None:
                not_read[kind.upper()] += 1


def find_readable(
    folder: Path, *, today: dt.date, breathe: Callable[[], None]
) -> tuple[Path | None, str | None]:
    """Return the first photo that can be read; if there is none, why the first photo cannot be.

    Both are None where the folder has no photo. `breathe` is called before each photo: it may
    pause, or raise to stop.
    """
    first = None
    for path in find(folder):
        breathe()
        try:
            decode_photo(_read_whole(path), path.name, today)
        except (Unreadable, OSError) as error:
            _require_present(error)
            first = first or f"{path.relative_to(folder)} {_why(error)}"
            continue
        return path, None
    return None, first


@dataclass(frozen=True, slots=True)
class Reading:
    """How photos are read for one job. `period` is that of the job, if it has one; `most` are as
    many as it takes of this device, any of them.
    """

    spec: InputSpec
    period: Period | None
    today: dt.date
    pictures: Pictures | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Workers:
    """How many photos are read at once; each is, in a thread beside the agent's own, `aside`."""

    number: int = 1
    aside: Callable[[], AbstractContextManager[None]] = nullcontext


def batches(
    folder: Path,
    reading: Reading,
    tally: Tally,
    *,
    breathe: Callable[[], None],
    workers: Workers = Workers(),
) -> Iterator[Batch]:
    """Yield the photos that count, prepared for the model, whatever the workers in one order.

    `breathe` is called before each photo: it may pause, or raise to stop.
    Gone where the folder is not the same from beginning to end.
    """
    shape = input_shape(reading.spec)
    size = max(1, min(BATCH_MAX, BATCH_BYTES // (4 * math.prod(shape))))
    items: list[Items] = []
    taken: list[dt.date | None] = []
    if reading.pictures is not None:
        reading.pictures.begin()
    folder_then, seen = _identity(folder), set[bytes]()
    paths: Iterable[Path] = find(folder, tally.not_read)
    if reading.most is not None:
        paths = _shuffled(paths, reading.pictures)
        tally.not_chosen = len(paths)

    def read_aside(path: Path) -> Read:
        with workers.aside() if workers.number > 1 else nullcontext():
            return _read(path, reading, seen)

    for path, result in in_order(paths, read_aside, workers.number):
        breathe()
        tally.photos += 1
        tally.not_chosen = max(0, tally.not_chosen - 1)
        if reading.pictures is not None:
            reading.pictures.saw(path)
        try:
            read = result()
        except (Unreadable, OSError) as error:
            _require_present(error)
            tally.skip(str(path.relative_to(folder)), _why(error))
            continue
        if read.item is None or read.sha256 in seen:  # Two the same may be read at once.
            tally.leave_out(read)
            continue
        seen.add(read.sha256)
        tally.kept += read.is_kept
        items.append(read.item)
        taken.append(read.day)
        if len(items) == size:
            yield Batch(np.stack(items), taken)
            items, taken = [], []
        if len(seen) == reading.most:
            break
    if _identity(folder) != folder_then:
        raise Gone(f"{folder} is another folder than when its photos began to be counted")
    if reading.pictures is not None:
        reading.pictures.end()
    if items:
        yield Batch(np.stack(items), taken)


def _shuffled(paths: Iterable[Path], kept: Pictures | None) -> list[Path]:
    """Return these photos in an order that nobody can foresee: so the first ones are any of them.

    All are seen, whether read or not: what is kept of them is kept on.
    """
    found = list(paths)
    if kept is not None:
        for path in found:
            kept.saw(path)
    SystemRandom().shuffle(found)
    return found


def _read(path: Path, reading: Reading, seen: set[bytes]) -> Read:
    """A photo as the model takes it, and its day; without an item where it does not count.

    Where the job asks for dates, the head is looked at first: most photos are of other days.
    """
    spec, period, today = reading.spec, reading.period, reading.today
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        if found.st_size > PHOTO_BYTES_MAX:
            raise Unreadable(f"is larger than {PHOTO_BYTES_MAX >> 20} MiB")
        if period is not None:
            day = look_at(file, path.name, today, spec)
            if not period.holds(day):
                return Read(None, day)
            file.seek(0)
        kept = reading.pictures and reading.pictures.get(path, found, spec, today)
        if kept:
            is_twice = kept.sha256 in seen
            item = None if is_twice else finish(kept.reduced, spec)
            return Read(item, kept.day, kept.sha256, is_kept=True)
        data = file.read(PHOTO_BYTES_MAX + 1)
        is_same = pictures.is_same(found, os.fstat(file.fileno()))
    digest = hashlib.sha256(data).digest()
    if digest in seen:
        return Read(None, None, digest)
    photo = decode_photo(data, path.name, today, spec)
    reduced = reduce(photo.image, spec)
    if reading.pictures and is_same:
        day = day_of(photo.image, path.name, pictures.ANY_DAY)
        reading.pictures.put(path, found, spec, Kept(digest, day, reduced))
    return Read(finish(reduced, spec), photo.taken, digest)


def _read_whole(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(PHOTO_BYTES_MAX + 1)  # One byte more says that it is too large.


def _why(error: Unreadable | OSError) -> str:
    reason = str(error) if isinstance(error, Unreadable) else error.strerror
    return reason or "can't be read"


def _is_entered(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in NOT_ENTERED


def _identity(folder: Path) -> tuple[int, int]:
    try:
        found = folder.stat()
    except OSError as error:
        raise Gone(f"{folder} is no longer there ({error.strerror})") from None
    return found.st_dev, found.st_ino


def _require_present(error: Exception) -> None:
    """Gone where it tells that what was there has gone, and not that one file can't be read."""
    if isinstance(error, OSError) and error.errno in _GONE:
        raise Gone(f"photos have gone while they were counted ({error.strerror})") from None


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError as error:
        _require_present(error)
        return False
