"""Writes that do not go through a loaded row: one statement each."""

from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.ids import DeviceId

_SEE: Final = text("""
    UPDATE devices SET last_seen_at = :now
    WHERE id = (SELECT id FROM devices WHERE id = :device_id FOR NO KEY UPDATE SKIP LOCKED)
""")


async def see(tx: AsyncSession, device_id: DeviceId, now: datetime) -> None:
    """Note a visit, unless somebody holds the row: no request waits for another to say so."""
    await tx.execute(_SEE, {"device_id": device_id, "now": now})
