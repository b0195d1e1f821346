"""Tables that are parted by time, so that what is old goes by dropping a table, not row by row.

Each has a part for whatever falls into no other (`<table>_rest`), so that no row is ever refused;
the parts for the time to come are made long before it comes.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

AHEAD: Final = 3  # So many parts are there before their time.

_PARTS: Final = text("""
    SELECT c.relname AS name
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = to_regclass(:table) AND c.relname <> :rest ORDER BY c.relname
""")


@dataclass(frozen=True, slots=True)
class Parted:
    """A table that is parted by its column `at`, by months or by weeks."""

    table: str
    by_months: bool

    def start(self, at: datetime) -> datetime:
        """Return when the part of this moment begins."""
        day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return day.replace(day=1) if self.by_months else day - timedelta(days=day.weekday())

    def next(self, start: datetime) -> datetime:
        """Return when the part after that begins."""
        return self.start(start + timedelta(days=32 if self.by_months else 7))

    def name(self, start: datetime) -> str:
        return f"{self.table}_{start:%Y_%m_%d}"

    async def prepare(self, tx: AsyncSession, now: datetime) -> int:
        """Make the parts of the time to come, and return how many. O(1).

        The part of this very moment is made only where none of its rows lies with the rest, as
        after a migration or a long sleep: those rows stay there. Who makes some holds this table
        until the transaction ends, and may hold no other: see `core/event_keeping.py`.
        """
        known, made = set(await self._list(tx)), 0
        start = self.start(now)
        for _ in range(AHEAD):
            end = self.next(start)
            if self.name(start) not in known and not await self._has_rest(tx, start, end):
                made += await self._make(tx, start, end)
            start = end
        return made

    async def _make(self, tx: AsyncSession, start: datetime, end: datetime) -> int:
        """Make a part, unless a row of it has come to lie with the rest since that was asked."""
        await tx.execute(text(f"LOCK TABLE ONLY {self.table} IN ACCESS EXCLUSIVE MODE"))
        if await self._has_rest(tx, start, end):
            return 0
        await tx.execute(
            text(
                f"CREATE TABLE {self.name(start)} PARTITION OF {self.table} "
                f"FOR VALUES FROM ('{start.isoformat()}') TO ('{end.isoformat()}')"
            )
        )
        return 1

    async def list_before(self, tx: AsyncSession, before: datetime) -> list[str]:
        """Return the parts in which all is older than that, the oldest first."""
        last = self.name(self.start(before))
        return [it for it in await self._list(tx) if it < last]

    async def _list(self, tx: AsyncSession) -> list[str]:
        values = {"table": self.table, "rest": f"{self.table}_rest"}
        return [it.name for it in await tx.execute(_PARTS, values)]

    async def _has_rest(self, tx: AsyncSession, start: datetime, end: datetime) -> bool:
        query = text(
            f"SELECT EXISTS (SELECT FROM {self.table}_rest "  # noqa: S608 - a name of ours
            "WHERE at >= :start AND at < :end)"
        )
        return bool(await tx.scalar(query, {"start": start, "end": end}))
