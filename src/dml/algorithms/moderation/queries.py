"""Every SELECT of moderation: what waits, and what is known of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import rules as account_rules
from dml.accounts.organisations import queries as organisations
from dml.accounts.queries import name_of
from dml.algorithms import rules as algorithm_rules
from dml.algorithms.models import WAITING_SINCE, Algorithm, Version, VersionState
from dml.algorithms.moderation.models import VersionProbes, VersionTwin
from dml.core.context import Context
from dml.core.db import PAGE_MAX
from dml.core.ids import UserId, VersionId
from dml.core.keyset import Seen, in_order
from dml.inference.behaviour import PROBES

_OFFERED: Final = Algorithm.__table__.c
_VERSION: Final = Version.__table__.c
_PROBED: Final = VersionProbes.__table__.c
_TWIN: Final = VersionTwin.__table__.c
SAME_FILES_MOST: Final = 5  # Of one version.
# Without an index of vectors: of so many versions with as many labels, the newest.
SCANNED_MOST: Final = 2_000
NEAREST_MOST: Final = 40  # What HNSW looks at unless it is told otherwise.

# As an index has it.
_SINCE: Final = func.coalesce(_VERSION.submitted_at, _VERSION.checked_at, _VERSION.created_at)
_TO_REVIEW: Final = (
    select(
        *_VERSION,
        _SINCE.label("waiting_since"),
        _OFFERED.title.label("algorithm_title"),
        _OFFERED.developer_id,
        name_of(_OFFERED.developer_id).label("developer_name"),
        _OFFERED.labels,
    )
    .select_from(Version.__table__)
    .join(Algorithm.__table__, _OFFERED.id == _VERSION.algorithm_id)
)
# What moderators turned down of a developer's. A deleted one was rejected, if it was reviewed.
_REFUSED: Final = or_(
    _VERSION.state.in_((VersionState.REJECTED, VersionState.RECALLED)),
    and_(_VERSION.state == VersionState.DELETED, _VERSION.reviewed_at.is_not(None)),
)


@dataclass(frozen=True, slots=True)
class Queued:
    """A version for moderators: its row, and what is known beside it."""

    row: Any
    may_judge: bool
    earlier_refusals: int
    twins: Sequence[Mapping[str, Any]] = field(default=())

    @property
    def id(self) -> VersionId:
        return VersionId(self.row.id)

    @property
    def waiting_since(self) -> datetime:
        since: datetime = self.row.waiting_since
        return since

    def shown(self, now: datetime, **more: Any) -> SimpleNamespace:
        """Return all that is shown of it, and what is said besides."""
        return SimpleNamespace(
            **self.row._mapping,
            waiting_seconds=max(0, int((now - self.waiting_since).total_seconds())),
            may_judge=self.may_judge,
            earlier_refusals=self.earlier_refusals,
            twins=self.twins,
            **more,
        )


async def list_to_review(
    ctx: Context,
    *,
    state: VersionState,
    developer_id: UserId | None,
    after: Seen | None,
    limit: int,
) -> Sequence[Queued]:
    """Return versions in this state, the longest waiting first, and one beyond `limit`."""
    assert 0 < limit <= PAGE_MAX
    account_rules.require_moderator(ctx.actor)
    query = _TO_REVIEW.where(_VERSION.state == state)
    if developer_id is not None:
        query = query.where(_OFFERED.developer_id == developer_id)
    order: dict[str, ColumnElement[Any]] = {"waiting_since": _SINCE}
    query = in_order(query, "waiting_since", after, columns=order, id_column=_VERSION.id)
    return await _describe(ctx, (await ctx.tx.execute(query.limit(limit + 1))).all())


async def get_to_review(ctx: Context, version_id: VersionId) -> Queued:
    """Return any version, with what is known beside it."""
    account_rules.require_moderator(ctx.actor)
    row = (await ctx.tx.execute(_TO_REVIEW.where(_VERSION.id == version_id))).one_or_none()
    if row is None:
        raise algorithm_rules.VersionNotFound
    return (await _describe(ctx, [row]))[0]


async def get_samples(tx: AsyncSession, version_id: VersionId) -> list[dict[str, Any]]:
    """Return how a version answers the pictures that people see; none where it was not asked."""
    query = select(_PROBED.samples).where(_PROBED.version_id == version_id)
    return await tx.scalar(query) or []


async def _describe(ctx: Context, rows: Sequence[Any]) -> Sequence[Queued]:
    if not rows:
        return []
    refused = await _count_refused(ctx.tx, {it.developer_id for it in rows})
    twins = await _find_twins(ctx.tx, rows)
    owners = {it.id: {it.developer_id, *it.author_ids} for it in rows}
    every = [UserId(it) for them in owners.values() for it in them]
    mine = await organisations.list_acted_for(ctx.tx, ctx.actor.user_id, every, ctx.now)
    return [
        Queued(
            it,
            may_judge=not (owners[it.id] & {ctx.actor.user_id, *mine}),
            earlier_refusals=refused.get(it.developer_id, 0) - _was_refused(it),
            twins=twins.get(it.id, ()),
        )
        for it in rows
    ]


def _was_refused(row: Any) -> bool:
    """Whether `_REFUSED` is true of a version."""
    is_deleted = row.state is VersionState.DELETED and row.reviewed_at is not None
    return is_deleted or row.state in (VersionState.REJECTED, VersionState.RECALLED)


async def _count_refused(tx: AsyncSession, developer_ids: set[UserId]) -> Mapping[UserId, int]:
    query = (
        select(_OFFERED.developer_id, func.count())
        .join(Version.__table__, _VERSION.algorithm_id == _OFFERED.id)
        .where(_OFFERED.developer_id.in_(developer_ids), _REFUSED)
        .group_by(_OFFERED.developer_id)
    )
    return {it[0]: it[1] for it in await tx.execute(query)}


_OTHER: Final = Version.__table__.alias("other").c
_THEIRS: Final = Algorithm.__table__.alias("theirs").c
_SHOWN_OF_A_TWIN: Final = (
    _OTHER.id.label("version_id"),
    _OTHER.number.label("version_number"),
    _OTHER.state,
    _OTHER.sha256,
    _OTHER.algorithm_id,
    _THEIRS.title.label("algorithm_title"),
    _THEIRS.developer_id,
    name_of(_THEIRS.developer_id).label("developer_name"),
)


async def _find_twins(
    tx: AsyncSession, rows: Sequence[Any]
) -> Mapping[VersionId, Sequence[Mapping[str, Any]]]:
    """Return of each row the versions of other developers that are the same file, and then those
    that answer alike, the closest first.
    """
    found: defaultdict[VersionId, dict[UUID, dict[str, Any]]] = defaultdict(dict)
    for it in await tx.execute(_same_files([row.id for row in rows])):
        found[it.of_id][it.version_id] = _twin(it, agreement=None, probes=None, difference=None)
    for it in await tx.execute(_alike([row.id for row in rows])):
        measured = _twin(
            it,
            agreement=it.agreeing / it.probes,
            probes=it.probes,
            difference=it.confidence_difference,
        )
        found[it.of_id][it.version_id] = measured
    return {
        version_id: sorted(
            twins.values(), key=lambda it: (not it["is_same_file"], -(it["agreement"] or 1))
        )
        for version_id, twins in found.items()
    }


def _twin(
    it: Any, *, agreement: float | None, probes: int | None, difference: float | None
) -> dict[str, Any]:
    shown = ("version_id", "version_number", "state", "algorithm_id", "algorithm_title")
    named = ("developer_id", "developer_name")
    return {name: getattr(it, name) for name in (*shown, *named)} | {
        "is_same_file": it.sha256 == it.of_sha256,
        "agreement": agreement,
        "probes": probes,
        "confidence_difference": difference,
    }


def _same_files(version_ids: Sequence[VersionId]) -> Select[Any]:
    """Select other developers' versions of the same file: of each version a few, the oldest."""
    same = (
        select(*_SHOWN_OF_A_TWIN)
        .select_from(_OTHER.id.table)
        .join(_THEIRS.id.table, _THEIRS.id == _OTHER.algorithm_id)
        .where(
            _OTHER.sha256 == _VERSION.sha256,
            _THEIRS.developer_id != _OFFERED.developer_id,
        )
        .order_by(_OTHER.id)
        .limit(SAME_FILES_MOST)
        .lateral("same")
    )
    return (
        select(_VERSION.id.label("of_id"), _VERSION.sha256.label("of_sha256"), *same.c)
        .select_from(Version.__table__)
        .join(Algorithm.__table__, _OFFERED.id == _VERSION.algorithm_id)
        .join(same, true())
        .where(_VERSION.id.in_(version_ids))
    )


def _alike(version_ids: Sequence[VersionId]) -> Select[Any]:
    """Select what was found alike when these were checked."""
    measured = _TWIN.probes, _TWIN.agreeing, _TWIN.confidence_difference
    return (
        select(
            _VERSION.id.label("of_id"),
            _VERSION.sha256.label("of_sha256"),
            *_SHOWN_OF_A_TWIN,
            *measured,
        )
        .select_from(VersionTwin.__table__)
        .join(Version.__table__, _VERSION.id == _TWIN.version_id)
        .join(_OTHER.id.table, _OTHER.id == _TWIN.twin_id)
        .join(_THEIRS.id.table, _THEIRS.id == _OTHER.algorithm_id)
        .where(_TWIN.version_id.in_(version_ids))
    )


# As the index has it, which is there where the database has pgvector: see the migration.
_VECTOR: Final = f"vector({PROBES})"
_HAS_VECTORS: Final = text("SELECT to_regclass('version_probes_ranks_idx') IS NOT NULL")
# So that it goes on where the nearest are all the developer's own.
_GO_ON: Final = text("SET LOCAL hnsw.iterative_scan = strict_order")


async def list_candidates(tx: AsyncSession, probes: VersionProbes) -> Sequence[Any]:
    """Return other developers' versions that may answer as this new one does.

    By pgvector the nearest by the ranks of their confidences; without it, or where time ran out
    before the last picture, the newest with as many labels. The few for which it ran out are among
    them in either case.
    """
    alike = (
        select(_PROBED.version_id, _PROBED.answers, _PROBED.confidences, _OFFERED.labels)
        .select_from(VersionProbes.__table__)
        .join(Version.__table__, _VERSION.id == _PROBED.version_id)
        .join(Algorithm.__table__, _OFFERED.id == _VERSION.algorithm_id)
        .where(
            _PROBED.probe_set == probes.probe_set,
            _PROBED.label_count == probes.label_count,
            _PROBED.developer_id != probes.developer_id,
        )
    )
    newest = alike.order_by(_PROBED.version_id.desc()).limit(SCANNED_MOST)
    if probes.ranks is None or not await tx.scalar(_HAS_VECTORS):
        return (await tx.execute(newest)).all()
    await tx.execute(_GO_ON)
    distance = text(f"ranks::{_VECTOR} <-> CAST(CAST(:ranks AS real[]) AS {_VECTOR})")
    nearest = alike.where(_PROBED.ranks.is_not(None)).order_by(distance).limit(NEAREST_MOST)
    found = (await tx.execute(nearest, {"ranks": probes.ranks})).all()
    return [*found, *(await tx.execute(newest.where(_PROBED.ranks.is_(None)))).all()]


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many versions and appeals wait for a moderator, and since when the oldest of each."""

    versions: int
    oldest_version_seconds: float
    appeals: int
    oldest_appeal_seconds: float


_WAITING: Final = text(f"""
    SELECT (SELECT count(*) FROM (
            SELECT FROM algorithm_versions WHERE state = 'in_review' LIMIT 10000) AS waiting),
        (SELECT {WAITING_SINCE} FROM algorithm_versions WHERE state = 'in_review'
            ORDER BY {WAITING_SINCE}, id LIMIT 1),
        (SELECT count(*) FROM (
            SELECT FROM appeals WHERE state = 'open' LIMIT 10000) AS waiting),
        (SELECT created_at FROM appeals WHERE state = 'open' ORDER BY id LIMIT 1)
""")  # noqa: S608 - only a constant of the models is inserted


async def count_waiting(tx: AsyncSession, now: datetime) -> Waiting:
    """Count what waits for moderators, 10,000 of each at most."""

    def seconds(since: datetime | None) -> float:
        return 0.0 if since is None else max(0.0, (now - since).total_seconds())

    versions, version_since, appeals, appeal_since = (await tx.execute(_WAITING)).one()
    return Waiting(versions, seconds(version_since), appeals, seconds(appeal_since))
