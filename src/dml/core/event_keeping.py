"""How long the event log is kept, and how what is older goes: by dropping whole tables.

Timelines and the audit log need the events themselves; readers who follow need to know who may see
them, for a while. So these are kept apart, each for its time.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core import worker
from dml.core.context import Context
from dml.core.event_log import EventLog, EventReader, EventRow
from dml.core.partitions import Parted

EVENTS: Final = Parted("events", by_months=True)
READERS: Final = Parted("event_readers", by_months=False)
ROWS_AT_ONCE: Final = 10_000
_LOCK: Final = 0x646D6C_657674
_BE_BRIEF: Final = text("SET LOCAL lock_timeout = '1s'")


async def keep(ctx: Context) -> int:
    """Drop what is older than the settings keep, and make room for what comes.

    A transaction of its own, and short: while a table is made or dropped, nobody records an event.
    Where it can't be had at once, the worker tries again. One worker does so at a time.
    """
    tx, now = ctx.tx, ctx.now
    if not await tx.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
        return 0
    await tx.execute(_BE_BRIEF)
    settings = worker.parts().settings
    for parted in (EVENTS, READERS):
        await parted.prepare(tx, now)
    await _forget_readers(tx, now - timedelta(days=settings.keep_events_days))
    await _forget_events(tx, now - timedelta(days=settings.keep_audit_days))
    return 0


async def _forget_readers(tx: AsyncSession, before: datetime) -> None:
    for part in await READERS.list_before(tx, before):
        # S608 warns of SQL that others could write: this name comes from PostgreSQL's catalogue.
        last = await tx.scalar(text(f"SELECT coalesce(max(number), 0) FROM {part}"))  # noqa: S608 - a partition of ours
        await _note(tx, last)
        await tx.execute(text(f"DROP TABLE {part}"))
    old = (
        select(EventReader.number, EventReader.reader)
        .where(EventReader.at < READERS.start(before))
        .order_by(EventReader.number)
        .limit(ROWS_AT_ONCE)
        .cte()
    )
    gone = delete(EventReader).where(
        EventReader.number == old.c.number, EventReader.reader == old.c.reader
    )
    numbers = (await tx.scalars(gone.returning(EventReader.number))).all()
    await _note(tx, max(numbers, default=0))


async def _forget_events(tx: AsyncSession, before: datetime) -> None:
    for part in await EVENTS.list_before(tx, before):
        await tx.execute(text(f"DROP TABLE {part}"))
    old = (
        select(EventRow.number)
        .where(EventRow.at < EVENTS.start(before))
        .order_by(EventRow.number)
        .limit(ROWS_AT_ONCE)
    )
    await tx.execute(delete(EventRow).where(EventRow.number.in_(old)))


async def _note(tx: AsyncSession, number: int | None) -> None:
    """Remember up to which number readers can't go on from any more."""
    forgotten = func.greatest(EventLog.forgotten_up_to, number)
    await tx.execute(update(EventLog).values(forgotten_up_to=forgotten))
