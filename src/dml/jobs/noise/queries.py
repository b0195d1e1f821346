"""Reading what was told of noisy answers."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.ids import JobId
from dml.jobs.models import Job, JobRelease, JobState


async def lock_restored(tx: AsyncSession, *, limit: int) -> Sequence[Job]:
    """Hold jobs that were restored before they had ended, and are not ending yet."""
    query = (
        select(Job)
        .where(Job.ended_at.is_(None), Job.restored_at.is_not(None))
        .where(Job.state.in_((JobState.OPEN, JobState.PAUSED)))
        .order_by(Job.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return (await tx.scalars(query)).all()


async def list_releases(tx: AsyncSession, jobs: Sequence[Job]) -> dict[JobId, list[JobRelease]]:
    """Return what was told of those of these jobs that are noisy, step by step. O(counts told)."""
    found: dict[JobId, list[JobRelease]] = {it.id: [] for it in jobs if it.is_noisy}
    if not found:
        return found
    query = (
        select(JobRelease)
        .where(JobRelease.job_id.in_(found))
        .order_by(JobRelease.job_id, JobRelease.part, JobRelease.number)
        .execution_options(populate_existing=True)
    )
    for it in await tx.scalars(query):
        found[it.job_id].append(it)
    return found
