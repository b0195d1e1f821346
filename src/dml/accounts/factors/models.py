"""Rows of second factors."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base
from dml.core.ids import UserId


class TotpFactor(Base):
    """A user's authenticator app, one at most. It counts from when it was confirmed."""

    __tablename__ = "totp_factors"
    __table_args__ = (CheckConstraint("wrong_in_a_row >= 0", "wrong_not_negative"),)

    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)  # The secret, for `codes.purpose_of`.
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None] = mapped_column(default=None)
    last_step: Mapped[int] = mapped_column(default=0)  # Of the last code that was taken.
    wrong_in_a_row: Mapped[int] = mapped_column(default=0)


class RecoveryCode(Base):
    """A code that is good once. Only its digest is kept."""

    __tablename__ = "recovery_codes"

    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"), primary_key=True)
    sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None] = mapped_column(default=None)


class SignInTicket(Base):
    """What somebody holds who has proven one of two factors. Only its digest is kept."""

    __tablename__ = "sign_in_tickets"

    sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    tries: Mapped[int] = mapped_column(default=0)
    used_at: Mapped[datetime | None] = mapped_column(default=None)
