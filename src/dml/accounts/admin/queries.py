"""The SELECTs that find accounts."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.models import User, UserState
from dml.core.context import Role
from dml.core.db import PAGE_MAX

_IN: Final = {
    UserState.ACTIVE: (User.suspended_at.is_(None), User.erased_at.is_(None)),
    UserState.SUSPENDED: (User.suspended_at.is_not(None),),
    UserState.ERASED: (User.erased_at.is_not(None),),
}


async def list_users(
    tx: AsyncSession,
    *,
    text: str | None,
    role: Role | None,
    state: UserState | None,
    after: UUID | None,
    limit: int,
) -> Sequence[User]:
    """Return users, the newest first, and one beyond `limit`.

    One statement. It reads accounts from the newest on until it has found enough, so a text that
    nobody has costs a look at each of them.
    """
    assert 0 < limit <= PAGE_MAX
    query = select(User)
    if text is not None:
        query = query.where(_has(text))
    if role is not None:
        query = query.where(User.role == role)
    if state is not None:
        query = query.where(*_IN[state])
    if after is not None:
        query = query.where(User.id < after)
    return (await tx.scalars(query.order_by(User.id.desc()).limit(limit + 1))).all()


def _has(text: str) -> ColumnElement[bool]:
    """Whether an address or a name has this text in it, or the id is this."""
    try:
        return User.id == UUID(text)
    except ValueError:
        columns = (User.email, User.first_name, User.last_name)
        return or_(*(it.icontains(text, autoescape=True) for it in columns))
