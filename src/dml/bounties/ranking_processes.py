"""What happens by itself once submissions are closed: entries are run again, and all is ranked."""

from datetime import timedelta
from typing import Final

from dml.bounties import queries, ranking
from dml.bounties.events import SubmissionsClosed
from dml.bounties.models import Judging
from dml.core import processes
from dml.core.context import Context
from dml.core.events import on
from dml.core.ids import BountyId, EnrollmentId
from dml.core.processes import SLOW_QUEUE, StepFailed, Steps, process

WAIT_MAX: Final = timedelta(minutes=5)


@on(SubmissionsClosed, "bounties.rank_closed.v1")
async def rank_closed(ctx: Context, event: SubmissionsClosed) -> None:
    """Have a bounty ranked that is judged by a metric; once more where nothing came of it."""
    bounty = await queries.lock_bounty(ctx.tx, event.bounty_id)
    if bounty.judging is Judging.METRIC:
        chance = 1 + bounty.second_chance
        await processes.start(ctx, _id(bounty.id, chance, 0), rank, bounty.id, chance, 0)


@process("bounties.rank.v1", queue=SLOW_QUEUE)
async def rank(steps: Steps, bounty_id: BountyId, chance: int, looks: int) -> str:
    """Rank a bounty once nothing of it is under way. Until then it looks again, and holds no slot.

    Where we fail it tries again, until the bounty's own dates end it.
    """
    outcome = await steps.change(ranking.look, bounty_id)
    if outcome == "ready":
        try:
            return await _rank(steps, bounty_id)
        except StepFailed:
            outcome = "failed"
    if outcome != "over":
        await steps.change(look_again, bounty_id, chance, looks + 1)
    return outcome


async def _rank(steps: Steps, bounty_id: BountyId) -> str:
    last: EnrollmentId | None = None
    while entries := await steps.change(ranking.next_finals, bounty_id, last):
        differing = await steps.call(ranking.run_again, entries)
        if differing:
            await steps.change(ranking.disqualify, bounty_id, differing)
        last = entries[-1].enrollment_id
    wanted = await steps.change(ranking.plan, bounty_id)
    found = await steps.call(ranking.compute, bounty_id, wanted)
    return await steps.change(ranking.conclude, bounty_id, found)


async def look_again(ctx: Context, bounty_id: BountyId, chance: int, looks: int) -> None:
    """Have somebody look again soon, and later each time."""
    when = ctx.now + min(timedelta(seconds=2 ** min(looks - 1, 10)), WAIT_MAX)
    await processes.at(ctx, when, _id(bounty_id, chance, looks), rank, bounty_id, chance, looks)


def _id(bounty_id: BountyId, chance: int, looks: int) -> str:
    return f"bounty:{bounty_id}:rank:{chance}:{looks}"
