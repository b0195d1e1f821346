"""Writes that do not go through a loaded row: one statement each."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.ids import DeviceId

_SEE: Final = text("""
    UPDATE devices SET last_seen_at = :now
    WHERE id = (SELECT id FROM devices WHERE id = :device_id FOR NO KEY UPDATE SKIP LOCKED)
""")

_SEE_ALL: Final = text("""
    UPDATE devices SET last_seen_at = now()
    WHERE id = ANY (ARRAY(
        SELECT id FROM devices WHERE id = ANY (CAST(:device_ids AS uuid[]))
        ORDER BY id FOR NO KEY UPDATE SKIP LOCKED))
""")

# "used:", for servers of the release before take what they find here as given, and unused.
_USE_NONCE: Final = text("""
    INSERT INTO device_nonces (nonce, device_id, expires_at)
    VALUES ('used:' || :nonce, :device_id, :expires_at) ON CONFLICT DO NOTHING RETURNING nonce
""")


async def see(tx: AsyncSession, device_id: DeviceId, now: datetime) -> None:
    """Note a visit, unless somebody holds the row: no request waits for another to say so."""
    await tx.execute(_SEE, {"device_id": device_id, "now": now})


async def see_all(tx: AsyncSession, device_ids: Collection[DeviceId]) -> None:
    """Note a visit of each of these devices just now, but for those whose row somebody holds."""
    await tx.execute(_SEE_ALL, {"device_ids": list(device_ids)})


async def use_nonce(
    tx: AsyncSession, device_id: DeviceId, nonce: str, expires_at: datetime
) -> bool:
    """Record that this nonce was used; tell whether it was not before.

    Of two at once, the second waits for the first, and is told that it was.
    """
    row = {"nonce": nonce, "device_id": device_id, "expires_at": expires_at}
    return (await tx.execute(_USE_NONCE, row)).scalar() is not None
