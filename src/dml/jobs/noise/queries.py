"""Reading what was told of noisy answers."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.ids import JobId
from dml.jobs.models import Job, JobRelease


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
