"""The event log as its readers see it: in the order of its numbers, and with none ever skipped.

A position is a number up to which a reader has read, with the id of the log that it is of. What a
reader may see lies in `event_readers`, sorted by reader and number: a page is one index scan for
each name that the reader goes by, O(rows looked through), whatever the log holds.
"""

import asyncio
import struct
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.types import Text

from dml.core.event_log import EventLog, EventRow
from dml.core.keyset import Place

SCAN_MAX: Final = 1_000  # Rows that one page looks through, however few of them it shows.
SCANS_MAX: Final = 20  # So often it goes on while it has none: one that is empty tells nobody much.
SETTLE_SECONDS: Final = 0.5  # So long a page waits for those who write at that moment.
LOOK_SECONDS: Final = 0.02
_POSITION: Final = struct.Struct(">8sQ")

# The last number that was drawn, as it is now; and what follows has the activity as it is then.
_LAST: Final = text("""
    SELECT coalesce(pg_sequence_last_value('events_number_seq'), 0) AS last,
        pg_stat_clear_snapshot()
""")
# The first transaction that is under way, and the one after the last. A snapshot alone does not
# tell the last: it ends at those that have ended, and knows of none that began later.
_UNDER_WAY: Final = text("""
    SELECT oldest, next, (
        SELECT max(backend_xid::text::bigint - next & 4294967295) FROM pg_stat_get_activity(NULL)
        WHERE (backend_xid::text::bigint - next & 4294967295) < 2147483648
    ) AS ahead
    FROM (
        SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest,
            pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next
    ) AS seen
""")
_FOR_READERS: Final = text("""
    SELECT DISTINCT page.number, page.at
    FROM unnest(:readers) AS mine (reader) CROSS JOIN LATERAL (
        SELECT number, at FROM event_readers
        WHERE reader = mine.reader AND number > :after AND number <= :up_to
        ORDER BY number LIMIT :most
    ) page
    ORDER BY page.number LIMIT :most
""").bindparams(bindparam("readers", type_=ARRAY(Text)))
_FOR_ADMINS: Final = text("""
    SELECT number, at FROM events WHERE number > :after AND number <= :up_to
    ORDER BY number LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class Position(Place):
    """Up to where a reader has read."""

    log: bytes  # The first 8 bytes of the log's id.
    number: int

    def pack(self) -> bytes:
        return _POSITION.pack(self.log, self.number)

    @classmethod
    def unpack(cls, content: bytes) -> Self:
        log, number = _POSITION.unpack(content)
        if number >= 2**63:
            raise ValueError("no number is so large")
        return cls(log, number)


@dataclass(frozen=True, slots=True)
class Log:
    """Which log this is, and up to which number it has forgotten."""

    id: UUID
    forgotten_up_to: int

    def position(self, number: int) -> Position:
        return Position(self.id.bytes[:8], number)

    def has(self, position: Position) -> bool:
        """Whether a position is one of this log."""
        return position.log == self.id.bytes[:8]

    def start_of(self, position: Position | None) -> int:
        """Return the number after which to read: without a position, from the oldest on."""
        return self.forgotten_up_to if position is None else position.number


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the log is asked for. `readers`: by which names; None: all, for an admin."""

    readers: Collection[str] | None
    types: Collection[str] = ()
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Some rows, the number up to which they were looked for, and whether more may follow."""

    rows: Sequence[EventRow]
    number: int
    has_more: bool


class Horizon:
    """Up to which number all events are settled: none below it can still become visible.

    Whoever draws a number has a transaction id by then. So when every transaction that was under
    way at a moment has ended, all numbers drawn before that moment are settled. Each look notes
    the last number, and what is under way just after that.
    """

    def __init__(self) -> None:
        self.number = 0
        self.last_drawn = 0  # By whoever, settled or not, when it was looked at last.
        self._marks: deque[tuple[int, int]] = deque()

    async def look(self, tx: AsyncSession) -> int:
        """Look at the database once more, and return the number."""
        self.last_drawn = int((await tx.execute(_LAST)).one().last)
        row = (await tx.execute(_UNDER_WAY)).one()
        following = row.next if row.ahead is None else row.next + row.ahead + 1
        noted = self._marks[-1][1] if self._marks else self.number
        if self.last_drawn > noted:
            self._marks.append((following, self.last_drawn))
        while self._marks and self._marks[0][0] <= row.oldest:
            self.number = self._marks.popleft()[1]
        return self.number

    async def settle(self, sessions: async_sessionmaker[AsyncSession]) -> int:
        """Wait until all that has happened by now is settled, or for a moment at most.

        PostgreSQL tells nobody when a transaction ends, so this looks again and again.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + SETTLE_SECONDS
        async with sessions() as tx:
            await self.look(tx)
            drawn_before = self.last_drawn
            while await self.look(tx) < drawn_before and loop.time() < until:  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(LOOK_SECONDS)
        return self.number


async def get_log(tx: AsyncSession) -> Log:
    row = (await tx.execute(select(EventLog.id, EventLog.forgotten_up_to))).one()
    return Log(row.id, row.forgotten_up_to)


async def read_page(
    tx: AsyncSession, asked: Asked, *, after: int, up_to: int, limit: int
) -> FeedPage:
    """Return the next events that were asked for: at most `limit`, after `after`, in their order.

    Where few of them fit, it ends after looking through `SCAN_MAX`, and where none do after
    `SCANS_MAX` times as many. What is about one thing is found at once.
    """
    if asked.subject is not None:
        return await _read_about(tx, asked, after=after, up_to=up_to, limit=limit)
    for _ in range(SCANS_MAX):
        page = await _look_through(tx, asked, after=after, up_to=up_to, limit=limit)
        if page.rows or not page.has_more:
            break
        after = page.number
    return page


async def _look_through(
    tx: AsyncSession, asked: Asked, *, after: int, up_to: int, limit: int
) -> FeedPage:
    values = {"after": after, "up_to": up_to, "most": SCAN_MAX}
    if asked.readers is None:
        found = (await tx.execute(_FOR_ADMINS, values)).all()
    else:
        found = (await tx.execute(_FOR_READERS, values | {"readers": list(asked.readers)})).all()
    if not found:
        return FeedPage([], up_to, has_more=False)
    query = select(EventRow).where(
        EventRow.number.in_([it.number for it in found]),
        EventRow.at.between(min(it.at for it in found), max(it.at for it in found)),
    )
    if asked.types:
        query = query.where(EventRow.type.in_(asked.types))
    rows = (await tx.scalars(query.order_by(EventRow.number).limit(limit))).all()
    if len(rows) == limit:
        return FeedPage(rows, rows[-1].number, has_more=True)
    if len(found) == SCAN_MAX:
        return FeedPage(rows, found[-1].number, has_more=True)
    return FeedPage(rows, up_to, has_more=False)


async def _read_about(
    tx: AsyncSession, asked: Asked, *, after: int, up_to: int, limit: int
) -> FeedPage:
    query = select(EventRow).where(
        EventRow.subject == asked.subject, EventRow.number > after, EventRow.number <= up_to
    )
    if asked.readers is not None:
        query = query.where(EventRow.readers.overlap(list(asked.readers)))
    if asked.types:
        query = query.where(EventRow.type.in_(asked.types))
    rows = (await tx.scalars(query.order_by(EventRow.number).limit(limit))).all()
    is_full = len(rows) == limit
    return FeedPage(rows, rows[-1].number if is_full else up_to, has_more=is_full)


async def read_all(tx: AsyncSession, *, after: int, up_to: int, limit: int) -> Sequence[EventRow]:
    """Return the next events, whoever may see them: for a process that hands them on."""
    query = select(EventRow).where(EventRow.number > after, EventRow.number <= up_to)
    return (await tx.scalars(query.order_by(EventRow.number).limit(limit))).all()
