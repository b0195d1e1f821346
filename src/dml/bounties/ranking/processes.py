"""What happens automatically once submissions are closed: entries run again, and are ranked."""

from datetime import timedelta
from typing import Final

from dml.bounties import queries
from dml.bounties.events import BountyClosed, BountyEvent, BountyPutOff
from dml.bounties.models import Judging
from dml.bounties.ranking import service as ranking
from dml.core import processes
from dml.core.context import Context
from dml.core.events import on
from dml.core.ids import BountyId, EnrollmentId
from dml.core.processes import RANKINGS, StepFailed, Steps, process

WAIT_MAX: Final = timedelta(minutes=5)


@on(BountyClosed, BountyPutOff, name="bounties.rank_closed.v1")
async def rank_closed(ctx: Context, event: BountyEvent) -> None:
    """Start the ranking of a bounty that is judged by a metric; again at the second chance."""
    bounty = await queries.lock_bounty(ctx.tx, event.bounty_id)
    if bounty.judging is Judging.METRIC:
        chance = 1 + bounty.second_chance
        await processes.start(ctx, _id(bounty.id, chance, 0), rank, bounty.id, chance, 0)


@process("bounties.rank.v1", queue=RANKINGS)
async def rank(steps: Steps, bounty_id: BountyId, chance: int, attempt: int) -> str:
    """Rank a bounty once none of its submissions is under way; until then, start again later.

    If the platform fails it tries again, until the bounty's own dates end it.
    """
    outcome = await steps.change(ranking.look, bounty_id)
    if outcome == "ready":
        try:
            outcome = await _rank(steps, bounty_id, chance, attempt)
        except StepFailed:
            outcome = "failed"
    if outcome in ("waiting", "failed"):
        await steps.change(look_again, bounty_id, chance, attempt + 1)
    return outcome


async def _rank(steps: Steps, bounty_id: BountyId, chance: int, attempt: int) -> str:
    if not await _run_again(steps, bounty_id, chance, attempt):
        return "failed"
    while True:
        plan = await steps.change(ranking.plan, bounty_id)
        found = await steps.call(ranking.compute, bounty_id, plan)
        outcome = await steps.change(ranking.conclude, bounty_id, found)
        if outcome != "again":
            return outcome


async def _run_again(steps: Steps, bounty_id: BountyId, chance: int, attempt: int) -> bool:
    """Run all final submissions a second time. Return whether it can be ranked now.

    What the platform cannot run is tried again later. In the end it is disqualified if others can
    be run, so that no loser can void the contest.
    """
    last, tried, unable = None, 0, list[EnrollmentId]()
    while entries := await steps.change(ranking.next_finals, bounty_id, last):
        rerun = await steps.call(ranking.run_again, entries)
        if rerun.differing:
            reason = ranking.OTHER_PREDICTIONS
            await steps.change(ranking.disqualify, bounty_id, rerun.differing, reason)
        unable += rerun.unable
        tried, last = tried + len(entries), entries[-1].enrollment_id
    if not unable:
        return True
    if chance == 1 or attempt < ranking.ATTEMPTS_BEFORE_GIVING_UP or len(unable) == tried:
        return False
    await steps.change(ranking.disqualify, bounty_id, unable, ranking.NOT_RUN_AGAIN)
    return True


async def look_again(ctx: Context, bounty_id: BountyId, chance: int, attempt: int) -> None:
    """Schedule the next attempt, with a longer delay each time."""
    when = ctx.now + min(timedelta(seconds=2 ** min(attempt - 1, 10)), WAIT_MAX)
    await processes.at(ctx, when, _id(bounty_id, chance, attempt), rank, bounty_id, chance, attempt)


def _id(bounty_id: BountyId, chance: int, attempt: int) -> str:
    return f"bounty:{bounty_id}:rank:{chance}:{attempt}"
