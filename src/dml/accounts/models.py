"""The rows. Columns and constraints only; what may happen to them is in rules.py."""

from datetime import date, datetime
from enum import StrEnum
from typing import Final, NamedTuple

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, literal_column
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


class UserKind(StrEnum):
    """Whether a user is a person, or an organisation that persons act for."""

    PERSON = "person"
    ORGANISATION = "organisation"


class UserState(StrEnum):
    """Whether a user can sign in: one who is `suspended` can't, until an admin restores them; one
    who erased their account is gone, and only an id is left.
    """

    ACTIVE = "active"
    SUSPENDED = "suspended"
    ERASED = "erased"


class Photo(NamedTuple):
    """Where a user's photo is shown, and its thumbnail: paths of the API, which name the files."""

    url: str
    thumbnail_url: str


def photo_of(
    user_id: UserId, photo_sha256: str | None, thumbnail_sha256: str | None
) -> Photo | None:
    """Return where the files of these hashes are shown; None where there are none."""
    if photo_sha256 is None or thumbnail_sha256 is None:
        return None
    at = f"/v1/users/{user_id}/photos"
    return Photo(f"{at}/{photo_sha256}", f"{at}/{thumbnail_sha256}")


SEARCHED: Final = ("email", "first_name", "last_name")  # By admins, for any part of them.
NO_PASSWORD: Final = ""  # In the column that the release before reads: none hashes to that.


class User(Base):
    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint(
            "(suspended_at IS NULL) = (suspension_reason IS NULL)", "suspension_has_a_reason"
        ),
        CheckConstraint("email = lower(email)", "email_lower_case"),
        CheckConstraint("kind <> 'organisation' OR email IS NULL", "organisation_has_no_address"),
        CheckConstraint("kind <> 'organisation' OR role = 'member'", "organisation_is_a_member"),
        CheckConstraint("country ~ '^[A-Z]{2}$'", "country_alpha_2"),
        CheckConstraint(
            "(photo_sha256 IS NULL) = (thumbnail_sha256 IS NULL)", "photo_has_a_thumbnail"
        ),
        # Asked before a blob is deleted: does anybody show it?
        *(
            Index(None, it, postgresql_where=f"{it} IS NOT NULL")
            for it in ("photo_sha256", "thumbnail_sha256")
        ),
        Index(
            "users_search_idx",
            *(literal_column(f"lower({it})").label(it) for it in SEARCHED),
            postgresql_using="gin",
            postgresql_ops=dict.fromkeys(SEARCHED, "gin_trgm_ops"),
        ),
    )

    id: Mapped[UserId] = mapped_column(primary_key=True)
    # None of who came by another way than a password, until they add one (docs/decisions/0051).
    email: Mapped[str | None] = mapped_column(unique=True)
    password_hash: Mapped[str]
    role: Mapped[Role]
    created_at: Mapped[datetime]
    # Nobody signs in as an organisation, whose name is its first name (docs/decisions/0064).
    kind: Mapped[UserKind] = mapped_column(default=UserKind.PERSON, server_default="person")
    revision: Mapped[int] = mapped_column(default=1)
    first_name: Mapped[str | None] = mapped_column(default=None)
    last_name: Mapped[str | None] = mapped_column(default=None)
    bio: Mapped[str | None] = mapped_column(default=None)
    country: Mapped[str | None] = mapped_column(default=None)
    date_of_birth: Mapped[date | None] = mapped_column(default=None)
    gender: Mapped[Gender | None] = mapped_column(default=None)
    education_level: Mapped[EducationLevel | None] = mapped_column(default=None)
    permitted_kinds: Mapped[list[str]] = mapped_column(default_factory=list)
    email_verified_at: Mapped[datetime | None] = mapped_column(default=None)
    suspended_at: Mapped[datetime | None] = mapped_column(default=None)
    suspension_reason: Mapped[str | None] = mapped_column(default=None)
    erased_at: Mapped[datetime | None] = mapped_column(default=None)
    # Of the two files that were made of what the user uploaded (docs/decisions/0059).
    photo_sha256: Mapped[str | None] = mapped_column(default=None)
    thumbnail_sha256: Mapped[str | None] = mapped_column(default=None)

    # Whether it is told which entrants of bounties they were that won (docs/decisions/0059).
    shows_prizes: Mapped[bool] = mapped_column(default=False, server_default="false")

    @property
    def photo(self) -> Photo | None:
        return photo_of(self.id, self.photo_sha256, self.thumbnail_sha256)

    @property
    def state(self) -> UserState:
        if self.erased_at is not None:
            return UserState.ERASED
        return UserState.ACTIVE if self.suspended_at is None else UserState.SUSPENDED

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
    """A sign-in. It lives until it is ended, or not refreshed for long, or its time is up."""

    __tablename__ = "user_sessions"

    id: Mapped[SessionId] = mapped_column(primary_key=True)
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    end_reason: Mapped[str | None] = mapped_column(default=None)
    # From where and when it was opened or refreshed last. A request by itself writes nothing.
    last_used_at: Mapped[datetime | None] = mapped_column(default=None)
    network: Mapped[str | None] = mapped_column(default=None)
    device: Mapped[str | None] = mapped_column(default=None)


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
