"""The rows: who acts for which organisation, and who is invited to."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base
from dml.core.ids import InvitationId, UserId

LINGERS: Final = timedelta(days=30)  # So long who has left still counts as interested.


class MemberRole(StrEnum):
    """What somebody may do for an organisation: a `member` does its work, an `owner` also decides
    about members and money.
    """

    OWNER = "owner"
    MEMBER = "member"


class Membership(Base):
    """That a user acts for an organisation, or did until lately."""

    __tablename__ = "memberships"
    # By its user first: a device's claim asks for one by both.
    __table_args__ = (Index(None, "organisation_id"), Index(None, "left_at"))

    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"), primary_key=True)
    organisation_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"), primary_key=True)
    role: Mapped[MemberRole]
    since: Mapped[datetime]
    left_at: Mapped[datetime | None] = mapped_column(default=None)


class Invitation(Base):
    """That whoever reads a mailbox may join. Only the digest of the mailed code is kept."""

    __tablename__ = "invitations"
    __table_args__ = (
        Index(None, "organisation_id", "id"),
        Index(None, "invited_by", "created_at"),
        Index(None, "expires_at"),
    )

    id: Mapped[InvitationId] = mapped_column(primary_key=True)
    organisation_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    email: Mapped[str] = mapped_column(index=True)
    role: Mapped[MemberRole]
    sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    invited_by: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None] = mapped_column(default=None)  # Accepted, or revoked.
