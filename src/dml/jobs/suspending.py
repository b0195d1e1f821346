"""What becomes of the jobs and devices of a user who was suspended (docs/decisions/0046).

From the suspension on their devices get no work, by the claim's own look at the user. What is done
here stops what was under way, some at a time, and may be done twice.
"""

from typing import Final

from dml.core import events
from dml.core.context import Context
from dml.core.db import raw
from dml.core.ids import UserId
from dml.jobs import queries, rules, settling
from dml.jobs.device_path import ended_leases
from dml.jobs.events import JobPaused, seen_by
from dml.jobs.models import JobState

JOBS_AT_ONCE: Final = 50
WHY: Final = "Its customer's account was suspended."


async def pause_some(ctx: Context, user_id: UserId) -> int:
    """Pause some open jobs of this customer, if they are still suspended. 0: no more."""
    jobs = await queries.lock_open_of_suspended(ctx.tx, user_id, limit=JOBS_AT_ONCE)
    for job in jobs:
        move = rules.move(job, JobState.PAUSED)
        await events.record(ctx, JobPaused(job.id), seen_by(job), move, reason=WHY)
        await settling.close_places(ctx, job, closed=True)
    return len(jobs)


async def end_some_leases(ctx: Context, user_id: UserId) -> int:
    """End leases that devices of this owner hold, if they are still suspended. Return how many;
    what is locked waits.
    """
    if not await queries.has_leases_of_suspended(ctx.tx, user_id):
        return 0
    return await ended_leases.suspend(await raw(ctx.tx), user_id)


async def has_leases(ctx: Context, user_id: UserId) -> bool:
    """Tell whether a lease of a device of theirs is still to be ended."""
    return await queries.has_leases_of_suspended(ctx.tx, user_id)
