"""What took how long. Parts overlap, so their seconds add up to more than the whole."""

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_STARTED_FIELD: Final = 19  # Of /proc/self/stat, behind the name: in ticks since the machine began.


class Clock:
    """It counts from the start of this process: to import takes time, too."""

    def __init__(self) -> None:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[_STARTED_FIELD])
        self._began = ticks / os.sysconf("SC_CLK_TCK")
        self.parts: dict[str, float] = {}

    @property
    def seconds(self) -> float:
        """Since the start."""
        return round(time.clock_gettime(time.CLOCK_BOOTTIME) - self._began, 2)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure the block."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.parts[name] = round(time.monotonic() - began, 2)


def cpu_seconds() -> dict[str, float]:
    """What this process took of the processors, and all of its children that have ended."""
    whose = {"demo": resource.RUSAGE_SELF, "children": resource.RUSAGE_CHILDREN}
    usages = {name: resource.getrusage(it) for name, it in whose.items()}
    return {name: round(it.ru_utime + it.ru_stime, 2) for name, it in usages.items()}
