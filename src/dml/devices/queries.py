"""Every SELECT of this domain. Edges may read through these; only service.py writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.models import DataKind, User
from dml.core.db import PAGE_MAX
from dml.core.ids import DeviceId, JobId, UserId
from dml.devices import rules
from dml.devices.models import Device, OwnerLimits, PairingCode, Platform


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """What decides which jobs a device may run."""

    device_id: DeviceId
    owner_id: UserId
    country: str | None
    platform: Platform
    kinds: frozenset[DataKind]  # What it has, and its owner permits.
    refused_jobs: frozenset[JobId]
    refused_developers: frozenset[UserId]
    refused_labels: frozenset[str]


async def find_device(tx: AsyncSession, device_id: DeviceId) -> Device | None:
    return await tx.get(Device, device_id)


async def get_device(tx: AsyncSession, device_id: DeviceId, *, lock: bool = False) -> Device:
    """Load a device, or refuse. `lock=True` holds the row until the transaction ends."""
    device = await tx.get(Device, device_id, with_for_update=lock, populate_existing=lock)
    if device is None:
        raise rules.DeviceNotFound
    return device


async def get_owned_device(
    tx: AsyncSession, owner_id: UserId, device_id: DeviceId, *, lock: bool = False
) -> Device:
    """Load a device of this owner, or refuse: somebody else's is as unknown as none."""
    device = await get_device(tx, device_id, lock=lock)
    if device.owner_id != owner_id:
        raise rules.DeviceNotFound
    return device


async def list_devices(
    tx: AsyncSession, owner_id: UserId, *, after: UUID | None, limit: int
) -> Sequence[Device]:
    """Return an owner's devices, newest first, and one beyond `limit`."""
    assert 0 < limit <= PAGE_MAX
    query = select(Device).where(Device.owner_id == owner_id)
    if after is not None:
        query = query.where(Device.id < after)
    return (await tx.scalars(query.order_by(Device.id.desc()).limit(limit + 1))).all()


async def find_code(tx: AsyncSession, sha256: bytes) -> PairingCode | None:
    """Return the pairing code with this digest, and hold its row."""
    return await tx.get(PairingCode, sha256, with_for_update=True)


async def count_open_codes(tx: AsyncSession, owner_id: UserId, now: datetime) -> int:
    query = (
        select(func.count())
        .select_from(PairingCode)
        .where(
            PairingCode.owner_id == owner_id,
            PairingCode.device_id.is_(None),
            PairingCode.expires_at > now,
        )
    )
    return await tx.scalar(query) or 0


async def get_limits(tx: AsyncSession, owner_id: UserId) -> OwnerLimits:
    """Return what an owner refuses; one who never said so refuses nothing."""
    return await tx.get(OwnerLimits, owner_id) or OwnerLimits(owner_id=owner_id)


async def find_profile(tx: AsyncSession, device_id: DeviceId) -> DeviceProfile:
    """Return what decides which jobs a device may run, which is known to be there. One SELECT."""
    query = (
        select(Device, User.permitted_kinds, OwnerLimits)
        .join(User, User.id == Device.owner_id)
        .outerjoin(OwnerLimits, OwnerLimits.owner_id == Device.owner_id)
        .where(Device.id == device_id)
    )
    device, permitted_by_user, limits = (await tx.execute(query)).one()
    refused = limits or OwnerLimits(owner_id=device.owner_id)
    return DeviceProfile(
        device_id=device.id,
        owner_id=device.owner_id,
        country=device.country,
        platform=device.platform,
        kinds=rules.effective_kinds(device.kinds, device.permitted_kinds, permitted_by_user),
        refused_jobs=frozenset(JobId(it) for it in refused.refused_jobs),
        refused_developers=frozenset(UserId(it) for it in refused.refused_developers),
        refused_labels=frozenset(refused.refused_labels),
    )
