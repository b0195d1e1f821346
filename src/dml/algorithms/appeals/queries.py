"""Every SELECT of appeals."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import rules as account_rules
from dml.accounts.queries import name_of
from dml.algorithms import queries as algorithm_queries
from dml.algorithms.appeals import rules
from dml.algorithms.appeals.models import Appeal, AppealState
from dml.algorithms.models import Algorithm, Version
from dml.core.context import Actor
from dml.core.db import PAGE_MAX, Shown
from dml.core.ids import AlgorithmId, AppealId, VersionId

_APPEAL: Final = Appeal.__table__.c
_OFFERED: Final = Algorithm.__table__.c
_VERSION: Final = Version.__table__.c
_SHOWN: Final = (
    select(
        *_APPEAL,
        _OFFERED.title.label("algorithm_title"),
        _OFFERED.developer_id,
        name_of(_OFFERED.developer_id).label("developer_name"),
        _VERSION.number.label("version_number"),
    )
    .select_from(Appeal.__table__)
    .join(Algorithm.__table__, _OFFERED.id == _APPEAL.algorithm_id)
    .outerjoin(Version.__table__, _VERSION.id == _APPEAL.version_id)
)
OPEN_MOST: Final = 1_000  # Of one algorithm: each of its versions can have one.


async def get_shown(tx: AsyncSession, appeal_id: AppealId) -> Shown:
    """Return an appeal that is known to be there, as it is shown."""
    return (await tx.execute(_SHOWN.where(_APPEAL.id == appeal_id))).one()


async def get_appeal(
    tx: AsyncSession, actor: Actor, appeal_id: AppealId, *, lock: bool = False
) -> Appeal:
    """Load an appeal for a moderator. Who is to lock it holds its algorithm first."""
    account_rules.require_moderator(actor)
    appeal = await tx.get(Appeal, appeal_id, with_for_update=lock, populate_existing=lock)
    if appeal is None:
        raise rules.AppealNotFound
    return appeal


async def was_appealed(
    tx: AsyncSession,
    algorithm_id: AlgorithmId,
    version_id: VersionId | None,
    decided_at: datetime,
) -> bool:
    """Whether somebody appealed against this decision. Exact while its algorithm is held."""
    query = select(_APPEAL.id).where(
        _APPEAL.algorithm_id == algorithm_id,
        _APPEAL.version_id.is_not_distinct_from(version_id),
        _APPEAL.decided_at == decided_at,
    )
    return await tx.scalar(query.limit(1)) is not None


async def is_appealed(tx: AsyncSession, version_id: VersionId) -> bool:
    """Whether an appeal about this version is open."""
    still = _APPEAL.version_id == version_id, _APPEAL.state == AppealState.OPEN
    return await tx.scalar(select(_APPEAL.id).where(*still).limit(1)) is not None


async def list_open(tx: AsyncSession, algorithm_id: AlgorithmId) -> Sequence[Appeal]:
    """Hold what is open about an algorithm and its versions. The caller holds the algorithm."""
    query = select(Appeal).where(
        _APPEAL.algorithm_id == algorithm_id, _APPEAL.state == AppealState.OPEN
    )
    held = query.order_by(_APPEAL.id).limit(OPEN_MOST).with_for_update()
    return (await tx.scalars(held.execution_options(populate_existing=True))).all()


async def list_of_algorithm(
    tx: AsyncSession,
    actor: Actor,
    algorithm_id: AlgorithmId,
    *,
    after: UUID | None,
    limit: int,
) -> Sequence[Shown]:
    """Return the appeals about an algorithm and its versions, newest first, and one beyond."""
    assert 0 < limit <= PAGE_MAX
    await algorithm_queries.get_managed(tx, actor, algorithm_id)
    query = _SHOWN.where(_APPEAL.algorithm_id == algorithm_id)
    if after is not None:
        query = query.where(_APPEAL.id < after)
    return (await tx.execute(query.order_by(_APPEAL.id.desc()).limit(limit + 1))).all()


async def list_for_moderators(
    tx: AsyncSession, actor: Actor, *, state: AppealState, after: UUID | None, limit: int
) -> Sequence[Any]:
    """Return the appeals in this state, oldest first, and one beyond `limit`."""
    assert 0 < limit <= PAGE_MAX
    account_rules.require_moderator(actor)
    query = _SHOWN.where(_APPEAL.state == state)
    if after is not None:
        query = query.where(_APPEAL.id > after)
    return (await tx.execute(query.order_by(_APPEAL.id).limit(limit + 1))).all()
