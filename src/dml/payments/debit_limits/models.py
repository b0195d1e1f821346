"""Rows of debit limits."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base
from dml.core.ids import UserId
from dml.core.money import MicroTokens


class DebitLimit(Base):
    """The most that jobs and bounties may take from a user's balance in 30 days. None: no limit.

    The row of who has none any more stays: whoever takes tokens holds it.
    """

    __tablename__ = "debit_limits"
    __table_args__ = (CheckConstraint("amount >= 0", "not_negative"),)

    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"), primary_key=True)
    amount: Mapped[MicroTokens | None]
    changed_at: Mapped[datetime]
