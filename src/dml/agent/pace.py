"""When the agent rests: in quiet hours, to leave processor time to others, and when told to end.

*Quiet hours* are by this machine's local clock. In them no work is begun, and what is under way is
given back. *A share of the processor* is kept by sleeping: after each photo, and after each run of
the model, for as long as makes the time that they took, on average, that share of each core that
the agent may use. Between the two it takes what it can get: to let others go first at any moment,
start it with `nice`.
"""

import datetime as dt
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from dml.agent.refusals import Away, Resting, Stopped

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0

Answer = TypeVar("Answer")
_random: Final = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Half-open, and over midnight where the end comes before the start."""

    start: dt.time
    end: dt.time

    def hold(self, now: dt.time) -> bool:
        if self.start < self.end:
            return self.start <= now < self.end
        return now >= self.start or now < self.end


def read_quiet_hours(text: str) -> QuietHours:
    """Read `22:00-07:00`; ValueError where it is none."""
    start, _, end = text.partition("-")
    hours = QuietHours(dt.time.fromisoformat(start.strip()), dt.time.fromisoformat(end.strip()))
    if hours.start == hours.end:
        raise ValueError("quiet hours must begin and end at different times")
    return hours


class Pace:
    """How fast the agent may go. `stop` ends every pause at once."""

    def __init__(
        self,
        stop: threading.Event,
        *,
        quiet: QuietHours | None = None,
        cpu_percent: int = 100,
        cpus: int = 1,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now().astimezone(),
    ) -> None:
        self.stop = stop
        self._quiet, self._clock = quiet, clock
        self._rest_for_work = (100 - cpu_percent) / cpu_percent / cpus
        self._since = 0.0
        self._owed = 0.0
        self._lock = threading.Lock()

    def is_quiet(self) -> bool:
        return self._quiet is not None and self._quiet.hold(self._clock().time())

    def begin(self) -> None:
        """From here on, this thread's processor time counts."""
        self._since = time.thread_time()
        self._taken()

    @contextmanager
    def elsewhere(self) -> Iterator[None]:
        """Count what another process works for us in this block as if it never had to wait."""
        with self._counting(time.monotonic):
            yield

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Count what a thread of ours beside the agent's own works in this block."""
        with self._counting(time.thread_time):
            yield

    def breathe(self) -> None:
        """Rest for the work since the last rest. Raises Stopped, or Resting in quiet hours."""
        worked = time.thread_time() - self._since + self._taken()
        if self._rest_for_work:
            self.stop.wait(worked * self._rest_for_work)
        self._since = time.thread_time()
        if self.stop.is_set():
            raise Stopped("the agent was told to end")
        if self.is_quiet():
            raise Resting("quiet hours have begun")

    @contextmanager
    def _counting(self, clock: Callable[[], float]) -> Iterator[None]:
        began = clock()
        yield
        with self._lock:
            self._owed += clock() - began

    def _taken(self) -> float:
        """What others have worked since it was last asked, in seconds."""
        with self._lock:
            owed, self._owed = self._owed, 0.0
        return owed

    def sleep(self, seconds: float) -> None:
        """Wait; Stopped where the agent is to end."""
        if self.stop.wait(seconds):
            raise Stopped("the agent was told to end")


def pause_seconds(failures: int) -> float:
    """How long to wait after so many failures in a row: longer each time, and never in step with
    other devices, which all saw the server go at the same moment.
    """
    longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(failures, 16))
    return _random.uniform(longest / 2, longest)


def patiently(
    act: Callable[[], Answer],
    pace: Pace,
    *,
    until: Callable[[], float],
    tell: Callable[[Away, float], None],
) -> Answer:
    """Act until the server answers, at least once; Away where the next try would be too late.

    `until` is by the monotonic clock, and asked anew each time: heartbeats move it.
    """
    failures = 0
    while True:
        try:
            return act()
        except Away as away:
            pause = max(pause_seconds(failures), away.retry_after_seconds)
            if time.monotonic() + pause >= until():
                raise
            tell(away, pause)
        failures += 1
        pace.sleep(pause)
