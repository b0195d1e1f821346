"""Rows of links."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base
from dml.core.ids import UserId


class LinkKind(StrEnum):
    """What a link does, once: `sign_up` opens an account, `verify_email` proves an address,
    `change_email` takes another one, `reset_password` takes another password.
    """

    SIGN_UP = "sign_up"
    VERIFY_EMAIL = "verify_email"
    CHANGE_EMAIL = "change_email"
    RESET_PASSWORD = "reset_password"


class Link(Base):
    """A link that was mailed to an address. Only its digest is kept."""

    __tablename__ = "account_links"
    __table_args__ = (CheckConstraint("(kind = 'sign_up') = (user_id IS NULL)", "whose"),)

    sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    kind: Mapped[LinkKind]
    user_id: Mapped[UserId | None] = mapped_column(ForeignKey("users.id"), index=True)
    email: Mapped[str]  # Where it was mailed to.
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)  # Used, or void.
