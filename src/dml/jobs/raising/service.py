"""Raising a job: its terms, its places, its alarm and its money change in one transaction."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import update

from dml.core import events, processes
from dml.core.context import Context
from dml.core.ids import JobId, UserId
from dml.core.money import MicroTokens
from dml.jobs import queries, rules as job_rules
from dml.jobs.events import JobRaised, seen_by
from dml.jobs.models import Job, JobPlaces
from dml.jobs.processes import end_at_deadline
from dml.jobs.raising import queries as raising, rules
from dml.jobs.raising.rules import Raise, Terms
from dml.payments import service as payments
from dml.payments.debit_limits import service as debit_limits
from dml.payments.models import REVENUE, Movement, TransferCode
from dml.payments.rules import wallet


async def raise_terms(
    ctx: Context,
    job_id: JobId,
    wanted: Raise,
    *,
    platform_fee_bps: int,
    counts_max: int,
    revision: int | None = None,
) -> Job:
    """Raise reward, places or deadline of a job that runs, and pay what that costs, or refuse.

    A higher reward is that of all results: those that were paid before get the difference. So what
    it costs depends on nothing that the customer does not know, and nobody gains by waiting.
    O(results), where the reward is raised.
    """
    job = await queries.get_mine(ctx.tx, ctx.actor, job_id, lock=True)
    rules.require_customer(job, ctx.actor)
    rules.require_unchanged(job, revision)
    await queries.lock_places(ctx.tx, job.id)
    totals = await queries.get_totals(ctx.tx, job.id, lock=True)
    rules.require_running(job, folded=totals.folded, now=ctx.now)
    terms = rules.raised(job, wanted, platform_fee_bps=platform_fee_bps, now=ctx.now)
    period = (job.date_from, job.date_to)
    job_rules.require_few_counts(len(job.labels), period, terms.deadline, counts_max)
    cost = terms.cost(job.device_fee)
    job_rules.require_price(cost, wanted.max_total)
    results: Mapping[UserId, int] = {}
    if terms.reward > job.reward:
        rules.require_few_shown(totals.shown_devices)
        results = await raising.count_paid(ctx.tx, job.id, most=rules.OWNERS_MAX)
        rules.require_few_owners(len(results))
        assert sum(results.values()) == totals.folded, f"{job.reference} paid others than it folded"

    before, job.revision = Terms.of(job), job.revision + 1
    more = MicroTokens(cost - job.cost)
    await _pay(ctx, job, terms, more, results)
    await _add_places(ctx, job, terms.max_devices - job.max_devices)
    await _wait_longer(ctx, job, terms.deadline)
    job.reward, job.platform_fee = terms.reward, terms.platform_fee
    job.max_devices, job.deadline = terms.max_devices, terms.deadline
    made = JobRaised(job.id, job.reward, job.max_devices, job.deadline, more)
    await events.record(ctx, made, seen_by(job), reason=rules.said(before, terms))
    return job


async def _pay(
    ctx: Context, job: Job, terms: Terms, more: MicroTokens, results: Mapping[UserId, int]
) -> None:
    """Move what the job costs more into escrow, and out of it what earlier results get more."""
    if not more:
        return
    await debit_limits.require_within(ctx, job.customer_id, more)
    reference = f"{job.reference}:raise:{job.revision}"
    reward, fee = terms.reward - job.reward, terms.platform_fee - job.platform_fee
    due = [(TransferCode.JOB_ESCROW, wallet(job.customer_id), job.escrow, int(more))]
    due += [
        (TransferCode.DEVICE_REWARD, job.escrow, wallet(owner_id), count * reward)
        for owner_id, count in results.items()
    ]
    due.append((TransferCode.PLATFORM_FEE, job.escrow, REVENUE, sum(results.values()) * fee))
    await payments.transfer_many(
        ctx,
        [
            Movement(code, reference, source, target, MicroTokens(amount))
            for code, source, target, amount in due
            if amount > 0
        ],
    )


async def _add_places(ctx: Context, job: Job, more: int) -> None:
    """Open further places, in the buckets that there are. The caller holds them all."""
    if not more:
        return
    buckets = await raising.count_buckets(ctx.tx, job.id)
    for bucket, places in enumerate(rules.places_by_bucket(more, buckets)):
        where = (JobPlaces.job_id == job.id, JobPlaces.bucket == bucket)
        await ctx.tx.execute(update(JobPlaces).where(*where).values(open=JobPlaces.open + places))


async def _wait_longer(ctx: Context, job: Job, deadline: datetime) -> None:
    """Set another alarm. The one before goes off, and finds that it is not due."""
    if deadline > job.deadline:
        name = f"{job.reference}:deadline:{job.revision}"
        await processes.at(ctx, deadline, name, end_at_deadline, job.id)
