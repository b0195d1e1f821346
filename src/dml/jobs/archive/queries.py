"""Which jobs are to be archived, and into which files one was."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.db import PAGE_MAX
from dml.core.ids import JobId
from dml.jobs.archive.models import JobArchive
from dml.jobs.models import Job


async def list_to_archive(
    tx: AsyncSession,
    now: datetime,
    *,
    keep: timedelta,
    besides: Collection[JobId] = (),
    limit: int = PAGE_MAX,
) -> Sequence[JobId]:
    """Return jobs that ended so long ago and are not archived whole, the oldest first."""
    query = (
        select(Job.id)
        .where(Job.ended_at.is_not(None), Job.archived_at.is_(None), Job.ended_at <= now - keep)
        .where(Job.id.not_in(besides))
        .order_by(Job.ended_at)
        .limit(limit)
    )
    return (await tx.scalars(query)).all()


async def list_archives(
    tx: AsyncSession, job_id: JobId, *, after: UUID | None, limit: int
) -> Sequence[JobArchive]:
    """Return the files that a job was archived into, oldest first, and one more if more follow."""
    assert 0 < limit <= PAGE_MAX
    query = select(JobArchive).where(JobArchive.job_id == job_id)
    if after is not None:
        query = query.where(JobArchive.id > after)
    return (await tx.scalars(query.order_by(JobArchive.id).limit(limit + 1))).all()
