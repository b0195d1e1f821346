"""What keeps processes going when a node dies: each node watches all others through PostgreSQL.

A node lives for as long as a session of its own holds an advisory lock: when the node is killed,
PostgreSQL sees the connection end and lets go at once. Whoever then gets the lock puts the dead
one's work back into the queue. A machine that stands still keeps its connections, and with them the
lock: so a session that has asked nothing for half a minute is ended by others, as each asks once a
second (docs/decisions/0083). A node that finds its own lock lost may have been taken for dead; it
exits, and its keeper starts it again under a new name. Should two nodes work on one process for a
moment, no harm is done: a checkpoint commits only for the owner of its row.

It needs a direct connection: a pooler that shares sessions breaks the lock. Why it is our own:
docs/decisions/0002.
"""

import logging
import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg

from dml.core import metrics
from dml.core.nodes import LOCK_SEED
from dml.refused import ExitCode

log = logging.getLogger(__name__)

LOST: Final = ExitCode.LOCK_LOST  # How a node ends that cannot go on.
_EVERY_SECONDS: Final = 1.0
_CLEAN_EVERY_SECONDS: Final = 3600.0
_BATCH: Final = 1000
_STRAY_SECONDS: Final = 10
HUNG_SECONDS: Final = 30.0  # A node that asks nothing for so long is taken for dead.
_GAP_SECONDS: Final = 5.0  # Who did not look for so long may have stood still itself.

# Both ends notice a machine that has lost its power or its network.
_KEEPALIVES: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "keepalives_idle": 3,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "application_name": "dml-supervisor",
    "options": "-c tcp_keepalives_idle=3 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"
    " -c statement_timeout=10s",
}

_LOCK: Final = f"SELECT pg_try_advisory_lock(hashtextextended(%s, {LOCK_SEED}))"
_UNLOCK: Final = f"SELECT pg_advisory_unlock(hashtextextended(%s, {LOCK_SEED}))"

# Every other node that has work in hand.
_BUSY: Final = """
    SELECT DISTINCT executor_id FROM dbos.workflow_status
    WHERE status = 'PENDING' AND executor_id <> %s
"""

# Whose session holds the lock of this name, and when it last began or ended to ask something.
_HOLDER: Final = f"""
    SELECT pid, state_change FROM pg_stat_activity WHERE state_change IS NOT NULL AND pid = (
        SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND ((classid::bigint << 32) | objid::bigint) = hashtextextended(%s, {LOCK_SEED}))
"""  # noqa: S608 - a number of ours
_END: Final = "SELECT pg_terminate_backend(%s)"

# What a node has had in hand for longer than it takes to begin.
_IN_HAND: Final = """
    SELECT workflow_uuid FROM dbos.workflow_status
    WHERE status = 'PENDING' AND executor_id = %s
        AND started_at_epoch_ms < (extract(epoch FROM now()) - %s) * 1000
"""

# Puts a node's work back into the queue, whole (NULL) or some of it, as DBOS's own recovery does.
_PUT_BACK: Final = """
    UPDATE dbos.workflow_status
    SET status = 'ENQUEUED', owner_xid = NULL, started_at_epoch_ms = NULL,
        updated_at = CAST(extract(epoch FROM now()) * 1000 AS bigint),
        queue_name = coalesce(queue_name, '_dbos_internal_queue')
    WHERE status = 'PENDING' AND executor_id = %(node)s
        AND (%(ids)s::text[] IS NULL OR workflow_uuid = ANY (%(ids)s::text[]))
"""

# Deletes a batch of processes that ended long ago, with all that was kept about them. DBOS's tables
# of events, messages and streams follow by their foreign keys.
_DELETE_OLD: Final = """
    WITH old AS MATERIALIZED (
        SELECT workflow_uuid FROM dbos.workflow_status
        WHERE completed_at < (extract(epoch FROM now()) - %s) * 1000
            AND status IN ('SUCCESS', 'ERROR', 'CANCELLED', 'MAX_RECOVERY_ATTEMPTS_EXCEEDED')
        ORDER BY completed_at LIMIT %s FOR UPDATE SKIP LOCKED
    ), inputs AS (
        DELETE FROM dbos.workflow_input USING old
        WHERE workflow_input.workflow_uuid = old.workflow_uuid
    ), outputs AS (
        DELETE FROM dbos.workflow_output USING old
        WHERE workflow_output.workflow_uuid = old.workflow_uuid
    ), steps AS (
        DELETE FROM dbos.operation_outputs USING old
        WHERE operation_outputs.workflow_uuid = old.workflow_uuid
    ), changes AS (
        DELETE FROM dbos.datasource_outputs USING old
        WHERE datasource_outputs.workflow_id = old.workflow_uuid
    )
    DELETE FROM dbos.workflow_status USING old
    WHERE workflow_status.workflow_uuid = old.workflow_uuid
"""


def connect(database_url: str) -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(database_url, autocommit=True, **_KEEPALIVES)


@dataclass(slots=True)
class _Silence:
    """A node whose session asked something last at that moment, as we saw again and again."""

    asked_at: datetime
    since: float
    looked_at: float


class Supervisor(threading.Thread):
    """Holds this node's lock, and takes over from nodes that lost theirs, once a second.

    `running` tells which processes this node runs at the moment.
    """

    def __init__(
        self,
        connection: psycopg.Connection[tuple[Any, ...]],
        node: str,
        running: Callable[[], set[str]],
        *,
        keep_seconds: float,
        hung_seconds: float = HUNG_SECONDS,
    ) -> None:
        super().__init__(name="supervisor", daemon=True)
        self._connection = connection
        self._node = node
        self._running = running
        self._keep_seconds = keep_seconds
        self._hung_seconds = hung_seconds
        self._stopping = threading.Event()
        self._silences = dict[str, _Silence]()
        self._strays: set[str] = set()
        self._clean_at = time.monotonic() + random.uniform(30, 300)  # noqa: S311 - no secret
        assert self._try_lock(node), "another node has this name"

    def run(self) -> None:
        try:
            while not self._stopping.wait(_EVERY_SECONDS):
                self.take_over()
                self.put_back_strays()
                if time.monotonic() >= self._clean_at:
                    full = self.delete_old() == _BATCH
                    self._clean_at = time.monotonic() + (0 if full else _CLEAN_EVERY_SECONDS)
        except BaseException:  # Whatever it was, nobody watches over this node any more.
            log.critical("%s has lost its lock and exits", self._node, exc_info=True)
            os._exit(LOST)

    def stop(self) -> None:
        """Let go of the lock: what this node still has in hand is for others now."""
        self._stopping.set()
        if self.is_alive():
            self.join()
        self._connection.close()

    def take_over(self) -> None:
        """Put back into the queue what nodes that are dead had in hand."""
        busy = [node for (node,) in self._connection.execute(_BUSY, (self._node,)).fetchall()]
        self._silences = {node: it for node, it in self._silences.items() if node in busy}
        for node in busy:
            self._end_where_it_hangs(node)
            if self._try_lock(node):
                try:
                    put_back = self._put_back(node, None)
                finally:
                    self._connection.execute(_UNLOCK, (node,))
                metrics.NODES_LOST.inc()
                metrics.TAKEOVERS.inc(by=put_back)
                log.warning("%s is dead; %s processes go on elsewhere", node, put_back)

    def _end_where_it_hangs(self, node: str) -> None:
        """End the session of a node that has not asked anything for long, while we saw it."""
        holder = self._connection.execute(_HOLDER, (node,)).fetchone()
        if holder is None:
            return
        (pid, asked_at), now = holder, time.monotonic()
        known = self._silences.get(node)
        if known is None or known.asked_at != asked_at or now - known.looked_at > _GAP_SECONDS:
            self._silences[node] = _Silence(asked_at, now, now)
            return
        known.looked_at = now
        if now - known.since > self._hung_seconds:
            log.warning("%s has asked nothing for %.0f s, and is ended", node, now - known.since)
            self._connection.execute(_END, (pid,))

    def put_back_strays(self) -> None:
        """Put back what this node has in hand by its row, but does not run.

        Such is a process whose claim committed though the answer was lost, or whose name this node
        does not know while a newer one does.
        """
        in_hand = self._connection.execute(_IN_HAND, (self._node, _STRAY_SECONDS)).fetchall()
        suspects = {process_id for (process_id,) in in_hand} - self._running()
        strays = suspects & self._strays  # Twice in a row: it was not just about to end.
        self._strays = suspects - strays
        if strays:
            put_back = self._put_back(self._node, sorted(strays))
            log.warning("%s processes were claimed but not begun", put_back)

    def delete_old(self) -> int:
        """Delete a batch of processes that ended long ago, and say how many those were."""
        return self._connection.execute(_DELETE_OLD, (self._keep_seconds, _BATCH)).rowcount

    def _try_lock(self, node: str) -> bool:
        row = self._connection.execute(_LOCK, (node,)).fetchone()
        return row is not None and bool(row[0])

    def _put_back(self, node: str, process_ids: list[str] | None) -> int:
        return self._connection.execute(_PUT_BACK, {"node": node, "ids": process_ids}).rowcount
