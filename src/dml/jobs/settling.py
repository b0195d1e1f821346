"""How a job ends: its places close, what is under way comes in, and what is left goes back."""

from typing import Final

from sqlalchemy import update

from dml.algorithms import service as algorithms
from dml.core import events
from dml.core.context import Context
from dml.core.ids import JobId
from dml.core.money import MicroTokens
from dml.jobs import queries, rules
from dml.jobs.events import (
    JobCancelled,
    JobCompleted,
    JobEnded,
    JobExpired,
    JobPreciseEnough,
    JobSettling,
    seen_by,
)
from dml.jobs.folding import service as folding
from dml.jobs.models import Job, JobPlaces, JobState, JobTotals
from dml.payments import queries as payment_queries, service as payments
from dml.payments.models import Movement, TransferCode
from dml.payments.rules import wallet

_ENDED: Final[dict[JobState, type[JobEnded]]] = {
    JobState.COMPLETED: JobCompleted,
    JobState.CANCELLED: JobCancelled,
    JobState.EXPIRED: JobExpired,
}


async def begin(ctx: Context, job: Job, reason: JobState) -> None:
    """Let no more devices in, and note what the job will end as. The caller holds its row."""
    made = rules.move(job, JobState.SETTLING)
    job.end_reason = reason
    await events.record(ctx, JobSettling(job.id), seen_by(job), made, reason=reason)
    await close_places(ctx, job, closed=True)


async def end(ctx: Context, job_id: JobId, reason: JobState) -> str:
    """Begin to end a job that is full or past its deadline, unless it is ending already."""
    job = await queries.get(ctx.tx, job_id, lock=True)
    if job.state not in (JobState.OPEN, JobState.PAUSED):
        return "ending already"
    if reason is JobState.EXPIRED and ctx.now < job.deadline:
        return "not due"
    await begin(ctx, job, reason)
    return "settling"


async def end_precise(ctx: Context, job_id: JobId) -> str:
    """Begin to end a job whose answer is precise enough, unless it is ending already."""
    job = await queries.get(ctx.tx, job_id, lock=True)
    if job.state not in (JobState.OPEN, JobState.PAUSED):
        return "ending already"
    await events.record(ctx, JobPreciseEnough(job.id), seen_by(job))
    await begin(ctx, job, JobState.COMPLETED)
    return "settling"


async def try_to_settle(ctx: Context, job_id: JobId) -> str:
    """End a job whose every place is open or counted, and give back what is left; else wait.

    Then no lease lives and nothing waits in the inbox, for each would be a place that is neither.
    The places are held and closed, so none is claimed meanwhile.
    """
    job = await queries.get(ctx.tx, job_id, lock=True)
    if job.state is not JobState.SETTLING:
        return "settled already"
    open_places = await queries.lock_places(ctx.tx, job.id)
    totals = await queries.get_totals(ctx.tx, job.id, lock=True)
    if open_places + totals.folded < job.max_devices:
        return "waiting"

    await folding.show_last(ctx, job, totals)
    # Before money: whoever orders holds the algorithm first, and then accounts.
    await algorithms.count_runs(ctx, job.algorithm_id, totals.shown_devices)
    totals.version += 1
    refunded = await _pay_out(ctx, job, totals)
    assert job.end_reason is not None
    job.ended_at = ctx.now
    ended = _ENDED[job.end_reason](job.id, refunded)
    await events.record(ctx, ended, seen_by(job), rules.move(job, job.end_reason))
    return "settled"


async def close_places(ctx: Context, job: Job, *, closed: bool) -> None:
    """Wait for the claims under way, and let no more through (or let them through again)."""
    await queries.lock_places(ctx.tx, job.id)
    await ctx.tx.execute(update(JobPlaces).where(JobPlaces.job_id == job.id).values(closed=closed))


async def _pay_out(ctx: Context, job: Job, totals: JobTotals) -> MicroTokens:
    """Empty the escrow: the developer has what waited for a step, the customer what is left.

    Return what is left.
    """
    left = MicroTokens((job.max_devices - totals.folded) * job.cost_of_one)
    fees = MicroTokens(totals.held_devices * job.device_fee)
    held = await payment_queries.get_account_balance(ctx.tx, job.escrow)
    assert held == left + fees, f"{job.escrow} holds {held}, not {left} and {fees} in fees"
    totals.held_devices = 0
    due = (
        (TransferCode.JOB_REFUND, wallet(job.customer_id), left),
        (TransferCode.DEVELOPER_FEE, wallet(job.developer_id), fees),
    )
    moves = [
        Movement(code, job.reference, job.escrow, target, amount)
        for code, target, amount in due
        if amount > 0
    ]
    if moves:
        await payments.transfer_many(ctx, moves)
    return left
