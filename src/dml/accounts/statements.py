"""Writes that do not go through a loaded row: one statement each."""

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.models import RefreshToken
from dml.core.ids import SessionId


async def forget_salts(tx: AsyncSession, session_id: SessionId) -> None:
    """Let no used token of this session give its successor again. The caller holds its row."""
    kept = RefreshToken.session_id == session_id, RefreshToken.successor_salt.is_not(None)
    await tx.execute(update(RefreshToken).where(*kept).values(successor_salt=None))
