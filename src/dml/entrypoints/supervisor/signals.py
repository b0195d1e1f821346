"""Signals as something to wait for, so that nothing is interrupted half way."""

import os
import select
import signal
import time
from types import FrameType
from typing import Final

STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_AGAIN_SECONDS: Final = 0.5  # One Ctrl-C may reach us twice: from the terminal and from a wrapper.


class Interrupted(Exception):
    """Somebody asked us to stop while we were at something."""


class Signals:
    """Counts the requests to stop, and wakes up for them and for children that end."""

    def __init__(self) -> None:
        self.requests: list[float] = []
        self._reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in STOPPING:
            # A script's `make run &` ignores SIGINT, yet who sends it means it; nohup means SIGHUP.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._count)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def _count(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self.requests or now - self.requests[-1] > _AGAIN_SECONDS:
            self.requests.append(now)

    @property
    def stopping(self) -> bool:
        """Whether somebody asked us to stop."""
        return bool(self.requests)

    @property
    def hurrying(self) -> bool:
        """Whether somebody asked twice."""
        return len(self.requests) > 1

    def wait(self, seconds: float) -> None:
        """Sleep, or until a signal comes."""
        select.select([self._reader], [], [], seconds)
        with_something = True
        while with_something:
            try:
                with_something = len(os.read(self._reader, 512)) == 512
            except BlockingIOError:
                with_something = False

    def wait_at_work(self, seconds: float) -> None:
        """The same in the midst of something that a request to stop shall end."""
        if not self.stopping:
            self.wait(seconds)
        if self.stopping:
            raise Interrupted
