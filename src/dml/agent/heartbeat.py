"""Saying that the work goes on, from a thread beside it, so that the lease lives."""

import threading
import time
from types import TracebackType
from typing import Final

from dml.agent.leases import Lease
from dml.agent.refusals import Away, CannotRun, LeaseLost, Refusal
from dml.agent.server import Session, seconds

LEAST_SECONDS: Final = 0.2
JOIN_SECONDS: Final = 1.0
AGAIN_SECONDS: Final = 5.0  # After one that got no answer, if a third of the lease is longer.


class Heartbeat:
    """Beats while the block runs, at a third of the lease. `ends_at` is by the monotonic clock."""

    def __init__(self, session: Session, lease: Lease) -> None:
        self._session, self._path = session, f"/v1/assignments/{lease.assignment_id}/heartbeat"
        self._seconds = lease.seconds
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self.ends_at = time.monotonic() + lease.seconds
        self.lost: str | None = None

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join(JOIN_SECONDS)  # So that it hardly ever asks for what has been handed in.

    def require_lease(self) -> None:
        if self.lost is not None:
            raise LeaseLost(self.lost)

    def _beat(self) -> None:
        pause = self._seconds / 3
        while not self._done.wait(max(LEAST_SECONDS, pause)):
            began = time.monotonic()
            try:
                answer = self._session.ask("POST", self._path)
                self._seconds = seconds(answer, "lease_seconds")
            except Away:
                pause = min(AGAIN_SECONDS, self._seconds / 3)
                continue
            except (Refusal, CannotRun) as gone:
                self.lost = str(gone)
                return
            self.ends_at = began + self._seconds
            pause = self._seconds / 3
