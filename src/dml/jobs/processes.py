"""What jobs do by themselves: end at their deadline, end when full, settle, sweep and fold."""

from dataclasses import dataclass, field

from dml.core import processes
from dml.core.context import Context
from dml.core.db import raw
from dml.core.events import on
from dml.core.ids import JobId
from dml.core.processes import Steps, process
from dml.devices.events import DeviceRevoked
from dml.jobs import folding, rules, settling, statements
from dml.jobs.models import JobState
from dml.jobs.turns import Pace, Turns


@process("jobs.settle.v1")
async def settle(steps: Steps, job_id: JobId, attempt: int) -> str:
    """End a job once nothing of it is under way. Until then it looks again, and holds no slot."""
    outcome = await steps.change(settling.try_to_settle, job_id)
    if outcome == "waiting":
        await steps.change(_look_again, job_id, attempt + 1)
    return outcome


@process("jobs.deadline.v1")
async def end_at_deadline(steps: Steps, job_id: JobId) -> str:
    """End a job whose deadline has passed."""
    outcome = await steps.change(settling.end, job_id, JobState.EXPIRED)
    if outcome == "settling":
        return await settle.function(steps, job_id, 0) or ""
    return outcome


@process("jobs.full.v1")
async def end_when_full(steps: Steps, job_id: JobId) -> str:
    """End a job that has a result for each of its places."""
    outcome = await steps.change(settling.end, job_id, JobState.COMPLETED)
    if outcome == "settling":
        return await settle.function(steps, job_id, 0) or ""
    return outcome


async def _look_again(ctx: Context, job_id: JobId, attempt: int) -> None:
    when = ctx.now + rules.settle_delay(attempt)
    await processes.at(ctx, when, f"job:{job_id}:settle:{attempt}", settle, job_id, attempt)


@dataclass(slots=True)
class Folding:
    """Folds batch after batch, and remembers how the last one went and whose turn it is."""

    pace: Pace = field(default_factory=Pace)
    turns: Turns = field(default_factory=Turns)
    waited_seconds: float = 0.0

    async def fold(self, ctx: Context) -> int:
        """Fold a batch, and end the jobs that it filled. Return how many results it took."""
        self.waited_seconds = 0.0
        folded = await folding.fold(ctx, self.turns, limit=self.pace.limit)
        self.waited_seconds = folded.waited_seconds
        for job_id in folded.full:
            await processes.start(ctx, f"job:{job_id}:full", end_when_full, job_id)
        return folded.results

    def went(self, results: int, seconds: float) -> None:
        """Note how long the transaction took, commit and all, so that the next one fits."""
        self.pace.went(results, seconds - self.waited_seconds)


async def sweep(ctx: Context) -> int:
    """Give back the places of leases that ran out. Return how many."""
    return len(await statements.sweep(await raw(ctx.tx)))


@on(DeviceRevoked, "jobs.end_leases_of_revoked.v1")
async def end_leases_of_revoked(ctx: Context, event: DeviceRevoked) -> None:
    """Give back the places that a revoked device holds."""
    await statements.revoke(await raw(ctx.tx), event.device_id)
