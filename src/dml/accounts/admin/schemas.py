"""Shapes of accounts as admins see them."""

from datetime import datetime

from pydantic import Field

from dml.accounts.models import UserKind, UserState
from dml.accounts.schemas import KIND, UserOut
from dml.core.context import Role
from dml.core.wire import Body, Prose, Text, example
from dml.edge.paging import Paging


class UsersPaging(Paging):
    """Which users to list."""

    query: Text | None = Field(
        None,
        max_length=254,
        description="Only users whose e-mail address or name has this in it, in whatever case; or "
        "the one with this id.",
    )
    role: Role | None = Field(None, description="Only users with this role.")
    state: UserState | None = Field(
        None, description="Only users who are active, suspended or erased."
    )


class ManagedUserOut(UserOut):
    """An account, as admins see it."""

    kind: UserKind = Field(description=KIND)
    state: UserState
    suspended_at: datetime | None = Field(description="`null` unless the user is suspended.")
    suspension_reason: str | None = Field(
        description="The reason that the admin gave. The user reads it when they sign in."
    )
    erased_at: datetime | None = Field(
        description="When the user erased their account: no more than the id is left."
    )


class UserSuspension(Body):
    model_config = example(reason="Your device sent results that it had made up.")

    reason: Prose = Field(
        max_length=500,
        description="Why. The user reads it when they sign in, and it is kept in the audit log.",
    )


class UserRestoration(Body):
    model_config = example(reason="It was a fault of the app.")

    reason: Prose = Field(
        max_length=500, description="Why. The user can see it, and it is kept in the audit log."
    )
