"""Every SELECT of what ended jobs tell others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.algorithms import queries as algorithm_queries
from dml.algorithms.models import Version
from dml.algorithms.queries import title_of
from dml.core.context import Actor
from dml.core.db import PAGE_MAX, Shown
from dml.core.ids import AlgorithmId, JobId, PublicationId, UserId, VersionId
from dml.jobs.history import rules
from dml.jobs.history.models import PublishedJob
from dml.jobs.models import Job, JobCount, JobTotals

_JOB: Final = Job.__table__.c
_PUBLISHED: Final = PublishedJob.__table__.c
# Published answers as they are shown.
_SHOWN: Final = (
    select(
        *_PUBLISHED,
        title_of(_PUBLISHED.algorithm_id).label("algorithm_title"),
        *(_JOB[it] for it in ("version_id", "labels", "min_confidence", "countries")),
        *(_JOB[it] for it in ("date_from", "date_to", "ended_at")),
        select(Version.number)
        .where(Version.id == _JOB.version_id)
        .scalar_subquery()
        .label("version_number"),
    )
    .join_from(PublishedJob.__table__, Job.__table__, _JOB.id == _PUBLISHED.job_id)
    .where(_PUBLISHED.removed_at.is_(None))
)


@dataclass(frozen=True, slots=True)
class Usage:
    """How much an algorithm is used, as everybody may know it."""

    algorithm: Shown
    jobs: str


async def find_run(
    tx: AsyncSession, customer_id: UserId, algorithm_id: AlgorithmId
) -> VersionId | None:
    """Return which version a customer's last job of an algorithm ran, of those that ended with an
    answer that was shown; None where there is none.
    """
    query = (
        select(_JOB.version_id)
        .join(JobTotals, JobTotals.job_id == _JOB.id)
        .where(
            _JOB.algorithm_id == algorithm_id,
            _JOB.customer_id == customer_id,
            _JOB.ended_at.is_not(None),
            JobTotals.shown_devices > 0,
        )
    )
    found: VersionId | None = await tx.scalar(query.order_by(_JOB.id.desc()).limit(1))
    return found


async def get_usage(tx: AsyncSession, actor: Actor, algorithm_id: AlgorithmId) -> Usage:
    """Return how much an algorithm is used, to an actor who may see it. O(1,000 jobs)."""
    algorithm = await algorithm_queries.get_listing(tx, actor, algorithm_id)
    ended = select(_JOB.id).where(_JOB.algorithm_id == algorithm_id, _JOB.ended_at.is_not(None))
    some = ended.limit(rules.COUNTED_MOST).subquery()
    jobs = await tx.scalar(select(func.count()).select_from(some)) or 0
    return Usage(algorithm, rules.band_of(jobs))


async def find_publication(tx: AsyncSession, job_id: JobId) -> PublishedJob | None:
    """Return the publication of a job, which the caller holds; removed or not."""
    query = select(PublishedJob).where(PublishedJob.job_id == job_id)
    found: PublishedJob | None = await tx.scalar(query.execution_options(populate_existing=True))
    return found


async def sum_by_label(tx: AsyncSession, job: Job) -> list[int]:
    """Return how many items were shown of each label of a job, in their order. O(counts)."""
    query = select(JobCount.label, func.sum(JobCount.shown)).where(
        JobCount.job_id == job.id, JobCount.label >= 0
    )
    sums = {place: int(count) for place, count in await tx.execute(query.group_by(JobCount.label))}
    return [sums.get(place, 0) for place in range(len(job.labels))]


async def sum_other(tx: AsyncSession, job_id: JobId) -> int:
    """Return how many items were shown whose label too few owners had."""
    query = select(func.sum(JobCount.shown)).where(JobCount.job_id == job_id, JobCount.label < 0)
    return int(await tx.scalar(query) or 0)


async def list_published(
    tx: AsyncSession,
    actor: Actor,
    algorithm_id: AlgorithmId,
    *,
    after: UUID | None,
    limit: int,
) -> Sequence[Shown]:
    """Return the published answers of an algorithm that this actor may see, those published last
    first, and one beyond `limit`.
    """
    assert 0 < limit <= PAGE_MAX
    await algorithm_queries.get_algorithm(tx, actor, algorithm_id)
    query = _SHOWN.where(_PUBLISHED.algorithm_id == algorithm_id)
    if after is not None:
        query = query.where(_PUBLISHED.id < after)
    return (await tx.execute(query.order_by(_PUBLISHED.id.desc()).limit(limit + 1))).all()


async def get_published(tx: AsyncSession, publication_id: PublicationId) -> Shown:
    """Return a published answer as it is shown, or refuse."""
    found = (await tx.execute(_SHOWN.where(_PUBLISHED.id == publication_id))).one_or_none()
    if found is None:
        raise rules.NotPublished
    return found


async def get_published_job(tx: AsyncSession, publication_id: PublicationId) -> Job:
    """Return the job of a published answer, or refuse."""
    query = select(Job).join(PublishedJob, PublishedJob.job_id == Job.id)
    shown = PublishedJob.id == publication_id, PublishedJob.removed_at.is_(None)
    job: Job | None = await tx.scalar(query.where(*shown))
    if job is None:
        raise rules.NotPublished
    return job
