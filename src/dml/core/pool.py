"""Connections to PostgreSQL, given out in the order in which they were asked for.

SQLAlchemy's own pool lets whoever asks just then take a connection that is given back, past all who
wait: under load some wait until they give up, where first come, first served would serve them all.
And it asks PostgreSQL before each use whether it is still there: three of the six round trips of a
short request. A connection whose other side is gone knows by itself, as soon as the loop runs
(docs/decisions/0022).
"""

import asyncio
import contextlib
import time
from collections import deque
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import event, exc
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry
from sqlalchemy.util.concurrency import await_
from sqlalchemy.util.queue import Empty

from dml.core import metrics

WAITING_MAX: Final = 256  # Beyond so many, who asks is refused at once, rather than after a while.
# And where the first of them has waited for so long: how much time a queue of so many takes depends
# on what they ask.
WAITED_SECONDS: Final = 6.0
RESTED_SECONDS: Final = 5.0  # A connection that rested for so long is asked whether it still works.
_RETURNED: Final = "dml_returned_at"


class _Waiting(NamedTuple):
    """Somebody who waits: where a connection is put, and since when, by the loop's clock."""

    place: "asyncio.Future[ConnectionPoolEntry | None]"
    since: float


class FairPool(AsyncAdaptedQueuePool):
    """First come, first served. All calls come from one event loop; O(1) each.

    Who waits gets a connection that is given back, or the room of one that could not be opened.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._waiting: deque[_Waiting] = deque()

    def is_full(self) -> bool:
        """Whether whoever asks for a connection now is refused."""
        return len(self._waiting) >= WAITING_MAX or self._waited() > WAITED_SECONDS

    def show(self, process: str) -> None:
        """Set the gauges of this pool."""
        metrics.POOL.set(self.checkedout(), process, "used")
        metrics.POOL.set(self.checkedin(), process, "free")
        metrics.POOL_WAITING.set(len(self._waiting), process)
        metrics.POOL_WAITED.set(self._waited(), process)

    def _do_get(self) -> ConnectionPoolEntry:
        """Take a connection. `sqlalchemy.exc.TimeoutError`: too many wait, or one waited too long.

        Whatever rests or may be opened is free only while nobody waits.
        """
        with contextlib.suppress(Empty):
            return self._pool.get_nowait()
        if self._inc_overflow():
            return self._open()
        if self.is_full():
            raise exc.TimeoutError(f"{len(self._waiting)} others wait for a connection")
        return await_(self._wait()) or self._open()

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        if (first := self._first_waiting()) is not None:
            first.set_result(record)
        else:
            super()._do_return_conn(record)

    def _dec_overflow(self) -> Literal[True]:
        if (first := self._first_waiting()) is not None:
            first.set_result(None)
            return True
        return super()._dec_overflow()

    def _open(self) -> ConnectionPoolEntry:
        try:
            return self._create_connection()
        except BaseException:
            self._dec_overflow()
            raise

    async def _wait(self) -> ConnectionPoolEntry | None:
        loop = asyncio.get_running_loop()
        mine: asyncio.Future[ConnectionPoolEntry | None] = loop.create_future()
        self._waiting.append(_Waiting(mine, loop.time()))
        late = loop.call_later(self._timeout, _give_up, mine)
        try:
            return await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled() and mine.exception() is None:
                self._pass_on(mine.result())  # It came at the moment of being cancelled.
            raise
        finally:
            late.cancel()

    def _pass_on(self, record: ConnectionPoolEntry | None) -> None:
        if record is None:
            self._dec_overflow()
        else:
            self._do_return_conn(record)

    def _first_waiting(self) -> "asyncio.Future[ConnectionPoolEntry | None] | None":
        while self._waiting:
            first = self._waiting.popleft().place
            if not first.done():
                return first
        return None

    def _waited(self) -> float:
        """How long the first has waited, in seconds."""
        while self._waiting and self._waiting[0].place.done():
            self._waiting.popleft()  # Whoever gave up.
        if not self._waiting:
            return 0.0
        return asyncio.get_running_loop().time() - self._waiting[0].since


def pool_of(engine: AsyncEngine) -> FairPool:
    """Return the pool of an engine that `db.connect` made."""
    assert isinstance(engine.pool, FairPool)
    return engine.pool


def look_before_use(engine: AsyncEngine) -> None:
    """Open a connection anew where its other side is gone, or may be after a long rest.

    And where a transaction was left open that SQLAlchemy does not know of, as when whoever began it
    was cancelled at that moment: the next one's work would join it, and nobody would commit that.
    """
    dialect = engine.dialect

    def note(connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[_RETURNED] = time.monotonic()
        if connection is not None and connection.driver_connection.is_in_transaction():
            record.invalidate()

    def look(connection: Any, record: ConnectionPoolEntry, _: Any) -> None:
        returned = record.info.pop(_RETURNED, None)
        if returned is None:
            return  # It is new.
        driver = connection.driver_connection
        if driver.is_closed() or driver.is_in_transaction():
            raise exc.DisconnectionError
        if time.monotonic() - returned > RESTED_SECONDS and not _answers(dialect, connection):
            raise exc.InvalidatePoolError

    event.listen(engine.sync_engine, "checkin", note)
    event.listen(engine.sync_engine, "checkout", look)


def _answers(dialect: Any, connection: Any) -> bool:
    try:
        return bool(dialect.do_ping(connection))
    except dialect.loaded_dbapi.Error as error:
        if dialect.is_disconnect(error, connection, None):
            return False
        raise


def _give_up(waiting: "asyncio.Future[ConnectionPoolEntry | None]") -> None:
    if not waiting.done():
        waiting.set_exception(exc.TimeoutError("waited too long for a connection to the database"))
