"""How far something slow has come: one line that changes on a terminal, else a few lines."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from rich.console import Console

if TYPE_CHECKING:
    from rich.status import Status

_UNITS: Final = ("bytes", "kB", "MB", "GB", "TB")
EVERY_SECONDS: Final = 0.1
LINE_SECONDS: Final = 30.0  # Where nobody sees a line change, as in a log.


class Teller:
    """Tells one line at a time."""

    def __init__(self, console: Console | None = None, status: "Status | None" = None) -> None:
        self._console, self._status = console, status
        self._told_at = self._line_at = time.monotonic()

    def now(self, line: str) -> None:
        """Say where it is. What comes too fast to be read is left out."""
        moment = time.monotonic()
        if self._console is None or moment - self._told_at < EVERY_SECONDS:
            return
        self._told_at = moment
        if self._status is not None and self._console.is_terminal:
            self._status.update(f"{line} …")
        elif moment - self._line_at > LINE_SECONDS:
            self._line_at = moment
            self._console.print(f"{line} …", markup=False, highlight=False, soft_wrap=True)


SILENT: Final = Teller()


@contextmanager
def telling(first: str) -> Iterator[Teller]:
    """Tell on standard error until the block ends."""
    console = Console(stderr=True)
    with console.status(f"{first} …") as status:
        yield Teller(console, status)


def as_bytes(size: int) -> str:
    """A size as people read it: 12.3 MB."""
    amount, unit = float(size), 0
    while amount >= 1_000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1_000, unit + 1
    return f"{amount:.1f} {_UNITS[unit]}" if unit else f"{size} {'byte' if size == 1 else 'bytes'}"
