"""Every SELECT of this domain. Edges may read through these; only the use cases write."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.context import Actor
from dml.core.db import PAGE_MAX
from dml.core.ids import AssignmentId, DeviceId, JobId
from dml.core.money import MicroTokens
from dml.jobs.models import (
    Assignment,
    AssignmentState,
    Job,
    JobCount,
    JobPlaces,
    JobState,
    JobTotals,
    Result,
)
from dml.jobs.rules import JobNotFound, require_mine


@dataclass(frozen=True, slots=True)
class Work:
    """What a device did or does for a job, and exactly what left it."""

    assignment: Assignment
    job: Job
    result: Result | None


@dataclass(frozen=True, slots=True)
class ShownMonth:
    """What a customer sees of a month: a count for each of some labels, by their places."""

    month: int
    labels: Sequence[int]
    counts: Sequence[int]


async def get(tx: AsyncSession, job_id: JobId, *, lock: bool = False) -> Job:
    """Load a job, or refuse. `lock=True` holds its row until the transaction ends."""
    job = await tx.get(Job, job_id, with_for_update=lock, populate_existing=lock)
    if job is None:
        raise JobNotFound
    return job


async def get_mine(tx: AsyncSession, actor: Actor, job_id: JobId, *, lock: bool = False) -> Job:
    """Load a job for its customer or an admin; for everybody else there is none."""
    job = await tx.get(Job, job_id, with_for_update=lock, populate_existing=lock)
    return require_mine(job, actor)


async def list_mine(
    tx: AsyncSession, actor: Actor, *, state: JobState | None, after: UUID | None, limit: int
) -> Sequence[Job]:
    """Return the actor's jobs, newest first, and one beyond `limit` if more follow."""
    assert 0 < limit <= PAGE_MAX
    query = select(Job).where(Job.customer_id == actor.id)
    if state is not None:
        query = query.where(Job.state == state)
    if after is not None:
        query = query.where(Job.id < after)
    return (await tx.scalars(query.order_by(Job.id.desc()).limit(limit + 1))).all()


async def get_totals(tx: AsyncSession, job_id: JobId, *, lock: bool = False) -> JobTotals:
    """Load the totals of a job that is known to be there."""
    query = select(JobTotals).where(JobTotals.job_id == job_id)
    return (await tx.scalars(query.with_for_update() if lock else query)).one()


async def get_totals_of(tx: AsyncSession, jobs: Sequence[Job]) -> dict[JobId, JobTotals]:
    """Return the totals of each of these jobs."""
    query = select(JobTotals).where(JobTotals.job_id.in_([it.id for it in jobs]))
    return {it.job_id: it for it in await tx.scalars(query)}


async def list_shown_counts(tx: AsyncSession, job_id: JobId) -> list[ShownMonth]:
    """Return the counts as of the last step shown, in the order of months and labels.

    A row for each month: an answer can have a million counts, and as rows they took seconds.
    """
    in_order = aggregate_order_by
    query = (
        select(
            JobCount.month,
            func.array_agg(in_order(JobCount.label, JobCount.label)),
            func.array_agg(in_order(JobCount.shown, JobCount.label)),
        )
        .where(JobCount.job_id == job_id, JobCount.shown > 0)
        .group_by(JobCount.month)
        .order_by(JobCount.month)
    )
    return [ShownMonth(*row) for row in await tx.execute(query)]


async def lock_places(tx: AsyncSession, job_id: JobId) -> int:
    """Hold all buckets of a job, so that no claim is under way, and return the open places."""
    query = (
        select(JobPlaces.open)
        .where(JobPlaces.job_id == job_id)
        .order_by(JobPlaces.bucket)
        .with_for_update()
    )
    return sum((await tx.scalars(query)).all())


async def find_job_held(
    tx: AsyncSession, assignment_id: AssignmentId, device_id: DeviceId
) -> Job | None:
    """Return the job of an assignment that this device holds by the database's clock."""
    return await tx.scalar(
        select(Job)
        .join(Assignment, Assignment.job_id == Job.id)
        .where(
            Assignment.id == assignment_id,
            Assignment.device_id == device_id,
            Assignment.state == AssignmentState.LEASED,
            Assignment.lease_expires_at > func.now(),
        )
    )


async def find_assignment(
    tx: AsyncSession, assignment_id: AssignmentId, device_id: DeviceId
) -> Assignment | None:
    """Return an assignment of this device, if there is one."""
    return await tx.scalar(
        select(Assignment)
        .where(Assignment.id == assignment_id, Assignment.device_id == device_id)
        .execution_options(populate_existing=True)
    )


async def list_work(
    tx: AsyncSession, device_id: DeviceId, *, after: UUID | None, limit: int
) -> list[Work]:
    """Return what a device did, newest first, and one beyond `limit` if more follows."""
    assert 0 < limit <= PAGE_MAX
    query = (
        select(Assignment, Job, Result)
        .join(Job, Job.id == Assignment.job_id)
        .outerjoin(Result, Result.assignment_id == Assignment.id)
        .where(Assignment.device_id == device_id)
    )
    if after is not None:
        query = query.where(Assignment.id < after)
    rows = await tx.execute(query.order_by(Assignment.id.desc()).limit(limit + 1))
    return [Work(assignment, job, result) for assignment, job, result in rows]


async def get_earnings(tx: AsyncSession, device_id: DeviceId) -> tuple[int, MicroTokens]:
    """Return how many results of a device were paid, and what they earned."""
    query = (
        select(func.count(), func.coalesce(func.sum(Job.reward), 0))
        .select_from(Assignment)
        .join(Job, Job.id == Assignment.job_id)
        .where(Assignment.device_id == device_id, Assignment.fold_id.is_not(None))
    )
    count, earned = (await tx.execute(query)).one()
    return count, MicroTokens(int(earned))


async def watch(tx: AsyncSession, job_ids: Sequence[JobId]) -> dict[JobId, tuple[int, JobState]]:
    """Return of each job what changes when there is something new: its version and state."""
    query = (
        select(Job.id, JobTotals.version, Job.state)
        .join(JobTotals, JobTotals.job_id == Job.id)
        .where(Job.id.in_(job_ids))
    )
    return {row.id: (row.version, row.state) for row in await tx.execute(query)}
