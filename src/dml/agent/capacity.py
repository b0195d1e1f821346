"""What a device can run: how much memory a model may take here, and how fast the machine is."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from dml.inference.speed import measure

# Of the group of processes that this one is in: version 2, and version 1.
LIMITS: Final = ("memory.max", "memory/memory.limit_in_bytes")
CGROUPS: Final = Path("/sys/fs/cgroup")
SAME_WITHIN: Final = 0.25  # A speed that differs by less is the same: it is measured beside others.
_MIB: Final = 1 << 20


def memory_mib(allowed: int | None, *, models: int, cgroups: Path = CGROUPS) -> int:
    """Return how many MiB one model may take, of `models` that run at once.

    `allowed` is what the owner allows; a machine or container that has less gives less.
    """
    there = _memory_bytes(cgroups) // _MIB
    return max(1, (there if allowed is None else min(allowed, there)) // models)


def speed(before: int | None) -> int:
    """Measure the machine, and return what to say of it."""
    return said_again(measure(), before)


def said_again(now: int, before: int | None) -> int:
    """Return the speed that was said before, where the machine is about as fast as it was."""
    is_same = before is not None and abs(now - before) <= SAME_WITHIN * before
    return before if before is not None and is_same else now


def _memory_bytes(cgroups: Path) -> int:
    """Return what the machine has, or as much of it as its container may take."""
    most = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for name in LIMITS:
        with suppress(OSError, ValueError):  # There is no such file, or it says `max`.
            most = min(most, int((cgroups / name).read_text()))
    return most
