"""Natural batching: requests that wait while a statement is in flight share the next one.

One statement is in flight at a time, so a request alone waits for nobody, and under load a
statement carries many. Each statement must be idempotent: one whose fate is unknown, because its
connection was lost, is sent again, and an item is answered only from a statement that committed.
Measured against a statement for each request: docs/decisions/0007.
"""

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import asyncpg

from dml.core.db import RawConnection
from dml.core.errors import Unavailable
from dml.core.sqlstates import AWAY, CANCELLED, CONTENDED, FULL, INSERTED_MEANWHILE, is_one_of

ItemT = TypeVar("ItemT")
OutcomeT = TypeVar("OutcomeT")
log = logging.getLogger(__name__)

LIMIT: Final = 64  # Items of one statement: more cost as much each, and make all wait longer.
QUEUE_MAX: Final = 2_048  # About half a second's work.
BYTES: Final = 4 * 1024 * 1024  # Of one statement, beyond its first item; and sixteen times of
QUEUE_BYTES_MAX: Final = 16 * BYTES  # what waits: a result may have a megabyte.
PATIENCE_SECONDS: Final = 2.0  # So long the database may be away before all who wait are told.
ROUNDS_MAX: Final = 50  # How often an item that was outrun is asked anew.
RACED_SECONDS: Final = 0.005  # Before a batch that was outrun as a whole is.
_PAUSES_SECONDS: Final = (0.0, 0.02, 0.1, 0.2)  # Between tries; the last one again and again.

_ROLLED_BACK: Final = (*CONTENDED, CANCELLED, INSERTED_MEANWHILE)
_AWAY: Final = (*AWAY, FULL)
# What the driver says of the same: InternalClientError is what asyncpg makes of a backend that was
# killed in the middle of an answer.
_LOST: Final = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


class Overloaded(Unavailable):
    code = "core.overloaded"
    reason = "There are more requests than can be answered in time."
    remedy = "Ask again after `retry_after_seconds`; the same request is safe to repeat."


class DatabaseAway(Unavailable):
    code = "core.database_away"
    reason = "The service cannot answer just now."
    remedy = "Nothing was lost. Ask again in a moment; the same request is safe to repeat."


class Raced(Exception):
    """In the place of an outcome: somebody was faster, and the item is to be asked anew."""


RACED: Final = Raced()
Connect = Callable[[], Awaitable[RawConnection]]
Statement = Callable[[RawConnection, Sequence[ItemT]], Awaitable[Sequence[OutcomeT | Raced]]]


@dataclass(slots=True)
class _Waiting(Generic[ItemT, OutcomeT]):
    item: ItemT
    answer: "asyncio.Future[OutcomeT]"
    size: int
    rounds: int = 0


class Batcher(Generic[ItemT, OutcomeT]):
    """Sends items in batches over a connection of its own. `statement` answers each, in order."""

    def __init__(
        self,
        connect: Connect,
        statement: Statement[ItemT, OutcomeT],
        *,
        limit: int = LIMIT,
        queue_max: int = QUEUE_MAX,
        size_of: Callable[[ItemT], int] = lambda item: 0,
        observe: Callable[[int], None] = lambda number: None,
    ) -> None:
        self._connect = connect
        self._statement = statement
        self._limit = limit
        self._queue_max = queue_max
        self._size_of = size_of  # In bytes, where items may be large.
        self._observe = observe  # Told how many items each batch had that committed.
        self._bytes = 0  # Of all that wait.
        self._waiting: deque[_Waiting[ItemT, OutcomeT]] = deque()
        self._connection: RawConnection | None = None
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._work())

    def __len__(self) -> int:
        """How many items wait for a statement."""
        return len(self._waiting)

    def ask(self, item: ItemT) -> "asyncio.Future[OutcomeT]":
        """Return the future outcome of this item. Overloaded, where too many wait already."""
        if len(self._waiting) >= self._queue_max or self._bytes > QUEUE_BYTES_MAX:
            raise _overloaded()
        answer: asyncio.Future[OutcomeT] = asyncio.get_running_loop().create_future()
        size = self._size_of(item)
        self._waiting.append(_Waiting(item, answer, size))
        self._bytes += size
        self._wake.set()
        return answer

    async def close(self) -> None:
        """Stop, and refuse who still waits."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._refuse_all()
        self._disconnect()

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._send(self._take())

    def _take(self) -> list[_Waiting[ItemT, OutcomeT]]:
        batch: list[_Waiting[ItemT, OutcomeT]] = []
        left = BYTES
        while self._waiting and len(batch) < self._limit and left >= 0:
            batch.append(self._waiting.popleft())
            left -= batch[-1].size
        self._bytes -= BYTES - left
        return batch

    async def _send(self, batch: list[_Waiting[ItemT, OutcomeT]]) -> None:
        """Answer a batch. One that is refused for its content is halved: a bad item fails alone."""
        try:
            outcomes = await self._ask_until_answered([it.item for it in batch])
        except asyncio.CancelledError:
            _refuse(batch)
            raise
        except DatabaseAway:
            _refuse(batch)
            self._refuse_all()  # They would only wait for the same.
            return
        except Exception as error:  # Whatever it is, it is one item's: nobody else shall have it.
            if len(batch) == 1:
                if not batch[0].answer.done():
                    batch[0].answer.set_exception(error)
                return
            half = len(batch) // 2
            await self._send(batch[:half])
            await self._send(batch[half:])
            return
        self._observe(len(batch))
        self._answer(batch, outcomes)
        if all(isinstance(it, Raced) for it in outcomes):
            await asyncio.sleep(RACED_SECONDS)

    def _answer(
        self, batch: list[_Waiting[ItemT, OutcomeT]], outcomes: Sequence[OutcomeT | Raced]
    ) -> None:
        for it, outcome in zip(batch, outcomes, strict=True):
            if it.answer.done():  # Its client has gone.
                continue
            if not isinstance(outcome, Raced):
                it.answer.set_result(outcome)
            elif it.rounds < ROUNDS_MAX:
                it.rounds += 1
                self._waiting.appendleft(it)  # Its turn was now; at the end it would starve.
                self._bytes += it.size
            else:
                it.answer.set_exception(_overloaded())

    async def _ask_until_answered(self, items: list[ItemT]) -> Sequence[OutcomeT | Raced]:
        give_up = time.monotonic() + PATIENCE_SECONDS
        tries = 0
        while True:
            try:
                async with asyncio.timeout(max(0.0, give_up - time.monotonic())):
                    if self._connection is None or self._connection.is_closed():
                        self._connection = await self._connect()
                    return await self._statement(self._connection, items)
            except Exception as error:  # Of what kind it is, its SQLSTATE says.
                if isinstance(error, ValueError):  # asyncpg's DataError: a bad item, not a loss.
                    raise
                if is_one_of(error, *_AWAY) or isinstance(error, _LOST):
                    self._disconnect()
                elif not is_one_of(error, *_ROLLED_BACK):
                    raise
                cause = error
            pause = _PAUSES_SECONDS[min(tries, len(_PAUSES_SECONDS) - 1)]
            tries += 1
            if time.monotonic() + pause > give_up:
                log.warning("a batch of %d is given up: %r", len(items), cause)
                raise DatabaseAway from cause
            await asyncio.sleep(pause)

    def _refuse_all(self) -> None:
        _refuse(self._waiting)
        self._waiting.clear()
        self._bytes = 0

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


def _refuse(waiting: Iterable[_Waiting[ItemT, OutcomeT]]) -> None:
    for it in waiting:
        if not it.answer.done():
            it.answer.set_exception(DatabaseAway(retry_after_seconds=1 + secrets.randbelow(3)))


def _overloaded() -> Overloaded:
    return Overloaded(retry_after_seconds=1 + secrets.randbelow(5))
