"""The SELECTs that find accounts."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.models import SEARCHED, User, UserState
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

    One statement: where few have the text, it finds them by an index, and where many do, it reads
    accounts from the newest on until it has enough. A text of one or two characters that nobody has
    costs a look at each of them.
    """
    assert 0 < limit <= PAGE_MAX
    query = matching(text)
    if role is not None:
        query = query.where(User.role == role)
    if state is not None:
        query = query.where(*_IN[state])
    if after is not None:
        query = query.where(User.id < after)
    return (await tx.scalars(query.order_by(User.id.desc()).limit(limit + 1))).all()


def matching(text: str | None) -> Select[User]:
    """Select the users who have this text."""
    return select(User) if text is None else select(User).where(_has(text))


def _has(text: str) -> ColumnElement[bool]:
    """Whether an address or a name has this text in it, or the id is this."""
    try:
        return User.id == UUID(text)
    except ValueError:
        return or_(*(_contains(User.__table__.c[it], text) for it in SEARCHED))


def _contains(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Whether this has a text in it, in whatever case.

    The text is a part of the statement, so that each is planned by how many have it: a plan that is
    kept for all would read a million accounts for one.
    """
    escaped = text.replace("/", "//").replace("%", "/%").replace("_", "/_")
    pattern = bindparam(None, f"%{escaped}%", String, literal_execute=True)
    return func.lower(column).like(func.lower(pattern), escape="/")
