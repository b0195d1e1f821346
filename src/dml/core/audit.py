"""Who changed what, when, from which state to which, and why. Written in the transaction of the
change, never updated; a thing's timeline is read from here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import BigInteger, Identity, Index, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.context import Context
from dml.core.db import Base
from dml.core.ids import UserId

ENTRIES_MAX: Final = 200  # What one timeline shows: the newest.


@dataclass(frozen=True, slots=True)
class Move:
    """A change of state that the rules allowed."""

    origin: StrEnum | None
    to: StrEnum


class AuditEntry(Base):
    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "subject", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True, init=False)
    at: Mapped[datetime]
    actor_id: Mapped[UserId | None]
    subject: Mapped[str]
    action: Mapped[str]
    from_state: Mapped[str | None] = mapped_column(default=None)
    to_state: Mapped[str | None] = mapped_column(default=None)
    reason: Mapped[str | None] = mapped_column(default=None)
    facts: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), default=None)


def record(
    ctx: Context,
    subject: str,
    action: str,
    move: Move | None = None,
    *,
    reason: str | None = None,
    facts: dict[str, Any] | None = None,
) -> None:
    """Note what the actor did to `subject` (`job:<id>`), in the transaction that did it."""
    ctx.tx.add(
        AuditEntry(
            at=ctx.now,
            actor_id=ctx.actor.user_id,
            subject=subject,
            action=action,
            from_state=move.origin.value if move and move.origin else None,
            to_state=move.to.value if move else None,
            reason=reason,
            facts=facts,
        )
    )


async def history(tx: AsyncSession, subject: str) -> Sequence[AuditEntry]:
    """Return the newest entries of `subject`, oldest first."""
    query = (
        select(AuditEntry)
        .where(AuditEntry.subject == subject)
        .order_by(AuditEntry.id.desc())
        .limit(ENTRIES_MAX)
    )
    return (await tx.scalars(query)).all()[::-1]
