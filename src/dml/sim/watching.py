"""Follows the answer as its customer does: by server-sent events, in a thread."""

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from dml.sim.engine import Address

ENDED: Final = ("completed", "cancelled", "expired")
_AGAIN_SECONDS: Final = 0.3
_TIMEOUT_SECONDS: Final = 30.0  # The server says at least each 15 s that it is still there.


@dataclass(frozen=True, slots=True)
class News:
    """What the customer could see from this moment on."""

    at: float
    done: int  # Results counted and paid;
    shown: int  # and how many of them the counts hold.


class Watcher(threading.Thread):
    """Follows one job until it ends, or `stop`. A lost stream is opened again."""

    def __init__(self, addresses: Sequence[Address], job_id: object, token: str) -> None:
        super().__init__(daemon=True, name="watcher")
        self.news: list[News] = []
        self.newest: dict[str, Any] = {}
        self._addresses = addresses
        self._path = f"/v1/jobs/{job_id}/events"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._over = threading.Event()
        self._connection: http.client.HTTPConnection | None = None

    @property
    def done(self) -> int:
        return self.news[-1].done if self.news else 0

    @property
    def has_ended(self) -> bool:
        return self.newest.get("state") in ENDED

    def stop(self) -> None:
        """End it, and wait until it has."""
        self._over.set()
        connection = self._connection
        if connection is not None and connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(2)
        self.join(_TIMEOUT_SECONDS)

    def run(self) -> None:
        turn = 0
        while not self._over.is_set() and not self.has_ended:
            host, port = self._addresses[turn % len(self._addresses)][:2]
            self._connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                self._follow(self._connection)
            self._connection.close()
            turn += 1
            self._over.wait(_AGAIN_SECONDS)

    def _follow(self, connection: http.client.HTTPConnection) -> None:
        connection.request("GET", self._path, headers=self._headers)
        answer = connection.getresponse()
        if answer.status != 200:
            return
        while line := answer.readline():
            if line.startswith(b"data: "):
                self.newest = results = json.loads(line[6:])
                self.news.append(
                    News(monotonic(), results["devices_done"], results["devices_shown"])
                )
            if self._over.is_set():
                return


def ages(accepted_at: Sequence[float], known: Sequence[tuple[float, int]]) -> Iterator[float]:
    """Yield how long each accepted result waited until that many were known, the oldest first.

    Results of one job are alike, so the k-th accepted one is known when k are.
    """
    number = 0
    for at, count in known:
        while number < min(count, len(accepted_at)):
            yield max(0.0, at - accepted_at[number])
            number += 1


def when(news: Sequence[News], shown: int) -> float | None:
    """Return the moment from which the answer held so many results, if there was one."""
    return next((it.at for it in news if it.shown >= shown), None)
