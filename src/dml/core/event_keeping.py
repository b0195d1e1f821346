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
    """Make room for what comes, or drop what is older than the settings keep: one table's parts in
    each transaction, and so again until the answer is 0.

    A short transaction: while a part is made or dropped, nobody records an event. Who records one
    locks both tables, in an order that PostgreSQL chooses, so that holding one of them and waiting
    for the other would deadlock. Where a lock can't be had at once, the worker tries again. One
    worker does so at a time.
    """
    tx, now = ctx.tx, ctx.now
    if not await tx.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
        return 0
    await tx.execute(_BE_BRIEF)
    settings = worker.parts().settings
    for parted in (EVENTS, READERS):
        if made := await parted.prepare(tx, now):
            return made
    return await _drop_readers(
        tx, now - timedelta(days=settings.keep_events_days)
    ) or await _drop_events(tx, now - timedelta(days=settings.keep_audit_days))


async def _drop_readers(tx: AsyncSession, before: datetime) -> int:
    """Drop the oldest part that is too old, and return 1; where none is, forget of the rest."""
    for part in (await READERS.list_before(tx, before))[:1]:
        # S608 warns of SQL that others could write: this name comes from PostgreSQL's catalogue.
        last = await tx.scalar(text(f"SELECT coalesce(max(number), 0) FROM {part}"))  # noqa: S608 - a partition of ours
        await _note(tx, last)
        await tx.execute(text(f"DROP TABLE {part}"))
        return 1
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
    return 0


async def _drop_events(tx: AsyncSession, before: datetime) -> int:
    """Do the same with the events themselves."""
    for part in (await EVENTS.list_before(tx, before))[:1]:
        await tx.execute(text(f"DROP TABLE {part}"))
        return 1
    old = (
        select(EventRow.number)
        .where(EventRow.at < EVENTS.start(before))
        .order_by(EventRow.number)
        .limit(ROWS_AT_ONCE)
    )
    await tx.execute(delete(EventRow).where(EventRow.number.in_(old)))
    return 0


async def _note(tx: AsyncSession, number: int | None) -> None:
    """Remember up to which number readers can't go on from any more."""
    forgotten = func.greatest(EventLog.forgotten_up_to, number)
    await tx.execute(update(EventLog).values(forgotten_up_to=forgotten))
