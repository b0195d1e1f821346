"""Rows of mails."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base
from dml.core.ids import LeaseId, MailId
from dml.mail.states import MailState


class Mail(Base):
    """A mail on its way. What it says is sealed for workers, and kept no longer than it waits."""

    __tablename__ = "mails"
    __table_args__ = (
        CheckConstraint("(state = 'waiting') = (sealed IS NOT NULL)", "sealed_while_waiting"),
        CheckConstraint("(state = 'waiting') = (due_at IS NOT NULL)", "due_while_waiting"),
        Index(None, "due_at", postgresql_where="state = 'waiting'"),
        Index(None, "recipient", "kind", "created_at"),
        Index(None, "created_at"),
    )

    id: Mapped[MailId] = mapped_column(primary_key=True)
    kind: Mapped[str]
    recipient: Mapped[str]
    state: Mapped[MailState]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]  # From then on it is of no use.
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    # When it is next attempted; until then a worker has it in hand, if it has a lease.
    due_at: Mapped[datetime | None]
    lease_id: Mapped[LeaseId | None] = mapped_column(default=None)
    attempts: Mapped[int] = mapped_column(default=0)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    error: Mapped[str | None] = mapped_column(default=None)  # Of the last attempt.
