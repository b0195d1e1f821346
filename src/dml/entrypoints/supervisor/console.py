"""What a person at the terminal sees. Events also go to `logs/up.log`, with the time; secrets not.

Written straight to the descriptor: the terminal may be gone, and that stops nothing.
"""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_NAME_WIDTH: Final = 14
_NEWLINE: Final = "\n"


def refuse(reason: object) -> int:
    """Tell whoever called why not, and answer the exit code for that."""
    sys.stderr.write(f"dml: {reason}\n")
    return 1


class Console:
    """The terminal and the log of one process."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._step: tuple[str, float] | None = None

    def show(self, text: str) -> None:
        """Show lines to the person alone."""
        with contextlib.suppress(OSError):
            os.write(1, f"{text.removesuffix(_NEWLINE)}\n".encode(errors="replace"))

    def say(self, text: str) -> None:
        """Show what happened, and keep it."""
        self.show(text)
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        with contextlib.suppress(OSError), self._log.open("a") as file:
            file.write("".join(f"{now} {line}\n" for line in text.splitlines()))

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Show that something is being done, and how long it took."""
        self._step = name, time.monotonic()
        begun = self._step[1]
        self.tick()
        try:
            yield
        except BaseException:
            if os.isatty(1):
                self.show("")
            raise
        finally:
            self._step = None
        lead, end = ("\r", "  ") if os.isatty(1) else ("", "")
        self.show(f"{lead}  {name:{_NAME_WIDTH}} {time.monotonic() - begun:5.1f} s{end}")

    def tick(self) -> None:
        """Move the time that the step has taken so far."""
        if self._step is not None and os.isatty(1):
            name, begun = self._step
            line = f"\r  {name:{_NAME_WIDTH}} {time.monotonic() - begun:5.1f} s …"
            with contextlib.suppress(OSError):
                os.write(1, line.encode())

    def leave(self) -> None:
        """Show nothing from now on: the terminal is somebody else's."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
