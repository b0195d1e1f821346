"""The one argument every use case takes first."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.ids import SessionId, UserId


class Role(StrEnum):
    """What a user may do: a `moderator` also reviews and intervenes, an `admin` also handles money
    and roles.
    """

    MEMBER = "member"
    MODERATOR = "moderator"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking. The system itself acts as `SYSTEM`, a stranger as `NOBODY`."""

    user_id: UserId | None
    role: Role = Role.MEMBER
    session_id: SessionId | None = field(default=None, compare=False)  # Where one was opened.
    # Of a personal access token: what it may do. None: all that the role may.
    scopes: frozenset[str] | None = field(default=None, compare=False)
    # Where the actor is an organisation: the person who acts for it (docs/decisions/0064).
    by: UserId | None = field(default=None, compare=False)

    @property
    def id(self) -> UserId:
        assert self.user_id is not None, "the system and strangers are no users"
        return self.user_id

    @property
    def person_id(self) -> UserId:
        """Who it is in person: whoever acts for an organisation, else the user."""
        return self.by or self.id

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN

    @property
    def is_moderator(self) -> bool:
        """Moderators may do what they may; admins all of that too."""
        return self.role in (Role.MODERATOR, Role.ADMIN)


SYSTEM = Actor(None, Role.ADMIN)
NOBODY = Actor(None)


@dataclass(frozen=True, slots=True)
class Context:
    """A transaction, an actor and a moment. It does not grow a fourth field.

    Edges (HTTP, worker, CLI) open one; a use case never commits, rolls back, or asks the wall
    clock.
    """

    tx: AsyncSession
    actor: Actor
    now: datetime


class BeginFunction(Protocol):
    """Begins a transaction of the caller's, for work that must not hold one open all the time.

    What goes on `since` some moment, an upload say, is judged by the rights of then.
    """

    def __call__(
        self, *, since: datetime | None = None
    ) -> AbstractAsyncContextManager[Context]: ...
