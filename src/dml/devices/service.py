"""The use cases, one function per verb."""

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypedDict

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import queries as account_queries
from dml.accounts.models import DataKind
from dml.algorithms import queries as algorithm_queries
from dml.core import events
from dml.core.context import Actor, Context
from dml.core.ids import AlgorithmId, DeviceId, JobId, UserId, VersionId, new_id
from dml.core.tokens import Keys
from dml.devices import assertions, nonces, queries, rules, statements
from dml.devices.events import (
    DeviceEdited,
    DevicePaired,
    DeviceRevoked,
    UserDeviceLimitsSet,
)
from dml.devices.models import Device, Nonce, OwnerLimits, PairingCode, Platform


class Description(TypedDict):
    """What a device says of itself."""

    platform: Platform
    memory_mib: int | None
    speed: int | None
    country: str | None
    kinds: list[DataKind]


class Redescription(TypedDict, total=False):
    """What a device says anew of itself; what is absent stays."""

    platform: Platform
    memory_mib: int | None
    speed: int | None
    country: str | None
    kinds: list[DataKind]


class Edit(TypedDict, total=False):
    """What an owner changes of a device; what is absent stays."""

    name: str
    permitted_kinds: list[DataKind] | None


class Limits(TypedDict, total=False):
    """What an owner refuses on all devices. What is absent stays, but for `allows_exact`."""

    refused_jobs: list[JobId]
    refused_developers: list[UserId]
    refused_labels: list[str]
    refused_countries: list[str]
    max_epsilon: float | None
    allows_exact: bool


@dataclass(frozen=True, slots=True)
class OpenCode:
    """The only copy of a pairing code, as people read it."""

    code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Able:
    """At least so many owners have a device that could run a version; None: too few to tell."""

    owners: int | None
    least_memory_mib: int | None
    least_speed: int | None


async def count_able(
    ctx: Context, algorithm_id: AlgorithmId, version_id: VersionId, *, least: int
) -> Able:
    """Count in steps which owners have a device for a version that the actor may see."""
    version, algorithm = await algorithm_queries.get_version(
        ctx.tx, ctx.actor, algorithm_id, version_id
    )
    owners = await queries.count_able_owners(
        ctx.tx,
        data_kind=algorithm.data_kind,
        least_memory_mib=version.least_memory_mib,
        least_speed=version.least_speed,
        seen_since=ctx.now - rules.ABLE_SEEN,
    )
    return Able(rules.band_of(owners, least), version.least_memory_mib, version.least_speed)


async def make_code(ctx: Context) -> OpenCode:
    """Give the actor a code that pairs one device, soon."""
    # Two requests at once wait for each other here, so that both are counted.
    owner = await account_queries.get_user(ctx.tx, ctx.actor.id, lock=True)
    rules.require_room(await queries.count_open_codes(ctx.tx, owner.id, ctx.now))
    code = "".join(secrets.choice(rules.CODE_ALPHABET) for _ in range(rules.CODE_LENGTH))
    expires_at = ctx.now + rules.CODE_LIFETIME
    ctx.tx.add(PairingCode(sha256=_digest(code), owner_id=owner.id, expires_at=expires_at))
    await ctx.tx.flush()
    return OpenCode(rules.shown_code(code), expires_at)


async def pair(
    ctx: Context, *, code: str, public_key: bytes, name: str, description: Description
) -> Device:
    """Register a device for who made the code. Asking again, with the same key, answers alike."""
    found = await queries.find_code(ctx.tx, _digest(rules.normal_code(code)))
    if found is None:
        raise rules.CodeUnknown
    if found.device_id is not None:
        device = await queries.get_device(ctx.tx, found.device_id)
        if device.public_key == public_key:
            return device
    rules.require_open(found, ctx.now)
    device = await _register(ctx, found.owner_id, public_key, name, description)
    found.device_id = device.id
    by_owner = replace(ctx, actor=Actor(found.owner_id))
    paired = DevicePaired(device.id, name, device.platform)
    await events.record(by_owner, paired, [events.user(device.owner_id)])
    return device


async def _register(
    ctx: Context, owner_id: UserId, public_key: bytes, name: str, description: Description
) -> Device:
    """Add a device. Two at once with one key: the second waits for the first, and is refused."""
    row = {
        "id": DeviceId(new_id()),
        "owner_id": owner_id,
        "public_key": public_key,
        "name": name,
        "created_at": ctx.now,
        "revision": 1,
        **description,
        "kinds": rules.once_each(description["kinds"]),
    }
    added = insert(Device).values(row).on_conflict_do_nothing(index_elements=["public_key"])
    device: Device | None = await ctx.tx.scalar(added.returning(Device))
    if device is None:
        raise rules.KeyTaken
    return device


async def make_nonce(ctx: Context, keys: Keys, device_id: DeviceId) -> str:
    """Give a device something new to sign. Nothing is written: strangers can ask for it, too."""
    device = await queries.get_device(ctx.tx, device_id)
    rules.require_not_revoked(device)
    return nonces.make(keys, device.id, ctx.now + rules.NONCE_LIFETIME)


async def prove(
    ctx: Context, keys: Keys, device_id: DeviceId, assertion: str, *, public_url: str | None
) -> Device:
    """Return the device that signed this assertion, whose nonce is used up; or refuse."""
    device = await queries.get_device(ctx.tx, device_id)
    rules.require_not_revoked(device)
    audiences = [it for it in (assertions.AUDIENCE, public_url) if it]
    nonce = assertions.read_nonce(assertion, device.public_key, device.id, audiences=audiences)
    expires_at = rules.require_fresh(nonces.read(keys, device.id, nonce), ctx.now)
    rules.require_unused(await statements.use_nonce(ctx.tx, device.id, nonce, expires_at))
    return device


async def describe(ctx: Context, device_id: DeviceId, said: Redescription) -> Device:
    """Note what a device says of itself. Saying the same again changes nothing."""
    device = await queries.get_device(ctx.tx, device_id, lock=True)
    rules.require_not_revoked(device)
    if "kinds" in said:
        said = {**said, "kinds": rules.once_each(said["kinds"])}
    changes = {name: value for name, value in said.items() if getattr(device, name) != value}
    for name, value in changes.items():
        setattr(device, name, value)
    device.revision += bool(changes)
    return device


async def edit(ctx: Context, device_id: DeviceId, changes: Edit, *, revision: int | None) -> Device:
    """Change what an owner says of a device; refuse where it is no longer at `revision`."""
    device = await queries.get_owned_device(ctx.tx, ctx.actor.id, device_id, lock=True)
    rules.EditedMeanwhile.require_newest(device.revision, revision)
    for name, value in changes.items():
        setattr(device, name, value)
    device.revision += 1
    readers = [events.user(device.owner_id)]
    await events.record(ctx, DeviceEdited(device.id), readers, facts=dict(changes))
    return device


async def revoke(ctx: Context, device_id: DeviceId) -> Device:
    """Trust a device no longer. It is out at once; doing it again changes nothing."""
    device = await queries.get_owned_device(ctx.tx, ctx.actor.id, device_id, lock=True)
    if device.revoked_at is None:
        device.revoked_at = ctx.now
        device.revision += 1
        await events.record(ctx, DeviceRevoked(device.id), [events.user(device.owner_id)])
    return device


async def set_limits(ctx: Context, limits: Limits) -> OwnerLimits:
    """Set what the actor refuses, on all devices, in the place of what was refused before."""
    said = {
        name: rules.once_each(it) if isinstance(it, list) else it
        for name, it in {"allows_exact": False, **limits}.items()
    }
    first = insert(OwnerLimits).values(owner_id=ctx.actor.id, revision=1, **said)
    again = {**said, "revision": OwnerLimits.revision + 1}
    await ctx.tx.execute(first.on_conflict_do_update(index_elements=["owner_id"], set_=again))
    kept = await queries.get_limits(ctx.tx, ctx.actor.id)
    limits_set = UserDeviceLimitsSet(
        ctx.actor.id,
        refused_jobs=len(kept.refused_jobs),
        refused_developers=len(kept.refused_developers),
        refused_labels=len(kept.refused_labels),
        refused_countries=len(kept.refused_countries),
        allows_exact=kept.allows_exact,
        max_epsilon=kept.max_epsilon,
    )
    await events.record(ctx, limits_set, [events.user(ctx.actor.id)])
    return kept


async def forget_expired(tx: AsyncSession, now: datetime) -> None:
    """Delete used nonces that are too old, and pairing codes that were so a day ago."""
    await tx.execute(delete(Nonce).where(Nonce.expires_at <= now))
    old = PairingCode.expires_at <= now - rules.CODE_REMEMBERED
    await tx.execute(delete(PairingCode).where(old))


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
