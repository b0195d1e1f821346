"""What jobs do by themselves: end at their deadline, end when full, settle, sweep and fold."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.events import UserSuspended
from dml.algorithms.events import VersionRecalled
from dml.core import events, processes
from dml.core.context import SYSTEM, Context
from dml.core.db import raw
from dml.core.events import Record, on, user
from dml.core.ids import JobId, UserId, VersionId, new_id
from dml.core.processes import Steps, process
from dml.devices.events import DeviceRevoked
from dml.jobs import recalling, rules, settling, suspending
from dml.jobs.device_path import ended_leases
from dml.jobs.events import JobClosed, JobProgressed, seen_by
from dml.jobs.folding import service as folding
from dml.jobs.folding.service import ShownStep
from dml.jobs.folding.turns import FoldPace, Turns
from dml.jobs.models import JobState
from dml.jobs.noise.queries import lock_restored

PROGRESS_SECONDS: Final = 0.5
RESTORED_AT_ONCE: Final = 200


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


@process("jobs.precise.v1")
async def end_when_precise(steps: Steps, job_id: JobId) -> str:
    """End a job whose answer is as precise as was asked for."""
    outcome = await steps.change(settling.end_precise, job_id)
    if outcome == "settling":
        return await settle.function(steps, job_id, 0) or ""
    return outcome


@process("jobs.end_recalled.v1")
async def end_recalled(
    steps: Steps, version_id: VersionId, recalled_by: UserId, attempt: int
) -> str:
    """End all jobs of a recalled version, and then their leases. What is locked, it ends later. One
    whose recall was overturned meanwhile is left alone.
    """
    while await steps.change(_close_some, version_id, recalled_by):
        pass
    while await steps.change(recalling.end_some_leases, version_id):
        pass
    if await steps.change(recalling.has_leases, version_id):
        await steps.change(_end_the_rest, version_id, recalled_by, attempt + 1)
        return "some are left"
    return "ended"


@on(VersionRecalled, name="jobs.stop_recalled.v2")
async def stop_recalled(ctx: Context, event: VersionRecalled) -> None:
    """End what runs of a version that nobody may run any more."""
    by, version_id = event.recalled_by, event.version_id
    name = f"version:{version_id}:end:{new_id()}"  # It may be recalled again, after an appeal.
    await processes.start(ctx, name, end_recalled, version_id, by, 0)


@process("jobs.stop_for_suspended.v1")
async def stop_for_suspended(steps: Steps, user_id: UserId, attempt: int) -> str:
    """Pause the jobs of a suspended user, and end the leases of their devices; what is locked,
    later. One who is restored meanwhile is left alone.
    """
    while await steps.change(suspending.pause_some, user_id):
        pass
    while await steps.change(suspending.end_some_leases, user_id):
        pass
    if await steps.change(suspending.has_leases, user_id):
        await steps.change(_stop_the_rest, user_id, attempt + 1)
        return "some are left"
    return "stopped"


@on(UserSuspended, name="jobs.stop_suspended.v1")
async def stop_suspended(ctx: Context, event: UserSuspended) -> None:
    """Stop what is under way for a user who was suspended."""
    name = f"user:{event.user_id}:stop:{new_id()}"  # Somebody may be suspended again.
    await processes.start(ctx, name, stop_for_suspended, event.user_id, 0)


async def _stop_the_rest(ctx: Context, user_id: UserId, attempt: int) -> None:
    when, name = ctx.now + rules.settle_delay(attempt), f"user:{user_id}:stop:{new_id()}"
    await processes.at(ctx, when, name, stop_for_suspended, user_id, attempt)


async def _close_some(ctx: Context, version_id: VersionId, recalled_by: UserId) -> int:
    closed = await recalling.close_some(ctx, version_id, recalled_by)
    for job_id in closed:
        await processes.start(ctx, f"job:{job_id}:settle:0", settle, job_id, 0)
    return len(closed)


async def _end_the_rest(
    ctx: Context, version_id: VersionId, recalled_by: UserId, attempt: int
) -> None:
    when, name = ctx.now + rules.settle_delay(attempt), f"version:{version_id}:end:{new_id()}"
    await processes.at(ctx, when, name, end_recalled, version_id, recalled_by, attempt)


async def _look_again(ctx: Context, job_id: JobId, attempt: int) -> None:
    when = ctx.now + rules.settle_delay(attempt)
    await processes.at(ctx, when, f"job:{job_id}:settle:{attempt}", settle, job_id, attempt)


@dataclass(slots=True)
class Progress:
    """Says of jobs that their answers grow: of each one twice a second at most.

    What is not said yet waits for the next look. If the worker dies before that, it is not said;
    the next step is, and the job's end is in any case.
    """

    waiting: dict[JobId, ShownStep] = field(default_factory=dict)
    said: dict[JobId, float] = field(default_factory=dict)

    async def say(self, ctx: Context, steps: Sequence[ShownStep]) -> None:
        self.waiting |= {it.job_id: it for it in steps}
        if not self.waiting:
            return
        now = time.monotonic()
        self.said = {it: at for it, at in self.said.items() if now - at < PROGRESS_SECONDS}
        due = [it for job_id, it in self.waiting.items() if job_id not in self.said]
        for it in due:
            self.said[it.job_id] = now
            del self.waiting[it.job_id]
        records = [
            Record(JobProgressed(it.job_id, it.devices), [user(it.customer_id)]) for it in due
        ]
        await events.record_many(ctx, records)


@dataclass(slots=True)
class Folding:
    """Folds batch after batch; remembers how long the last one took and whose turn it is."""

    pace: FoldPace = field(default_factory=FoldPace)
    turns: Turns = field(default_factory=Turns)
    progress: Progress = field(default_factory=Progress)
    waited_seconds: float = 0.0

    async def fold(self, ctx: Context) -> int:
        """Fold a batch, and end the jobs that it filled. Return how many results it took."""
        self.waited_seconds = 0.0
        folded = await folding.fold(ctx, self.turns, limit=self.pace.limit)
        self.waited_seconds = folded.waited_seconds
        await self.progress.say(ctx, folded.steps)
        for job_id in folded.full:
            self.progress.waiting.pop(job_id, None)  # Its end is said soon.
            await processes.start(ctx, f"job:{job_id}:full", end_when_full, job_id)
        for job_id in folded.precise:
            await processes.start(ctx, f"job:{job_id}:precise", end_when_precise, job_id)
        return folded.results

    def adapt(self, results: int, seconds: float) -> None:
        """Choose the size of the next batch by how long the last one took, the commit included."""
        self.pace.adapt(results, seconds - self.waited_seconds)


async def sweep(ctx: Context) -> int:
    """Give back the places of leases that ran out. Return how many."""
    return len(await ended_leases.sweep(await raw(ctx.tx)))


async def end_restored(tx: AsyncSession, now: datetime) -> None:
    """Begin to end some jobs that a backup brought back and that may tell no more."""
    ctx = Context(tx, SYSTEM, now)
    for job in await lock_restored(tx, limit=RESTORED_AT_ONCE):
        job.close_reason = rules.RESTORED
        await events.record(ctx, JobClosed(job.id), seen_by(job), reason=rules.RESTORED)
        await settling.begin(ctx, job, JobState.CANCELLED)
        await processes.start(ctx, f"{job.reference}:settle:0", settle, job.id, 0)


@on(DeviceRevoked, name="jobs.end_leases_of_revoked.v1")
async def end_leases_of_revoked(ctx: Context, event: DeviceRevoked) -> None:
    """Give back the places that a revoked device holds."""
    await ended_leases.revoke(await raw(ctx.tx), event.device_id)
