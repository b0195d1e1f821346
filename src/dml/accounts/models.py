"""The rows. Columns and constraints only; what may happen to them is in rules.py."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.context import Role
from dml.core.db import Base
from dml.core.ids import SessionId, UserId


class Gender(StrEnum):
    """A user's gender, as they state it."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNDISCLOSED = "undisclosed"


class EducationLevel(StrEnum):
    """A level of education: the main levels of ISCED 2011."""

    NONE = "none"
    PRIMARY = "primary"
    SECONDARY = "secondary"
    BACHELOR = "bachelor"
    MASTER = "master"
    DOCTORATE = "doctorate"


class DataKind(StrEnum):
    """A kind of data on devices. Models process only the kinds that the device's owner permits."""

    PHOTO = "photo"
    TEXT = "text"
    SMS = "sms"
    CONTACTS = "contacts"
    LOCATION = "location"
    AUDIO = "audio"
    TABULAR = "tabular"


class User(Base):
    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("email = lower(email)", "email_lower_case"),
        CheckConstraint("country ~ '^[A-Z]{2}$'", "country_alpha_2"),
    )

    id: Mapped[UserId] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    role: Mapped[Role]
    created_at: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=1)
    first_name: Mapped[str | None] = mapped_column(default=None)
    last_name: Mapped[str | None] = mapped_column(default=None)
    bio: Mapped[str | None] = mapped_column(default=None)
    country: Mapped[str | None] = mapped_column(default=None)
    date_of_birth: Mapped[date | None] = mapped_column(default=None)
    gender: Mapped[Gender | None] = mapped_column(default=None)
    education_level: Mapped[EducationLevel | None] = mapped_column(default=None)
    permitted_kinds: Mapped[list[str]] = mapped_column(default_factory=list)

    @property
    def reference(self) -> str:
        """What the audit log calls this user."""
        return f"user:{self.id}"


class SandboxClock(Base):
    """How far a user is ahead of the time by what they had run in the sandbox."""

    __tablename__ = "sandbox_clocks"
    __table_args__ = (CheckConstraint("timeouts >= 0", "timeouts_not_negative"),)

    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"), primary_key=True)
    ahead_until: Mapped[datetime]
    timeouts_since: Mapped[datetime]  # When the day began of which these are counted.
    timeouts: Mapped[int] = mapped_column(default=0, server_default="0")


class Session(Base):
    """A sign-in. It lives until it is ended, or not refreshed for long."""

    __tablename__ = "user_sessions"

    id: Mapped[SessionId] = mapped_column(primary_key=True)
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    end_reason: Mapped[str | None] = mapped_column(default=None)


class RefreshToken(Base):
    """What a session is refreshed with, once. Only its digest is kept."""

    __tablename__ = "refresh_tokens"

    sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    session_id: Mapped[SessionId] = mapped_column(ForeignKey("user_sessions.id"), index=True)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None] = mapped_column(default=None)
    # With the used token this gives the next one, until that is used, too: an answer that was lost
    # can be given again. Neither of them gives it alone.
    successor_salt: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)


class KnownNetwork(Base):
    """A network from which somebody signed in: who guesses elsewhere does not keep them out."""

    __tablename__ = "known_networks"

    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"), primary_key=True)
    sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    last_at: Mapped[datetime] = mapped_column(index=True)
