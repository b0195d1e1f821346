"""Keeping one thing alive: seeing it die, and starting it again, less often if that is in vain."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dml.entrypoints.embedded import life
from dml.entrypoints.embedded.life import NotReadyYet
from dml.entrypoints.embedded.locks import Process
from dml.refused import Refused

DELAY_SECONDS: Final = 0.2
DELAY_SECONDS_MAX: Final = 10.0
STEADY_SECONDS: Final = 30.0  # Having lived so long, it is not dying again and again.


@dataclass
class Watch:
    """A thing with a name, and how to start it or adopt it."""

    name: str
    start: Callable[[], Process]
    process: Process | None = None
    delay: float = DELAY_SECONDS
    _since: float = 0.0
    _retry_at: float = 0.0
    _death: str = ""

    @property
    def lives(self) -> bool:
        return self.process is not None and self.process.lives

    @property
    def has_ended(self) -> bool:
        """Whether it was started, and lives no more."""
        return self.process is not None and not self.process.lives

    def tend(self, now: float) -> str:
        """Start the thing again where it has died. Answers what to tell, if anything."""
        if self.lives:
            if now - self._since > STEADY_SECONDS:
                self.delay = DELAY_SECONDS
            return ""
        if self.process is not None:
            self._death = how_it_ended(self.process)
            self.process = None
            self._retry_at = now + self.delay
            self.delay = min(2 * self.delay, DELAY_SECONDS_MAX)
        if now < self._retry_at:
            return ""
        return self._start_again(now)

    def _start_again(self, now: float) -> str:
        try:
            self.process = self.start()
        except NotReadyYet:  # As in recovery. It lives, so that no delay is called for.
            return ""
        except (Refused, OSError) as error:
            self._retry_at = now + self.delay
            wait, self.delay = self.delay, min(2 * self.delay, DELAY_SECONDS_MAX)
            return f"{self.name} does not start (next try in {wait:.1f} s): {error}"
        self._since = time.monotonic()
        death, self._death = self._death, ""
        return f"{self.name} {death}; it was started again." if death else ""


def how_it_ended(process: Process) -> str:
    """How a process ended, in words, as far as that is known: only a parent learns it."""
    code = life.exit_code(process.pid)
    if code is None:
        return "died"
    if code < 0:
        return f"was killed ({signal.Signals(-code).name})"
    return f"ended (exit code {code})"
