"""What becomes of the jobs of a version that was recalled: they close, and their leases end.

The device path looks at the version by itself, so from the recall on nothing of it is given out or
taken. What is done here gives places and tokens back, some at a time, and may be done twice.
"""

from dataclasses import replace
from typing import Final

from dml.algorithms import queries as algorithm_queries
from dml.core import events
from dml.core.context import Actor, Context, Role
from dml.core.db import raw
from dml.core.ids import JobId, UserId, VersionId
from dml.jobs import queries, settling
from dml.jobs.device_path import ended_leases
from dml.jobs.events import JobVersionRecalled, seen_by
from dml.jobs.models import JobState

JOBS_AT_ONCE: Final = 50


async def close_some(ctx: Context, version_id: VersionId, recalled_by: UserId) -> list[JobId]:
    """Begin to end some jobs of this version, in the name of who recalled it. Empty: no more."""
    version = await algorithm_queries.find_recalled(ctx.tx, version_id)
    if version is None:
        return []
    jobs = await queries.list_of_version(ctx.tx, version_id, limit=JOBS_AT_ONCE)
    if not jobs:
        return []
    why = f"Version {version.number} of its algorithm was recalled: {version.recall_reason}"
    ctx = replace(ctx, actor=Actor(recalled_by, Role.MODERATOR))
    for job in jobs:
        job.close_reason = why
        await events.record(ctx, JobVersionRecalled(job.id), seen_by(job), reason=why)
        await settling.begin(ctx, job, JobState.CANCELLED)
    return [job.id for job in jobs]


async def end_some_leases(ctx: Context, version_id: VersionId) -> int:
    """End leases of jobs that run this version. Return how many; what is locked waits."""
    if await algorithm_queries.find_recalled(ctx.tx, version_id) is None:
        return 0
    return await ended_leases.recall(await raw(ctx.tx), version_id)


async def has_leases(ctx: Context, version_id: VersionId) -> bool:
    """Tell whether a lease of this version is still to be ended."""
    if await algorithm_queries.find_recalled(ctx.tx, version_id) is None:
        return False
    return await queries.has_leases_of_version(ctx.tx, version_id)
