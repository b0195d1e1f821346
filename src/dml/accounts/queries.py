"""Every SELECT of this domain. Edges may read through these; only service.py writes."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.models import KnownNetwork, RefreshToken, Session, User
from dml.core.context import Role
from dml.core.errors import NotFound
from dml.core.ids import SessionId, UserId


class UserNotFound(NotFound):
    code = "accounts.user_not_found"
    reason = "There is no such user."
    remedy = "Check the id."


async def get_user(tx: AsyncSession, user_id: UserId, *, lock: bool = False) -> User:
    """Load a user, or refuse. `lock=True` holds the row until the transaction ends."""
    user = await tx.get(User, user_id, with_for_update=lock, populate_existing=lock)
    if user is None:
        raise UserNotFound
    return user


async def find_credentials(
    tx: AsyncSession, email: str, network_sha256: bytes
) -> tuple[User, bool] | None:
    """Return who has this e-mail address, and whether they came from that network before.

    One statement, which takes as long where nobody has it.
    """
    is_known = (
        select(KnownNetwork.user_id)
        .where(KnownNetwork.user_id == User.id, KnownNetwork.sha256 == network_sha256)
        .exists()
    )
    row = (await tx.execute(select(User, is_known).where(User.email == email))).one_or_none()
    return None if row is None else (row[0], row[1])


async def find_user(tx: AsyncSession, email: str) -> User | None:
    """Return the user with this e-mail address in lower case, if there is one."""
    return await tx.scalar(select(User).where(User.email == email))


_USER: Final = User.__table__.c
_SESSION: Final = Session.__table__.c
# Made once: each request that somebody signed asks it, and to make it took a fifth of a short one.
_ROLE: Final = select(_USER.role).where(
    _SESSION.user_id == _USER.id,
    _SESSION.id == bindparam("session_id"),
    _USER.id == bindparam("user_id"),
    _SESSION.ended_at.is_(None),
    _SESSION.expires_at > bindparam("now"),
)


async def find_role(
    tx: AsyncSession, session_id: SessionId, user_id: UserId, now: datetime
) -> Role | None:
    """Return the role of a user whose session is live, else None. One look-up by primary keys."""
    asked = {"session_id": session_id, "user_id": user_id, "now": now}
    role: Role | None = await tx.scalar(_ROLE, asked)
    return role


async def find_session(
    tx: AsyncSession, token_sha256: bytes, *, lock: bool
) -> tuple[Session, RefreshToken] | None:
    """Return the session with a refresh token of this digest, and that token.

    `lock=True` holds the session's row, and with it all of its tokens: who changes one holds it.
    """
    query = select(Session).join(RefreshToken).where(RefreshToken.sha256 == token_sha256)
    if lock:
        query = query.with_for_update(of=Session)
    session = await tx.scalar(query.execution_options(populate_existing=True))
    if session is None:
        return None
    token = await tx.get_one(RefreshToken, token_sha256, populate_existing=True)
    return session, token


async def lock_admins(tx: AsyncSession) -> list[UserId]:
    """Hold all admins' rows, in one order, so that two who resign at once wait for each other."""
    query = select(User.id).where(User.role == Role.ADMIN).order_by(User.id).with_for_update()
    return list((await tx.scalars(query)).all())


async def count_admins(tx: AsyncSession) -> int:
    query = select(func.count()).select_from(User).where(User.role == Role.ADMIN)
    return await tx.scalar(query) or 0
