"""The photos of a folder, made what a model takes, a batch at a time. Nothing here is written."""

import datetime as dt
import math
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from dml.inference.counting import Period
from dml.inference.images import Floats, Unreadable, prepare, read_photo
from dml.inference.spec import InputSpec, input_shape

SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
BATCH_BYTES: Final = 32 << 20  # Of prepared photos in memory; each batch loads the model once.
BATCH_MAX: Final = 256


@dataclass(slots=True)
class Tally:
    """What became of the files: looked at; unreadable; left out by the period of the job."""

    photos: int = 0
    skipped: int = 0
    outside: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    items: Floats
    taken: list[dt.date | None]


def find(folder: Path) -> Iterator[Path]:
    """Every photo below a folder, in a fixed order. Hidden files and symbolic links are left out:
    what they lead to may lie outside.
    """
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                path = Path(parent, name)
                if _is_file(path):
                    yield path


def batches(
    folder: Path,
    spec: InputSpec,
    period: Period | None,
    tally: Tally,
    *,
    breathe: Callable[[], None],
) -> Iterator[Batch]:
    """The photos that count, prepared. Between two of them, `breathe` may rest, or end it all."""
    shape = input_shape(spec)
    size = max(1, min(BATCH_MAX, BATCH_BYTES // (4 * math.prod(shape))))
    items: list[Floats] = []
    taken: list[dt.date | None] = []
    for path in find(folder):
        breathe()
        tally.photos += 1
        try:
            photo = read_photo(path)
            if period is not None and not period.holds(photo.taken):
                tally.outside += 1
                continue
            items.append(prepare(photo.image, spec))
        except (Unreadable, OSError):
            tally.skipped += 1
            continue
        taken.append(photo.taken)
        if len(items) == size:
            yield Batch(np.stack(items), taken)
            items, taken = [], []
    if items:
        yield Batch(np.stack(items), taken)


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False
