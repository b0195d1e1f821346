"""The use cases of the device path: claim, heartbeat, release, and hand in a result.

Each is one hot statement (statements.py), asked again where somebody else was faster.
"""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from asyncpg import UniqueViolationError
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.db import raw
from dml.core.ids import AssignmentId, new_id
from dml.devices import queries as devices
from dml.devices.queries import DeviceProfile
from dml.devices.tokens import DeviceContext
from dml.jobs import counting, queries, rules, statements
from dml.jobs.models import Assignment, AssignmentState
from dml.jobs.queries import Lease
from dml.jobs.statements import Accepted, Claim, Claimed

ROUNDS: Final = 10  # How often a request that was outrun asks again before it gives up.
ROUND_SECONDS: Final = 0.01
RETRY_SECONDS: Final = 5  # The least after which a device without work comes back; at most twice.


@dataclass(frozen=True, slots=True)
class Claimable:
    """What a claim gave: live leases; or when to come back, and why if its owner can mend it."""

    leases: list[Lease]
    retry_after_seconds: int
    reason: str | None


async def claim(device: DeviceContext, *, most: int, lease: timedelta) -> Claimable:
    """Give a device its live leases, and new ones up to `most` in all, each of another job."""
    tx = device.ctx.tx
    profile = await devices.find_profile(tx, device.device.id)
    assert profile is not None, "the device was found a moment ago"
    wanted = most - len(await queries.list_live_leases(tx, profile.device_id, limit=most))
    for turn in range(ROUNDS):
        jobs = (
            await queries.list_fitting(tx, profile, device.ctx.now, limit=wanted) if wanted else []
        )
        if not jobs:
            break
        claims = [
            Claim(AssignmentId(new_id()), job_id, profile.device_id, profile.owner_id)
            for job_id in jobs
        ]
        outcomes = await _claim(tx, claims, lease)
        wanted -= outcomes.count(Claimed.LEASED)
        if not wanted:
            break
        await asyncio.sleep(ROUND_SECONDS * turn)
    leases = await queries.list_live_leases(tx, profile.device_id, limit=most)
    if leases:
        return Claimable(leases, 0, None)
    return Claimable([], RETRY_SECONDS + secrets.randbelow(RETRY_SECONDS), _why_none(profile))


async def heartbeat(
    device: DeviceContext, assignment_id: AssignmentId, *, lease: timedelta
) -> datetime:
    """Extend a live lease, never beyond the deadline. Return when it ends."""
    tx = device.ctx.tx
    ends = await statements.extend(
        await raw(tx), assignment_id, device.device.id, now=None, lease=lease
    )
    if ends is None:
        raise rules.LeaseOver(state=(await _find(device, assignment_id)).state)
    return ends


async def release(device: DeviceContext, assignment_id: AssignmentId) -> None:
    """Give a place back. One that was given back, or ran out, is given back already."""
    if await statements.release(await raw(device.ctx.tx), assignment_id, device.device.id):
        return
    assignment = await _find(device, assignment_id)
    if assignment.state is AssignmentState.ACCEPTED:
        raise rules.AnotherResultAccepted
    if assignment.state is AssignmentState.LEASED:
        raise rules.TooBusy


async def hand_in(
    device: DeviceContext, assignment_id: AssignmentId, result: Mapping[str, Any]
) -> None:
    """Accept a result, or refuse it with the reason. The same one again is accepted again.

    A refused result costs nothing: the lease lives on, and a corrected one may follow.
    """
    tx, device_id = device.ctx.tx, device.device.id
    terms = await queries.find_terms(tx, assignment_id, device_id)
    if terms is None:
        raise rules.AssignmentNotFound
    counting.check(result, terms)
    body = counting.canonical(result)
    for turn in range(ROUNDS):
        (outcome,) = await statements.accept(
            await raw(tx), [(assignment_id, device_id, body)], now=None
        )
        match outcome:
            case Accepted.ACCEPTED:
                return
            case Accepted.OTHER_BODY:
                raise rules.AnotherResultAccepted
            case Accepted.NOT_LIVE:
                raise rules.LeaseOver(state=(await _find(device, assignment_id)).state)
            case Accepted.NOT_FOUND:
                raise rules.AssignmentNotFound
            case Accepted.RACED:
                await asyncio.sleep(ROUND_SECONDS * turn)
    raise rules.TooBusy


async def get_live(device: DeviceContext, assignment_id: AssignmentId) -> Lease:
    """Return an assignment that this device holds just now, or refuse."""
    for lease in await queries.list_live_leases(device.ctx.tx, device.device.id, limit=100):
        if lease.assignment.id == assignment_id:
            return lease
    raise rules.LeaseOver(state=(await _find(device, assignment_id)).state)


async def _claim(tx: AsyncSession, claims: list[Claim], lease: timedelta) -> list[Claimed]:
    """Send the claims. Two devices of an owner that take up their old places may want one slot."""
    try:
        async with tx.begin_nested():
            return await statements.claim(await raw(tx), claims, now=None, lease=lease)
    except UniqueViolationError:
        return [Claimed.RACED] * len(claims)


async def _find(device: DeviceContext, assignment_id: AssignmentId) -> Assignment:
    assignment = await queries.find_assignment(device.ctx.tx, assignment_id, device.device.id)
    if assignment is None:
        raise rules.AssignmentNotFound
    return assignment


def _why_none(profile: DeviceProfile) -> str | None:
    """Say what keeps all work from a device, where its owner can mend that."""
    if profile.kinds:
        return None
    return (
        "This device may process nothing: its owner permits no kind of data that it has. "
        "See `permitted_kinds` of the owner's profile and of the device."
    )
