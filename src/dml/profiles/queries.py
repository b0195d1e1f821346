"""Every SELECT of profiles. One whose process said no more in time has failed, whoever looks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, case, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.db import PAGE_MAX, Shown
from dml.core.ids import ProfileId
from dml.profiles.models import (
    Profile,
    ProfileFailure,
    ProfileFile,
    ProfileFormat,
    ProfileState,
)
from dml.profiles.rules import KEPT, ProfileNotFinished, ProfileNotFound

ONE_AT_A_TIME: Final = 7_340_082  # The key of the lock under which a profile is asked for.
_PROFILE: Final = Profile.__table__.c
_FILE: Final = ProfileFile.__table__.c


def _sizes(its_format: ProfileFormat) -> Any:
    query = select(_FILE.size_bytes).where(
        _FILE.profile_id == _PROFILE.id, _FILE.format == its_format
    )
    return query.scalar_subquery().label(f"{its_format}_bytes")


def _shown(now: datetime) -> Select[Any]:
    is_late = _PROFILE.ended_at.is_(None) & (_PROFILE.ends_by <= now)
    state_type, failure_type = _PROFILE.state.type, _PROFILE.failure.type
    failed = literal(ProfileState.FAILED, state_type)
    silent = literal(ProfileFailure.NO_ANSWER, failure_type)
    return select(
        *(_PROFILE.id, _PROFILE.process, _PROFILE.kind, _PROFILE.seconds),
        *(_PROFILE.requested_at, _PROFILE.started_at),
        case((is_late, failed), else_=_PROFILE.state).label("state"),
        case((is_late, silent), else_=_PROFILE.failure).label("failure"),
        case((is_late, _PROFILE.ends_by), else_=_PROFILE.ended_at).label("ended_at"),
        *(_sizes(it) for it in ProfileFormat),
    ).where(_PROFILE.requested_at > now - KEPT)


async def list_profiles(
    tx: AsyncSession, now: datetime, *, after: UUID | None, limit: int
) -> Sequence[Shown]:
    """Return profiles, the newest first, and one beyond `limit`."""
    assert 0 < limit <= PAGE_MAX
    query = _shown(now)
    if after is not None:
        query = query.where(_PROFILE.id < after)
    found: Sequence[Shown] = (
        await tx.execute(query.order_by(_PROFILE.id.desc()).limit(limit + 1))
    ).all()
    return found


async def get_shown(tx: AsyncSession, profile_id: ProfileId, now: datetime) -> Shown:
    """Return a profile as it is shown, or refuse."""
    query = _shown(now).where(_PROFILE.id == profile_id)
    found: Shown | None = (await tx.execute(query)).one_or_none()
    if found is None:
        raise ProfileNotFound
    return found


async def get_file(
    tx: AsyncSession, profile_id: ProfileId, its_format: ProfileFormat, now: datetime
) -> bytes:
    """Return what came of a profile, compressed, or refuse."""
    profile = await get_shown(tx, profile_id, now)
    if profile.state is not ProfileState.FINISHED:
        raise ProfileNotFinished(state=profile.state)
    query = select(_FILE.gzipped).where(_FILE.profile_id == profile_id, _FILE.format == its_format)
    return bytes((await tx.execute(query)).scalar_one())


async def find(tx: AsyncSession, profile_id: UUID, *, lock: bool = False) -> Profile | None:
    """Load a profile. `lock=True` holds its row."""
    return await tx.get(Profile, profile_id, with_for_update=lock, populate_existing=True)


async def find_open(tx: AsyncSession) -> Profile | None:
    """Return the one that is not over."""
    return await tx.scalar(select(Profile).where(Profile.ended_at.is_(None)).limit(1))


async def list_old(tx: AsyncSession, before: datetime, *, keep: int) -> Sequence[ProfileId]:
    """Name those asked for before then, and those that are not among the newest so many."""
    newest = select(_PROFILE.id).order_by(_PROFILE.id.desc()).limit(keep)
    is_old = or_(_PROFILE.requested_at <= before, _PROFILE.id.not_in(newest))
    query = select(_PROFILE.id).where(is_old, _PROFILE.ended_at.is_not(None)).limit(PAGE_MAX)
    return (await tx.scalars(query)).all()


async def hold_turn(tx: AsyncSession) -> None:
    """Let nobody else ask for a profile until this transaction ends."""
    await tx.execute(select(func.pg_advisory_xact_lock(ONE_AT_A_TIME)))
