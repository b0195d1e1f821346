"""What jobs do by themselves: end at their deadline, end when full, settle, sweep and fold."""

from dataclasses import dataclass, field

from dml.algorithms.events import VersionRecalled
from dml.core import processes
from dml.core.context import Context
from dml.core.db import raw
from dml.core.events import on
from dml.core.ids import JobId, UserId, VersionId
from dml.core.processes import Steps, process
from dml.devices.events import DeviceRevoked
from dml.jobs import recalling, rules, settling
from dml.jobs.device_path import ended_leases
from dml.jobs.folding import service as folding
from dml.jobs.folding.turns import FoldPace, Turns
from dml.jobs.models import JobState


@process("jobs.settle.v1")
async def settle(steps: Steps, job_id: JobId, attempt: int) -> str:
    """End a job once nothing of it is under way. Until then it is started again, later."""
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


@process("jobs.end_recalled.v1")
async def end_recalled(
    steps: Steps, version_id: VersionId, recalled_by: UserId, attempt: int
) -> str:
    """End all jobs of a recalled version, and then their leases. What is locked, it ends later."""
    while await steps.change(_close_some, version_id, recalled_by):
        pass
    while await steps.change(recalling.end_some_leases, version_id):
        pass
    if await steps.change(recalling.has_leases, version_id):
        await steps.change(_end_the_rest, version_id, recalled_by, attempt + 1)
        return "some are left"
    return "ended"


@on(VersionRecalled, "jobs.stop_recalled.v1")
async def stop_recalled(ctx: Context, event: VersionRecalled) -> None:
    """End what runs of a version that nobody may run any more."""
    by, version_id = event.recalled_by, event.version_id
    await processes.start(ctx, f"version:{version_id}:end:0", end_recalled, version_id, by, 0)


async def _close_some(ctx: Context, version_id: VersionId, recalled_by: UserId) -> int:
    closed = await recalling.close_some(ctx, version_id, recalled_by)
    for job_id in closed:
        await processes.start(ctx, f"job:{job_id}:settle:0", settle, job_id, 0)
    return len(closed)


async def _end_the_rest(
    ctx: Context, version_id: VersionId, recalled_by: UserId, attempt: int
) -> None:
    when, name = ctx.now + rules.settle_delay(attempt), f"version:{version_id}:end:{attempt}"
    await processes.at(ctx, when, name, end_recalled, version_id, recalled_by, attempt)


async def _look_again(ctx: Context, job_id: JobId, attempt: int) -> None:
    when = ctx.now + rules.settle_delay(attempt)
    await processes.at(ctx, when, f"job:{job_id}:settle:{attempt}", settle, job_id, attempt)


@dataclass(slots=True)
class Folding:
    """Folds batch after batch; remembers how long the last one took and whose turn it is."""

    pace: FoldPace = field(default_factory=FoldPace)
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

    def adapt(self, results: int, seconds: float) -> None:
        """Choose the size of the next batch by how long the last one took, the commit included."""
        self.pace.adapt(results, seconds - self.waited_seconds)


async def sweep(ctx: Context) -> int:
    """Give back the places of leases that ran out. Return how many."""
    return len(await ended_leases.sweep(await raw(ctx.tx)))


@on(DeviceRevoked, "jobs.end_leases_of_revoked.v1")
async def end_leases_of_revoked(ctx: Context, event: DeviceRevoked) -> None:
    """Give back the places that a revoked device holds."""
    await ended_leases.revoke(await raw(ctx.tx), event.device_id)
