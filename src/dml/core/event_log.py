"""The table of all that happened: each row an audit entry, a timeline's line and an event.

Rows are numbered when they are written and become visible when their transaction commits, so a
number can appear below others that were read: `core/event_feed.py` reads without skipping it.
Events are parted by months, who may see them by weeks, so that what is old goes by dropping a table
(`core/event_keeping.py`, docs/decisions/0040).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, PrimaryKeyConstraint, Text, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base, raw
from dml.core.ids import UserId

HISTORY_MAX: Final = 200  # What one timeline shows: the newest.

# Promises: each row is there, numbered in this order, with a row for each who may see it. The
# transaction has an id before its first number is drawn: the condition asks for one.
_WRITE: Final = """
    WITH made AS (
        INSERT INTO events (at, type, subject, actor_id, from_state, to_state, reason, body, facts,
            readers, by_id)
        SELECT at, type, subject, actor_id, from_state, to_state, reason, body::jsonb,
            facts::jsonb, string_to_array(readers, ' '), by_id
        FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[],
                    $7::text[], $8::text[], $9::text[], $10::text[], $11::uuid[])
            WITH ORDINALITY AS it (at, type, subject, actor_id, from_state, to_state, reason, body,
                facts, readers, by_id, place)
        WHERE pg_current_xact_id() IS NOT NULL
        ORDER BY place
        RETURNING number, at, readers
    )
    INSERT INTO event_readers (reader, number, at) SELECT unnest(readers), number, at FROM made
"""


class EventRow(Base):
    """Who changed what, when, from which state to which, and why. Never changed once written, but
    to erase what it says of a user (`core/event_erasing.py`).
    """

    __tablename__ = "events"
    __table_args__ = (
        PrimaryKeyConstraint("number", "at"),
        Index(None, "subject", "number"),
        {"postgresql_partition_by": "RANGE (at)"},
    )
    __mapper_args__ = {"primary_key": ["number"]}  # noqa: RUF012 - SQLAlchemy reads it

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), init=False)
    at: Mapped[datetime]
    type: Mapped[str]
    subject: Mapped[str]
    actor_id: Mapped[UserId | None] = mapped_column(default=None)
    # Where the actor is an organisation: who acted for it.
    by_id: Mapped[UserId | None] = mapped_column(default=None)
    from_state: Mapped[str | None] = mapped_column(default=None)
    to_state: Mapped[str | None] = mapped_column(default=None)
    reason: Mapped[str | None] = mapped_column(default=None)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB, default_factory=dict)
    facts: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), default=None)
    readers: Mapped[list[str]] = mapped_column(ARRAY(Text), default_factory=list)

    @property
    def action(self) -> str:
        """What happened to the subject, without saying what kind of thing that is: `paused`."""
        return self.type.partition(".")[2]


class EventReader(Base):
    """Who may see an event: in the order of its numbers, so that each reader's page is one scan."""

    __tablename__ = "event_readers"
    __table_args__ = (
        PrimaryKeyConstraint("reader", "number", "at"),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    reader: Mapped[str]
    number: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]


class EventLog(Base):
    """The one row that says which log this is, and what of it is forgotten."""

    __tablename__ = "event_log"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    forgotten_up_to: Mapped[int] = mapped_column(BigInteger)


@dataclass(frozen=True, slots=True)
class NewRow:
    """What is written of an event. `body` is JSON."""

    at: datetime
    type: str
    subject: str
    actor_id: UserId | None
    from_state: str | None
    to_state: str | None
    reason: str | None
    body: str
    facts: Mapping[str, Any] | None
    readers: Sequence[str]
    by_id: UserId | None = None


async def write(tx: AsyncSession, rows: Sequence[NewRow]) -> None:
    """Add events by one statement, in their order."""
    await (await raw(tx, flush=False)).execute(
        _WRITE,
        [it.at for it in rows],
        [it.type for it in rows],
        [it.subject for it in rows],
        [it.actor_id for it in rows],
        [it.from_state for it in rows],
        [it.to_state for it in rows],
        [it.reason for it in rows],
        [it.body for it in rows],
        [None if it.facts is None else json.dumps(it.facts, default=str) for it in rows],
        [" ".join(it.readers) for it in rows],
        [it.by_id for it in rows],
    )


async def find(tx: AsyncSession, subject: str, event_type: str, at: datetime) -> Sequence[EventRow]:
    """Return the events of this type about `subject` at that very moment, in their order."""
    these = EventRow.subject == subject, EventRow.type == event_type, EventRow.at == at
    query = select(EventRow).where(*these).order_by(EventRow.number).limit(HISTORY_MAX)
    return (await tx.scalars(query)).all()


async def history(
    tx: AsyncSession, subject: str, *, without: str | None = None
) -> Sequence[EventRow]:
    """Return the newest events about `subject`, oldest first, but none of the type `without`."""
    query = (
        select(EventRow)
        .where(EventRow.subject == subject, EventRow.type != (without or ""))
        .order_by(EventRow.number.desc())
        .limit(HISTORY_MAX)
    )
    return (await tx.scalars(query)).all()[::-1]
