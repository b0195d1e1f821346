"""Every SELECT of this domain. Edges may read through these; only service and uploads write."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Numeric,
    ScalarSelect,
    Text,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.models import User
from dml.accounts.queries import name_of
from dml.algorithms import rules
from dml.algorithms.models import Algorithm, AlgorithmState, Version, VersionState
from dml.core.context import Actor
from dml.core.db import HELD, PAGE_MAX, Shown
from dml.core.ids import AlgorithmId, UserId, VersionId

_IS_KEPT: Final = """v.state <> 'deleted' AND (v.state NOT IN ('refused', 'rejected')
        OR coalesce(v.reviewed_at, v.checked_at, v.created_at) > :refused_since
        OR EXISTS (SELECT FROM appeals p WHERE p.version_id = v.id AND p.state = 'open'))"""
# The blobs that are needed. Of a version that was turned down, for as long as $refused_since says,
# and while an appeal is open.
NAMED_BLOBS: Final = f"""
    SELECT sha256 FROM algorithm_versions v WHERE {_IS_KEPT}
"""  # noqa: S608 - only constants of this file are inserted
# And those that are kept for $user_id.
KEPT_FILES: Final = f"""
    SELECT 'version' AS kind, v.id,
        '/v1/algorithms/' || v.algorithm_id || '/versions/' || v.id AS path, v.sha256, v.size,
        v.state IN ('checked', 'refused', 'rejected') AS deletable
    FROM algorithms a JOIN algorithm_versions v ON v.algorithm_id = a.id
    WHERE a.developer_id = :user_id AND {_IS_KEPT}
"""  # noqa: S608 - only constants of this file are inserted


def mean_of(stars: Any, ratings: Any) -> Any:
    """Select the mean of so many ratings with so many stars in all, to two digits; NULL of none."""
    return func.round(stars / cast(func.nullif(ratings, 0), Numeric), 2)


# Algorithms as they are shown: each with the newest version that a job can pin. Made once, and of
# tables: whatever is added to it, all of a statement is looked at again to recognise it.
_OFFERED: Final = Algorithm.__table__.c
_VERSION: Final = Version.__table__.c
_LONG: Final = ("model_card", "labels")
# They are searched, or are moderators' own, and never shown; `state` is made of two columns.
_OF_NOBODY: Final = (
    *("words", "brief_words", "state", "announced_at"),
    *("suspended_at", "suspended_by_id", "suspension_reason", "suspension_code"),
)
_STATE: Final = case(
    (
        (_OFFERED.state == AlgorithmState.DRAFT) & _OFFERED.announced_at.is_not(None),
        literal_column("'announced'"),
    ),
    else_=_OFFERED.state,
)
_BESIDE: Final = (
    select(func.jsonb_build_object("id", _VERSION.id, "number", _VERSION.number))
    .where(_VERSION.algorithm_id == _OFFERED.id, _VERSION.state == VersionState.APPROVED)
    .order_by(_VERSION.number.desc())
    .limit(1)
    .scalar_subquery()
    .label("approved_version"),
    name_of(_OFFERED.developer_id).label("developer_name"),
    type_coerce(_STATE, _OFFERED.state.type).label("state"),
    mean_of(_OFFERED.rating_sum, _OFFERED.rating_count).label("rating"),
)
_LISTINGS: Final = select(*(it for it in _OFFERED if it.name not in _OF_NOBODY), *_BESIDE)
# The same in short: what lists show.
LISTED: Final = select(*(it for it in _OFFERED if it.name not in (*_LONG, *_OF_NOBODY)), *_BESIDE)


SLUG_END: Final = 12  # Of the id's characters, which are random.
_BY_SLUG: Final = _LISTINGS.where(
    func.right(_OFFERED.slug, literal_column(str(SLUG_END))) == bindparam("end", type_=Text)
).limit(PAGE_MAX)


async def get_algorithm(
    tx: AsyncSession, actor: Actor, algorithm_id: AlgorithmId, *, lock: bool = False
) -> Algorithm:
    """Load an algorithm that this actor may see. `lock=True` holds its row, and so its versions."""
    algorithm = await tx.get(Algorithm, algorithm_id, with_for_update=lock, populate_existing=lock)
    if algorithm is None or not rules.sees(algorithm, actor):
        raise rules.AlgorithmNotFound
    return algorithm


async def get_managed(tx: AsyncSession, actor: Actor, algorithm_id: AlgorithmId) -> Algorithm:
    """Load an algorithm for its developer or a moderator; for others there is none."""
    algorithm = await get_algorithm(tx, actor, algorithm_id)
    if not rules.manages(algorithm, actor):
        raise rules.AlgorithmNotFound
    return algorithm


async def list_to_archive(tx: AsyncSession, developer_id: UserId) -> Sequence[AlgorithmId]:
    """Return some of a developer's algorithms that are not archived."""
    offered = _OFFERED.developer_id == developer_id, _OFFERED.state != AlgorithmState.ARCHIVED
    query = select(_OFFERED.id).where(*offered).order_by(_OFFERED.id).limit(PAGE_MAX)
    return (await tx.scalars(query)).all()


async def list_to_delete(
    tx: AsyncSession, developer_id: UserId
) -> Sequence[tuple[AlgorithmId, VersionId]]:
    """Return some of a developer's versions on which nobody can depend, with their algorithms."""
    states = (VersionState.CHECKED, VersionState.REFUSED, VersionState.REJECTED)
    query = (
        select(_VERSION.algorithm_id, _VERSION.id)
        .join(Algorithm, _OFFERED.id == _VERSION.algorithm_id)
        .where(_OFFERED.developer_id == developer_id, _VERSION.state.in_(states))
        .order_by(_VERSION.id)
        .limit(PAGE_MAX)
    )
    return [(it[0], it[1]) for it in await tx.execute(query)]


async def get_listing(tx: AsyncSession, actor: Actor, algorithm_id: AlgorithmId) -> Shown:
    """Return an algorithm as it is shown, to an actor who may see it."""
    await get_algorithm(tx, actor, algorithm_id)
    return (await tx.execute(_LISTINGS.where(_OFFERED.id == algorithm_id))).one()


async def get_listing_by_slug(tx: AsyncSession, actor: Actor, slug: str) -> Shown:
    """Return an algorithm as it is shown, by the end of its slug, to an actor who may see it.

    What stands before that follows the title, so an old one is good, too.
    """
    found: Sequence[Any] = (await tx.execute(_BY_SLUG, {"end": slug[-SLUG_END:]})).all()
    seen: Sequence[Shown] = [it for it in found if rules.sees(it, actor)]
    if not seen:
        raise rules.AlgorithmNotFound
    return seen[0]


async def find_state_of_gone(tx: AsyncSession, slug: str) -> AlgorithmState | None:
    """Return the state of an algorithm, by the end of its slug, that everybody could use once.

    None where there is none, or where all that was ever made of it is a draft.
    """
    was_listed = (
        select(_VERSION.id)
        .where(_VERSION.algorithm_id == _OFFERED.id, _VERSION.state.in_(rules.PUBLIC))
        .exists()
    )
    query = select(_OFFERED.state).where(
        func.right(_OFFERED.slug, literal_column(str(SLUG_END))) == slug[-SLUG_END:],
        _OFFERED.state.in_((AlgorithmState.SUSPENDED, AlgorithmState.ARCHIVED)),
        was_listed,
    )
    state: AlgorithmState | None = await tx.scalar(query.limit(1))
    return state


async def list_listings_by_ids(
    tx: AsyncSession, actor: Actor, algorithm_ids: Sequence[AlgorithmId]
) -> Sequence[Shown]:
    """Return those of these algorithms that the actor may see, as they are shown, in any order."""
    query = _LISTINGS.where(_OFFERED.id.in_(algorithm_ids))
    rows: Sequence[Any] = (await tx.execute(query)).all()
    return [it for it in rows if rules.sees(it, actor)]


async def list_offered(
    tx: AsyncSession, developer_id: UserId, *, after: UUID | None, limit: int
) -> Sequence[Shown]:
    """Return what a developer offers to everybody, newest first, and one beyond `limit`."""
    assert 0 < limit <= PAGE_MAX
    shown = ("id", "title", "summary", "kind", "tags", "device_fee", "created_at")
    query = select(*(_OFFERED[it] for it in shown)).where(
        _OFFERED.developer_id == developer_id, _OFFERED.state == AlgorithmState.LISTED
    )
    if after is not None:
        query = query.where(_OFFERED.id < after)
    return (await tx.execute(query.order_by(_OFFERED.id.desc()).limit(limit + 1))).all()


def title_of(algorithm_id: ColumnElement[Any]) -> ScalarSelect[str]:
    """Select the title of the algorithm that a column of a list names: a part of its statement."""
    return select(_OFFERED.title).where(_OFFERED.id == algorithm_id).scalar_subquery()


async def get_version(
    tx: AsyncSession,
    actor: Actor,
    algorithm_id: AlgorithmId,
    version_id: VersionId,
    *,
    lock: bool = False,
) -> tuple[Version, Algorithm]:
    """Load a version that this actor may see. `lock=True` holds the algorithm, then the version."""
    algorithm = await get_algorithm(tx, actor, algorithm_id, lock=lock)
    version = await tx.get(Version, version_id, with_for_update=lock, populate_existing=lock)
    if version is None or version.algorithm_id != algorithm_id:
        raise rules.VersionNotFound
    if not rules.sees_version(algorithm, version, actor):
        raise rules.VersionNotFound
    return version, algorithm


async def get_managed_version(
    tx: AsyncSession, actor: Actor, algorithm_id: AlgorithmId, version_id: VersionId
) -> tuple[Version, Algorithm]:
    """Load a version for its developer or a moderator; for others there is none."""
    rules.require_signed_in(actor)
    version, algorithm = await get_version(tx, actor, algorithm_id, version_id)
    if not rules.manages(algorithm, actor):
        raise rules.VersionNotFound
    return version, algorithm


async def get_approved_version(
    tx: AsyncSession, version_id: VersionId
) -> tuple[Version, Algorithm]:
    """Load a version that a new job may pin, with its algorithm, or refuse.

    Until the transaction ends nobody suspends the algorithm or recalls the version: a job that is
    ordered meanwhile would be missed by who ends them all.
    """
    of_version = select(Version.algorithm_id).where(Version.id == version_id).scalar_subquery()
    held = select(Algorithm).where(Algorithm.id == of_version).with_for_update(read=True)
    algorithm = await tx.scalar(held.execution_options(populate_existing=True))
    version = await tx.get(Version, version_id, populate_existing=True)  # As it is since then.
    if algorithm is None or version is None:
        raise rules.VersionNotFound
    rules.require_runnable(algorithm, version)
    return version, algorithm


async def get_any_algorithm(tx: AsyncSession, algorithm_id: AlgorithmId) -> Algorithm:
    """Load an algorithm that is known to be there, for the system."""
    return await tx.get_one(Algorithm, algorithm_id)


async def get_any_version(tx: AsyncSession, version_id: VersionId) -> Version:
    """Load a version that is known to be there, for the system."""
    return await tx.get_one(Version, version_id)


async def lock_version(tx: AsyncSession, version_id: VersionId) -> Version:
    """Load a version that is known to be there, and hold its row."""
    query = select(Version).where(Version.id == version_id).with_for_update()
    return (await tx.scalars(query.execution_options(populate_existing=True))).one()


async def find_recalled(tx: AsyncSession, version_id: VersionId) -> Version | None:
    """Load a version that is recalled, and see to it that it stays so until the transaction ends;
    None where its recall was overturned.
    """
    version = await tx.get_one(Version, version_id, with_for_update=HELD, populate_existing=True)
    return version if version.state is VersionState.RECALLED else None


async def list_versions(
    tx: AsyncSession,
    actor: Actor,
    algorithm_id: AlgorithmId,
    *,
    after: UUID | None,
    limit: int,
) -> Sequence[Version]:
    """Return the versions that this actor may see, newest first, and one beyond `limit`."""
    assert 0 < limit <= PAGE_MAX
    algorithm = await get_algorithm(tx, actor, algorithm_id)
    query = select(Version).where(Version.algorithm_id == algorithm_id)
    if not rules.manages(algorithm, actor):
        query = query.where(Version.state.in_(rules.PUBLIC))
    if after is not None:
        query = query.where(Version.id < after)
    return (await tx.scalars(query.order_by(Version.id.desc()).limit(limit + 1))).all()


async def list_all_versions(tx: AsyncSession, algorithm_id: AlgorithmId) -> Sequence[Version]:
    """Load all versions of an algorithm that its developer may have, of which a draft has few."""
    query = select(Version).where(Version.algorithm_id == algorithm_id).order_by(Version.id)
    return (await tx.scalars(query)).all()


async def get_last_number(tx: AsyncSession, algorithm_id: AlgorithmId) -> int:
    """Return the number of the newest version, or 0. Exact while the algorithm is locked."""
    query = select(func.max(Version.number)).where(Version.algorithm_id == algorithm_id)
    return await tx.scalar(query) or 0


async def was_listed(tx: AsyncSession, algorithm_id: AlgorithmId) -> bool:
    """Whether a version of it was ever approved: then it was listed, and is so when resumed."""
    approved = _VERSION.algorithm_id == algorithm_id, _VERSION.state.in_(rules.PUBLIC)
    return await tx.scalar(select(exists().where(*approved))) or False


async def hold_developer(tx: AsyncSession, developer_id: UserId) -> None:
    """Hold a developer's row, so that what is counted of theirs is exact."""
    await tx.get(User, developer_id, with_for_update=HELD)


async def count_announced(tx: AsyncSession, developer_id: UserId) -> int:
    """Count what a developer has announced. Exact while they are held."""
    announced = _OFFERED.state == AlgorithmState.DRAFT, _OFFERED.announced_at.is_not(None)
    mine = _OFFERED.developer_id == developer_id, *announced
    return await tx.scalar(select(func.count()).select_from(Algorithm).where(*mine)) or 0


async def count_pending(tx: AsyncSession, developer_id: UserId) -> int:
    """Count a developer's versions that wait for their check. Exact while their clock is held."""
    query = select(func.count()).select_from(Version).join(Algorithm)
    mine = Algorithm.developer_id == developer_id
    return await tx.scalar(query.where(mine, Version.state == VersionState.UPLOADED)) or 0


async def find_same(
    tx: AsyncSession, algorithm_id: AlgorithmId, sha256: str, input_spec: dict[str, Any]
) -> Version | None:
    """Return a version with this file and spec that is not turned down or deleted, if any.

    The spec's version does not tell two apart: the check raises it.
    """
    asked = {key: value for key, value in input_spec.items() if key != "version"}
    query = select(Version).where(
        Version.algorithm_id == algorithm_id,
        Version.sha256 == sha256,
        Version.input_spec.op("-")(literal("version", Text)) == literal(asked, JSONB),
        Version.state.not_in(
            [
                VersionState.REFUSED,
                VersionState.REJECTED,
                VersionState.RECALLED,
                VersionState.DELETED,
            ]
        ),
    )
    return await tx.scalar(query.limit(1))
