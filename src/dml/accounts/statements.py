"""Writes that do not go through a loaded row: one statement each."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.models import KnownNetwork, RefreshToken, User
from dml.core.ids import SessionId, UserId

NETWORKS_MAX: Final = 50  # Of one user: the last ones.
NETWORKS_KEPT: Final = timedelta(days=90)


async def forget_salts(tx: AsyncSession, session_id: SessionId) -> None:
    """Let no used token of this session give its successor again. The caller holds its row."""
    kept = RefreshToken.session_id == session_id, RefreshToken.successor_salt.is_not(None)
    await tx.execute(update(RefreshToken).where(*kept).values(successor_salt=None))


async def know_network(tx: AsyncSession, user_id: UserId, sha256: bytes, now: datetime) -> None:
    """Note that somebody came from this network; forget those they have not come from for long."""
    row = {"user_id": user_id, "sha256": sha256, "last_at": now}
    seen = insert(KnownNetwork).values(row)
    again = seen.on_conflict_do_update(
        index_elements=["user_id", "sha256"],
        set_={"last_at": now},
        where=KnownNetwork.last_at < now - timedelta(hours=1),
    )
    await tx.execute(again)
    kept = (
        select(KnownNetwork.sha256)
        .where(KnownNetwork.user_id == user_id)
        .order_by(KnownNetwork.last_at.desc(), KnownNetwork.sha256)
        .limit(NETWORKS_MAX)
    )
    await tx.execute(
        delete(KnownNetwork).where(
            KnownNetwork.user_id == user_id, KnownNetwork.sha256.not_in(kept.scalar_subquery())
        )
    )


async def forget_networks(tx: AsyncSession, now: datetime) -> None:
    """Delete the networks from which nobody has come for long."""
    await tx.execute(delete(KnownNetwork).where(KnownNetwork.last_at < now - NETWORKS_KEPT))


async def improve_hash(tx: AsyncSession, user_id: UserId, *, old: str, new: str) -> None:
    """Replace a password's hash by another of the same one, unless it was changed meanwhile."""
    mine = User.id == user_id, User.password_hash == old
    await tx.execute(update(User).where(*mine).values(password_hash=new))
