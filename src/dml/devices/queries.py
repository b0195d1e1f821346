"""Every SELECT of this domain. Edges may read through these; only service.py writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.models import DataKind
from dml.core.db import PAGE_MAX, RawConnection
from dml.core.ids import DeviceId, JobId, UserId
from dml.devices import rules
from dml.devices.models import Device, OwnerLimits, PairingCode

# One statement for many devices, on a connection of `core.db.connect_hot`.
_PROFILES: Final = """
SELECT u.n::int, d.id, d.owner_id, d.country, d.kinds, d.permitted_kinds, d.memory_mib, d.speed,
       o.permitted_kinds AS by_owner, o.suspended_at IS NOT NULL AS suspended,
       l.refused_jobs, l.refused_developers, l.refused_labels, l.allows_exact,
       l.refused_countries, l.max_epsilon,
       d.revision + o.revision + coalesce(l.revision, 0) AS stamp
FROM unnest($1::uuid[]) WITH ORDINALITY AS u (id, n)
CROSS JOIN LATERAL (SELECT * FROM devices WHERE id = u.id LIMIT 1) d
CROSS JOIN LATERAL (SELECT * FROM users WHERE id = d.owner_id LIMIT 1) o
LEFT JOIN LATERAL (SELECT * FROM owner_limits WHERE owner_id = d.owner_id LIMIT 1) l ON true
"""


UNSAID: Final = 2**31
COUNTED: Final = 1_000  # Owners: beyond, there are enough for anybody.


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """What decides which jobs a device may run."""

    device_id: DeviceId
    owner_id: UserId
    stamp: int  # Another one, whenever anything here has changed.
    country: str | None
    kinds: frozenset[DataKind]  # What it has, and its owner permits.
    memory_mib: int  # What says nothing of itself is taken to have all that is needed.
    speed: int
    suspended: bool  # Its owner is: it gets no work.
    refused_jobs: frozenset[JobId]
    refused_developers: frozenset[UserId]
    refused_labels: frozenset[str]
    allows_exact: bool  # Its owner agreed to answers without noise.
    refused_countries: frozenset[str]  # None of them may a job ask for.
    max_epsilon: float | None  # Of a job; None: any.


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


async def list_not_revoked(tx: AsyncSession, owner_id: UserId) -> Sequence[DeviceId]:
    """Return the ids of some devices of an owner that are not revoked."""
    query = select(Device.id).where(Device.owner_id == owner_id, Device.revoked_at.is_(None))
    return (await tx.scalars(query.order_by(Device.id).limit(PAGE_MAX))).all()


async def list_ids(tx: AsyncSession, owner_id: UserId) -> Sequence[DeviceId]:
    """Return the ids of all devices that an owner ever had: of no page, for their own export."""
    query = select(Device.id).where(Device.owner_id == owner_id).order_by(Device.id)
    return (await tx.scalars(query)).all()


async def count_able_owners(
    tx: AsyncSession,
    *,
    data_kind: str,
    least_memory_mib: int | None,
    least_speed: int | None,
    seen_since: datetime,
) -> int:
    """Count owners of a device that would be offered such a model, up to one beyond `COUNTED`.

    Of devices that were seen since then. Where few are able, O(devices).
    """
    able = (
        select(Device.owner_id)
        .where(
            Device.revoked_at.is_(None),
            Device.last_seen_at > seen_since,
            Device.kinds.contains([data_kind]),
            func.coalesce(Device.memory_mib, UNSAID) >= (least_memory_mib or 0),
            func.coalesce(Device.speed, UNSAID) >= (least_speed or 0),
        )
        .distinct()
        .limit(COUNTED + 1)
        .subquery()
    )
    return await tx.scalar(select(func.count()).select_from(able)) or 0


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
    found = await tx.get(OwnerLimits, owner_id, populate_existing=True)
    return found or OwnerLimits(owner_id=owner_id)


async def find_profiles(
    connection: RawConnection, device_ids: Sequence[DeviceId]
) -> list[DeviceProfile | None]:
    """Return of each device what decides which jobs it may run; None where there is no such one."""
    found: list[DeviceProfile | None] = [None] * len(device_ids)
    for row in await connection.fetch(_PROFILES, device_ids):
        found[row["n"] - 1] = DeviceProfile(
            device_id=row["id"],
            owner_id=row["owner_id"],
            stamp=row["stamp"],
            country=row["country"],
            kinds=rules.effective_kinds(
                row["kinds"], row["permitted_kinds"], [] if row["suspended"] else row["by_owner"]
            ),
            memory_mib=UNSAID if row["memory_mib"] is None else row["memory_mib"],
            speed=UNSAID if row["speed"] is None else row["speed"],
            suspended=row["suspended"],
            refused_jobs=frozenset(row["refused_jobs"] or ()),
            refused_developers=frozenset(row["refused_developers"] or ()),
            refused_labels=frozenset(row["refused_labels"] or ()),
            allows_exact=bool(row["allows_exact"]),
            refused_countries=frozenset(row["refused_countries"] or ()),
            max_epsilon=row["max_epsilon"],
        )
    return found
