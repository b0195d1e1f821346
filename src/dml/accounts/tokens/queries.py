"""The SELECTs of personal access tokens."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.models import User
from dml.accounts.tokens.models import PersonalToken
from dml.core.db import PAGE_MAX
from dml.core.ids import TokenId, UserId

_TOKEN: Final = PersonalToken.__table__.c
_USER: Final = User.__table__.c
# Made once: each request that comes with a token asks it.
_HOLDER: Final = select(
    _TOKEN.id, _TOKEN.user_id, _TOKEN.scopes, _TOKEN.expires_at, _TOKEN.last_used_at, _USER.role
).where(
    _TOKEN.sha256 == bindparam("sha256"),
    _USER.id == _TOKEN.user_id,
    _USER.suspended_at.is_(None),
)


async def find_holder(tx: AsyncSession, sha256: bytes) -> Any | None:
    """Return the token of this digest with its user's role, unless they are suspended."""
    return (await tx.execute(_HOLDER, {"sha256": sha256})).one_or_none()


async def list_tokens(
    tx: AsyncSession, user_id: UserId, *, after: UUID | None, limit: int
) -> Sequence[PersonalToken]:
    """Return a user's tokens, newest first, and one beyond `limit`."""
    assert 0 < limit <= PAGE_MAX
    query = select(PersonalToken).where(PersonalToken.user_id == user_id)
    if after is not None:
        query = query.where(PersonalToken.id < after)
    return (await tx.scalars(query.order_by(PersonalToken.id.desc()).limit(limit + 1))).all()


async def count_tokens(tx: AsyncSession, user_id: UserId, now: datetime) -> int:
    """Return how many tokens of a user have not expired."""
    live = PersonalToken.user_id == user_id, PersonalToken.expires_at > now
    return await tx.scalar(select(func.count()).select_from(PersonalToken).where(*live)) or 0


async def lock_token(tx: AsyncSession, user_id: UserId, token_id: TokenId) -> PersonalToken | None:
    """Hold a token of this user, if there is one."""
    mine = PersonalToken.id == token_id, PersonalToken.user_id == user_id
    found: PersonalToken | None = await tx.scalar(
        select(PersonalToken).where(*mine).with_for_update()
    )
    return found


async def lock_tokens(tx: AsyncSession, user_id: UserId) -> Sequence[PersonalToken]:
    """Hold all tokens of a user, in one order."""
    mine = select(PersonalToken).where(PersonalToken.user_id == user_id)
    return (await tx.scalars(mine.order_by(PersonalToken.id).with_for_update())).all()
