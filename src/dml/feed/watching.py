"""Following the event log live: one reader for each API process, fanned out in memory.

While somebody follows, the reader asks ten times a second what is new, whoever may see it: a
thousand followers cost the database what one costs. Each event is written once, and handed to those
by whose names it may be read. A follower who comes with a position first reads what came since from
the database, page by page, and joins the others where the reader is.

Who shows a thing anew whenever something happened to it follows no events: they are rung for, and
ask for the thing as ever, which tells whether they may see it.
"""

import asyncio
import logging
from collections import Counter, defaultdict, deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Final

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.core import event_feed
from dml.core.event_feed import Asked, Horizon, Log, Position
from dml.core.event_log import EventRow
from dml.core.ids import UserId
from dml.feed import rules
from dml.feed.schemas import event_out

EVERY_SECONDS: Final = 0.1
UNSETTLED_SECONDS: Final = 0.05  # Where something happened that is not settled yet.
READ_MAX: Final = 1_000  # Events that one look reads.
WAITING_MAX: Final = 1_000  # Events that wait for one follower.
PAGE: Final = 100
COMMENT_SECONDS: Final = 15.0  # So that proxies keep a quiet stream open.
log = logging.getLogger(__name__)

_STILL_HERE: Final = b": still here\n\n"
_DROPPED: Final = (
    b"event: dropped\n"
    b'data: {"code":"feed.stream_too_slow","reason":"You did not take events in time.",'
    b'"remedy":"Connect again with `Last-Event-ID`, the id of the last event that you have."}\n\n'
)


class Follower:
    """Who follows: what of the log they asked for, and what waits to be sent."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.waiting: deque[bytes] = deque()
        self.awake = asyncio.Event()
        self.is_too_slow = False

    def wants(self, row: EventRow) -> bool:
        asked = self.asked
        return (not asked.types or row.type in asked.types) and (
            asked.subject is None or row.subject == asked.subject
        )

    def give(self, piece: bytes) -> None:
        """Hand on an event. Who lets too many wait gets no more."""
        if len(self.waiting) >= WAITING_MAX:
            self.is_too_slow = True
        else:
            self.waiting.append(piece)
        self.awake.set()


class EventStreams:
    """All who follow in this process."""

    def __init__(
        self, sessions: async_sessionmaker[AsyncSession], *, streams_of_one_user: int
    ) -> None:
        self.horizon = Horizon()
        self._sessions = sessions
        self._most = streams_of_one_user
        self._streams: Counter[UserId] = Counter()
        self._by_name: defaultdict[str | None, set[Follower]] = defaultdict(set)
        self._bells: defaultdict[str, set[Callable[[], None]]] = defaultdict(set)
        self._number = 0  # Up to which the reader has handed on.
        self._reader: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()

    @property
    def is_closed(self) -> bool:
        """Whether the server stops, so that all that follow here end."""
        return self._closed.is_set()

    def require_room(self, user_id: UserId) -> None:
        """Refuse a stream beyond those that one user may have in this process."""
        if self._streams[user_id] >= self._most:
            raise rules.TooManyStreams(most=self._most, retry_after_seconds=15)

    async def find_log(self, position: Position | None) -> Log:
        """Return the log as it is now, in which somebody may go on from this position."""
        await self.horizon.settle(self._sessions)
        async with self._sessions() as tx:
            found = await event_feed.get_log(tx)
        rules.require_known(found, position, self.horizon.last_drawn)
        return found

    async def follow(
        self, log: Log, asked: Asked, user_id: UserId, position: Position | None
    ) -> AsyncGenerator[bytes]:
        """Yield server-sent events: what came after `position`, and then what comes.

        The body of an answer: it runs after the request's transaction has ended, and touches none.
        """
        follower = Follower(asked)
        self._streams[user_id] += 1
        try:
            number = self.horizon.number if position is None else position.number
            yield b"id: %b\nevent: position\ndata: {}\n\n" % log.position(number).write().encode()
            self._start(log)
            # Between the last page and joining the others nothing is awaited, so nothing is missed.
            while number < self._number and not self._closed.is_set():
                async with self._sessions() as tx:
                    page = await event_feed.read_page(
                        tx, asked, after=number, up_to=self._number, limit=PAGE
                    )
                number = page.number
                for row in page.rows:
                    yield write(log, row)
            for name in _names(asked):
                self._by_name[name].add(follower)
            async for piece in self._live(follower):
                yield piece
        finally:
            self._leave(follower, user_id)

    @asynccontextmanager
    async def ringing(self, about: str, ring: Callable[[], None]) -> AsyncIterator[None]:
        """Call `ring` after each event about a thing (`job:<id>`), or one that names it, from here
        on; and once when the server stops. It may see which or not: that it asks by itself.
        """
        if self._reader is None or self._reader.done():
            self._start(await self.find_log(None))
        self._bells[about].add(ring)
        try:
            yield
        finally:
            self._bells[about].discard(ring)
            if not self._bells[about]:
                del self._bells[about]

    async def close(self) -> None:
        """End all streams: the server stops."""
        self._closed.set()
        for follower in {it for some in self._by_name.values() for it in some}:
            follower.awake.set()
        for ring in [it for some in self._bells.values() for it in some]:
            ring()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def _live(self, follower: Follower) -> AsyncGenerator[bytes]:
        while not self._closed.is_set():
            while follower.waiting:
                yield follower.waiting.popleft()
            if follower.is_too_slow:
                yield _DROPPED
                return
            follower.awake.clear()
            try:
                async with asyncio.timeout(COMMENT_SECONDS):
                    await follower.awake.wait()
            except TimeoutError:
                yield _STILL_HERE

    def _leave(self, follower: Follower, user_id: UserId) -> None:
        self._streams[user_id] -= 1
        if not self._streams[user_id]:
            del self._streams[user_id]
        for name in _names(follower.asked):
            self._by_name[name].discard(follower)
            if not self._by_name[name]:
                del self._by_name[name]

    def _start(self, log: Log) -> None:
        if self._reader is None or self._reader.done():
            self._number = self.horizon.number
            self._reader = asyncio.create_task(self._read(log))

    async def _read(self, log_: Log) -> None:
        """Hand on what is new, until nobody follows."""
        while self._streams or self._bells:
            try:
                await self._look(log_)
            except Exception as error:  # The database is away: the next look is the remedy.
                log.warning("cannot look for new events: %s", error)
            is_settled = self._number >= self.horizon.last_drawn
            await asyncio.sleep(EVERY_SECONDS if is_settled else UNSETTLED_SECONDS)

    async def _look(self, log_: Log) -> None:
        async with self._sessions() as tx:
            up_to = await self.horizon.look(tx)
            if up_to <= self._number:
                return
            rows = await event_feed.read_all(tx, after=self._number, up_to=up_to, limit=READ_MAX)
        for row in rows:
            names: list[str | None] = [None, *row.readers]
            followers = {it for name in names for it in self._by_name.get(name, ())}
            wanting = [it for it in followers if it.wants(row)]
            if wanting:
                piece = write(log_, row)
                for it in wanting:
                    it.give(piece)
        rung = {about for row in rows for about in _things(row)} if self._bells else set()
        for about in rung & self._bells.keys():
            for ring in self._bells[about]:
                ring()
        self._number = rows[-1].number if len(rows) == READ_MAX else up_to


def _names(asked: Asked) -> Collection[str | None]:
    return [None] if asked.readers is None else asked.readers


def _things(row: EventRow) -> Iterator[str]:
    """Yield what an event is about, and what else it names: `bounty_id` is a bounty."""
    yield row.subject
    for name, value in row.body.items():
        if name.endswith("_id"):
            yield f"{name.removesuffix('_id')}:{value}"


def write(log: Log, row: EventRow) -> bytes:
    """Write an event as a server-sent one, whose id is its position."""
    event = event_out(log, row)
    return f"id: {event.id}\nevent: {event.type}\ndata: {event.model_dump_json()}\n\n".encode()


async def _of(request: Request) -> EventStreams:
    streams: EventStreams = request.app.state.event_streams
    return streams


Streams = Annotated[EventStreams, Depends(_of)]
