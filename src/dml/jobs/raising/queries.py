"""Reading who was paid before a job is raised, and where its places are."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.ids import JobId, UserId
from dml.jobs.models import Assignment, JobPlaces


async def count_paid(tx: AsyncSession, job_id: JobId, *, most: int) -> dict[UserId, int]:
    """Return how many results of each owner were paid; of one owner beyond `most`, no more.

    The caller holds the job's totals, so that no fold pays any meanwhile. O(results).
    """
    query = (
        select(Assignment.owner_id, func.count())
        .where(Assignment.job_id == job_id, Assignment.fold_id.is_not(None))
        .group_by(Assignment.owner_id)
        .order_by(Assignment.owner_id)
        .limit(most + 1)
    )
    return {row[0]: row[1] for row in await tx.execute(query)}


async def count_buckets(tx: AsyncSession, job_id: JobId) -> int:
    """Return in how many buckets a job's places are: as many as when it was created."""
    query = select(func.count()).select_from(JobPlaces).where(JobPlaces.job_id == job_id)
    return await tx.scalar(query) or 0
