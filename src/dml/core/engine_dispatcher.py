"""Wakes the engine where something waits in a queue, instead of asking each queue all the time.

DBOS polls: eight queues, two questions each, three times a second, were most of what an idle
marketplace cost, and what waits is begun only at the next look. Here DBOS's own thread of a queue
rests at a bell. It rings when PostgreSQL tells that a process was started, or one of that queue
ended here; and one question a second, for all queues at once, finds what was told nobody: alarms
whose time has come, and work of nodes that died (docs/decisions/0028).
"""

import logging
import select
import threading
import time
from collections.abc import Mapping
from typing import Final

import psycopg
from dbos import DBOS
from dbos._queue import Queue, queue_worker_thread

from dml.core.engine_supervisor import connect
from dml.core.processes import CHANNEL

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0
REST_SECONDS: Final = 60.0  # Of a queue's thread where no bell rings, which none needs.
_AWAY_SECONDS: Final = 0.5

_WAITING: Final = """
    SELECT queue FROM unnest(%s::text[]) AS queue CROSS JOIN LATERAL (
        SELECT FROM dbos.workflow_status
        WHERE queue_name = queue AND status = 'ENQUEUED' LIMIT 1
    ) waiting
"""


class Bell(threading.Event):
    """What DBOS takes for the event that stops a queue's thread. Each wait ends when it rings."""

    def __init__(self) -> None:
        super().__init__()
        self._rung = threading.Event()
        self._rung.set()  # What waited before the start is begun at once.

    def ring(self) -> None:
        self._rung.set()

    def set(self) -> None:
        super().set()
        self._rung.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Rest until it rings; tell whether to stop."""
        self._rung.wait(timeout)
        self._rung.clear()  # Before the look that follows: who rings from now on is heard again.
        return self.is_set()


class Dispatcher(threading.Thread):
    """Runs a thread of DBOS's for each queue, and rings their bells."""

    def __init__(self, database_url: str, dbos: DBOS, queues: Mapping[str, Queue]) -> None:
        super().__init__(name="dispatcher", daemon=True)
        self._url = database_url
        self._stopping = threading.Event()
        self._bells = {name: Bell() for name in queues}
        self._threads = [
            threading.Thread(
                target=queue_worker_thread, args=(self._bells[name], dbos, queue), daemon=True
            )
            for name, queue in queues.items()
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()
        super().start()

    def ring(self, queue: str) -> None:
        if queue in self._bells:
            self._bells[queue].ring()

    def stop(self) -> None:
        """Begin nothing more. What was begun goes on."""
        self._stopping.set()
        for bell in self._bells.values():
            bell.set()
        for thread in self._threads:
            thread.join()

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                with connect(self._url) as connection:
                    # For what comes together with an answer.
                    connection.add_notify_handler(lambda told: self.ring(told.payload))
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._listen(connection)
            except psycopg.Error as error:
                if not self._stopping.wait(_AWAY_SECONDS):
                    log.warning("cannot hear what was started: %s", error)

    def _listen(self, connection: psycopg.Connection[tuple[str, ...]]) -> None:
        while not self._stopping.is_set():
            for (queue,) in connection.execute(_WAITING, (list(self._bells),)).fetchall():
                self.ring(queue)
            look_at = time.monotonic() + LOOK_SECONDS
            while (left := look_at - time.monotonic()) > 0 and not self._stopping.is_set():
                # psycopg itself would wake up ten times a second while it waits.
                if select.select([connection], [], [], left)[0]:
                    connection.pgconn.consume_input()
                    while told := connection.pgconn.notifies():
                        self.ring(told.extra.decode())
