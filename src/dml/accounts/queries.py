"""Every SELECT of this domain. Edges may read through these; only service.py writes."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.models import RefreshToken, Session, User
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


async def find_user(tx: AsyncSession, email: str) -> User | None:
    """Return the user with this e-mail address in lower case, if there is one."""
    return await tx.scalar(select(User).where(User.email == email))


async def find_role(
    tx: AsyncSession, session_id: SessionId, user_id: UserId, now: datetime
) -> Role | None:
    """Return the role of a user whose session is live, else None. One look-up by primary keys."""
    return await tx.scalar(
        select(User.role)
        .join(Session, Session.user_id == User.id)
        .where(
            Session.id == session_id,
            User.id == user_id,
            Session.ended_at.is_(None),
            Session.expires_at > now,
        )
    )


async def get_session(tx: AsyncSession, session_id: SessionId) -> Session:
    """Load a session that is known to be there, and hold its row."""
    return (
        await tx.scalars(select(Session).where(Session.id == session_id).with_for_update())
    ).one()


async def find_refresh_token(tx: AsyncSession, sha256: bytes) -> RefreshToken | None:
    """Return the refresh token with this digest, and hold its row."""
    return await tx.get(RefreshToken, sha256, with_for_update=True)


async def lock_admins(tx: AsyncSession) -> list[UserId]:
    """Hold all admins' rows, in one order, so that two who resign at once wait for each other."""
    query = select(User.id).where(User.role == Role.ADMIN).order_by(User.id).with_for_update()
    return list((await tx.scalars(query)).all())


async def count_admins(tx: AsyncSession) -> int:
    query = select(func.count()).select_from(User).where(User.role == Role.ADMIN)
    return await tx.scalar(query) or 0
