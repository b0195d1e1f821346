"""What admins do with profiles, and what the process does that is profiled."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import rules as account_rules
from dml.core import events, nodes
from dml.core.context import Context
from dml.core.db import Shown
from dml.core.ids import ProfileId, new_id
from dml.core.nodes import Node
from dml.core.states import Move
from dml.profiles import queries, rules
from dml.profiles.events import ProfileRequested
from dml.profiles.models import (
    Profile,
    ProfileFailure,
    ProfileFile,
    ProfileFormat,
    ProfileKind,
    ProfileState,
)

Files: TypeAlias = Mapping[ProfileFormat, tuple[bytes, int]]  # Compressed, and how long it was.


async def list_processes(ctx: Context, *, after: str | None, limit: int) -> Sequence[Node]:
    """Return, for an admin, the processes that are alive, by name, and one beyond `limit`."""
    account_rules.require_admin(ctx.actor)
    return await nodes.list_alive(ctx.tx, after=after, limit=limit)


async def create(ctx: Context, process: str, kind: ProfileKind, *, seconds: int) -> Shown:
    """Have a process profile itself, unless one is at it."""
    account_rules.require_admin(ctx.actor)
    await queries.hold_turn(ctx.tx)
    if (other := await queries.find_open(ctx.tx)) is not None:
        if ctx.now < other.ends_by:
            raise rules.ProfileUnderWay(profile_id=other.id)
        await _end(ctx, other, ProfileFailure.NO_ANSWER)
    node = await nodes.find_alive(ctx.tx, process)
    if node is None:
        raise rules.ProcessNotFound
    rules.require_offered(kind, node.facts.get(rules.FACT, ()))
    await _forget(ctx.tx, ctx.now - rules.KEPT, keep=rules.KEPT_MAX - 1)
    made = Profile(
        id=ProfileId(new_id()),
        process=process,
        kind=kind,
        seconds=seconds,
        state=ProfileState.REQUESTED,
        requested_by=ctx.actor.user_id,
        requested_at=ctx.now,
        ends_by=ctx.now + timedelta(seconds=seconds) + rules.SPARE,
    )
    ctx.tx.add(made)
    await ctx.tx.flush()
    await nodes.ask(ctx.tx, process, made.id)
    requested = ProfileRequested(made.id, process, kind, seconds)
    await events.record(ctx, requested, (), Move(None, ProfileState.REQUESTED))
    return await queries.get_shown(ctx.tx, made.id, ctx.now)


async def list_profiles(ctx: Context, *, after: UUID | None, limit: int) -> Sequence[Shown]:
    """Return, for an admin, profiles: the newest first, and one beyond `limit`."""
    account_rules.require_admin(ctx.actor)
    return await queries.list_profiles(ctx.tx, ctx.now, after=after, limit=limit)


async def get(ctx: Context, profile_id: ProfileId) -> Shown:
    """Return a profile, for an admin."""
    account_rules.require_admin(ctx.actor)
    return await queries.get_shown(ctx.tx, profile_id, ctx.now)


async def get_file(ctx: Context, profile_id: ProfileId, its_format: ProfileFormat) -> bytes:
    """Return what came of a profile, compressed, for an admin."""
    account_rules.require_admin(ctx.actor)
    return await queries.get_file(ctx.tx, profile_id, its_format, ctx.now)


async def begin(ctx: Context, profile_id: UUID, process: str) -> Profile | None:
    """The process begins. Return None where this is no longer asked of it."""
    found = await queries.find(ctx.tx, profile_id, lock=True)
    if found is None or found.process != process or found.state is not ProfileState.REQUESTED:
        return None
    if found.ends_by <= ctx.now:
        return None
    rules.move_profile(found, ProfileState.RUNNING)
    found.started_at = ctx.now
    return found


async def finish(ctx: Context, profile_id: UUID, files: Files) -> None:
    """The process is done. Who took longer than allowed is too late: it counts as failed."""
    found = await queries.find(ctx.tx, profile_id, lock=True)
    if found is None or found.state is not ProfileState.RUNNING or found.ends_by <= ctx.now:
        return
    rules.move_profile(found, ProfileState.FINISHED)
    found.ended_at = ctx.now
    ctx.tx.add_all(
        ProfileFile(profile_id=found.id, format=it, gzipped=gzipped, size_bytes=size)
        for it, (gzipped, size) in files.items()
    )


async def fail(ctx: Context, profile_id: UUID, failure: ProfileFailure) -> None:
    """The process says that there will be no profile, unless that one is over."""
    found = await queries.find(ctx.tx, profile_id, lock=True)
    if found is not None and found.state not in rules.MOVES.ended:
        await _end(ctx, found, failure)


async def forget_old(tx: AsyncSession, now: datetime) -> None:
    """Delete the profiles that are kept no longer."""
    await _forget(tx, now - rules.KEPT, keep=rules.KEPT_MAX)


async def _end(ctx: Context, profile: Profile, failure: ProfileFailure) -> None:
    rules.move_profile(profile, ProfileState.FAILED)
    profile.failure, profile.ended_at = failure, ctx.now
    await ctx.tx.flush()


async def _forget(tx: AsyncSession, before: datetime, *, keep: int) -> None:
    old = await queries.list_old(tx, before, keep=keep)
    if old:
        await tx.execute(delete(Profile).where(Profile.id.in_(old)))
