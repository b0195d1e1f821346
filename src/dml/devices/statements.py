"""Writes that do not go through a loaded row: one statement each."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.ids import DeviceId
from dml.devices.rules import NONCES_MAX

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

_MAKE_ROOM: Final = text("""
    DELETE FROM device_nonces WHERE nonce IN (
        SELECT nonce FROM device_nonces WHERE device_id = :device_id
        ORDER BY expires_at DESC OFFSET :kept
    )
""")

_TAKE_NONCE: Final = text("""
    DELETE FROM device_nonces WHERE nonce = :nonce AND device_id = :device_id RETURNING expires_at
""")


async def see(tx: AsyncSession, device_id: DeviceId, now: datetime) -> None:
    """Note a visit, unless somebody holds the row: no request waits for another to say so."""
    await tx.execute(_SEE, {"device_id": device_id, "now": now})


async def see_all(tx: AsyncSession, device_ids: Collection[DeviceId]) -> None:
    """Note a visit of each of these devices just now, but for those whose row somebody holds."""
    await tx.execute(_SEE_ALL, {"device_ids": list(device_ids)})


async def make_room_for_nonce(tx: AsyncSession, device_id: DeviceId) -> None:
    """Delete a device's oldest nonces, so that one more is within its bound.

    The caller holds the device's row: two that delete at once could wait for each other.
    """
    await tx.execute(_MAKE_ROOM, {"device_id": device_id, "kept": NONCES_MAX - 1})


async def take_nonce(tx: AsyncSession, device_id: DeviceId, nonce: str) -> datetime | None:
    """Delete this nonce of this device, and return when it expires; None where there is none.

    Of two at once, the second waits for the first, and finds nothing.
    """
    taken = await tx.execute(_TAKE_NONCE, {"device_id": device_id, "nonce": nonce})
    expires_at: datetime | None = taken.scalar()
    return expires_at
