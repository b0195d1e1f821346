"""The use cases of jobs, one function per verb. Each reads: load and lock, check, change, pay.

Locks are taken in one order everywhere: job, places, totals, ledger accounts.
"""

import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from dml.algorithms import queries as algorithm_queries
from dml.algorithms.models import Algorithm, Version
from dml.core import events, processes
from dml.core.context import Context
from dml.core.ids import AssignmentId, JobId, VersionId, new_id
from dml.core.money import MicroTokens
from dml.core.settings import Settings
from dml.core.states import Move
from dml.devices.tokens import DeviceContext
from dml.jobs import counting, queries, rules, settling
from dml.jobs.crowds import queries as crowds
from dml.jobs.crowds.rules import require_target
from dml.jobs.events import JobClosed, JobCreated, JobPaused, JobResumed, seen_by
from dml.jobs.job_manifests import rules as manifests
from dml.jobs.job_manifests.models import JobManifest
from dml.jobs.models import Answers, Job, JobPlaces, JobState, JobTotals
from dml.jobs.noise.rules import USUAL, WIDTH, Bounds, Privacy, Wish, choose_privacy
from dml.jobs.precision import require_noise
from dml.jobs.processes import end_at_deadline, settle
from dml.payments import service as payments
from dml.payments.debit_limits import service as debit_limits
from dml.payments.models import TransferCode
from dml.payments.rules import wallet


@dataclass(frozen=True, slots=True)
class Order:
    """What a customer asks for."""

    version_id: VersionId
    title: str
    max_devices: int
    max_devices_per_owner: int
    reward: MicroTokens
    countries: list[str]
    date_from: date | None
    date_to: date | None
    min_confidence: float
    starts_at: datetime | None
    deadline: datetime
    max_total: MicroTokens | None
    answers: Answers = Answers.NOISY
    epsilon: float | None = None
    max_items: int | None = None
    max_norm: int | None = None
    precision: float | None = None

    def privacy(self, bounds: Bounds, *, labels: int) -> Privacy:
        """Tell what it learns of each owner, of a model with so many labels; or refuse."""
        return choose_privacy(
            Wish(self.answers, self.epsilon, self.max_items, self.max_norm),
            bounds=bounds,
            labels=labels,
            max_devices_per_owner=self.max_devices_per_owner,
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """What an operator allows one job, and one customer."""

    least_reward: MicroTokens
    open_jobs: int
    counts: int
    target_owners: int = 0  # Of a job for some countries.
    counted_every: timedelta = timedelta(days=1)
    all_agree: bool = False  # To exact answers.

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        return cls(
            least_reward=settings.least_reward,
            open_jobs=settings.jobs_at_once,
            counts=settings.counts_of_a_job,
            target_owners=settings.target_owners,
            counted_every=timedelta(hours=settings.crowds_hours),
            all_agree=settings.exact_answers == "anybody",
        )


def bounds_of(settings: Settings) -> Bounds:
    """Return what an operator lets jobs learn of an owner."""
    most = min(settings.epsilon_max, settings.owner_epsilon, settings.owner_epsilon_max)
    return Bounds(
        epsilon=min(settings.epsilon, most),
        epsilon_max=most,
        max_items=min(settings.items_of_an_owner, settings.items_of_an_owner_max),
        max_items_max=settings.items_of_an_owner_max,
        allows_exact=settings.exact_answers != "nobody",
    )


@dataclass(frozen=True, slots=True)
class Quote:
    """What an order would cost. `cost` is that of all its places together."""

    version: Version
    algorithm: Algorithm
    reward: MicroTokens
    platform_fee: MicroTokens
    cost: MicroTokens
    min_owners: int
    privacy: Privacy
    deviation: float  # Of the noise on the total of a label, when the job has ended.
    precision: float | None

    @property
    def device_fee(self) -> MicroTokens:
        return self.algorithm.device_fee

    @property
    def answers(self) -> Answers:
        return self.privacy.answers

    @property
    def epsilon(self) -> float | None:
        return self.privacy.epsilon

    @property
    def max_items(self) -> int | None:
        return self.privacy.max_items

    @property
    def max_norm(self) -> int | None:
        return self.privacy.max_norm

    @property
    def within(self) -> int:
        """How far the total of a label is from the truth, at most, in 95 of 100 jobs."""
        return math.ceil(WIDTH * self.deviation)


async def quote(
    ctx: Context,
    order: Order,
    *,
    platform_fee_bps: int,
    min_owners: int,
    bounds: Bounds = USUAL,
) -> Quote:
    """Tell what an order would cost now, or refuse it as `create` would. Nothing is kept."""
    starts_at = order.starts_at or ctx.now
    rules.require_dates(ctx.now, starts_at, order.deadline, (order.date_from, order.date_to))
    rules.require_enough_devices(
        order.max_devices, min_owners=min_owners, per_owner=order.max_devices_per_owner
    )
    require_noise(order.precision, order.answers)
    version, algorithm = await algorithm_queries.get_approved_version(ctx.tx, order.version_id)
    privacy = order.privacy(bounds, labels=len(algorithm.labels))
    fee = rules.platform_fee(order.reward, algorithm.device_fee, platform_fee_bps)
    cost = rules.total_cost(order.reward + algorithm.device_fee + fee, order.max_devices)
    months = counting.possible_months(order.date_from, order.date_to, order.deadline)
    deviation = privacy.deviation(len(months))
    return Quote(
        version=version,
        algorithm=algorithm,
        reward=order.reward,
        platform_fee=fee,
        cost=cost,
        min_owners=min_owners,
        privacy=privacy,
        deviation=deviation,
        precision=order.precision,
    )


async def create(
    ctx: Context,
    order: Order,
    *,
    platform_fee_bps: int,
    min_owners: int,
    bounds: Bounds = USUAL,
    limits: Limits | None = None,
) -> Job:
    """Open a job: fix its fees, and put its whole cost into escrow, or refuse.

    Without `limits` it is the operator's own, as in a simulation.
    """
    priced = await quote(
        ctx,
        order,
        platform_fee_bps=platform_fee_bps,
        min_owners=min_owners,
        bounds=bounds,
    )
    if limits is not None:
        await _require_within(ctx, order, limits, priced)
    rules.require_price(priced.cost, order.max_total)

    job = _made(ctx, order, priced)
    manifest = manifests.write(job)
    job.manifest_sha256 = manifest.sha256
    ctx.tx.add(job)
    ctx.tx.add(JobTotals(job_id=job.id))
    for bucket, places in enumerate(rules.places_by_bucket(job.max_devices)):
        ctx.tx.add(JobPlaces(job_id=job.id, bucket=bucket, open=places))
    await ctx.tx.flush()
    ctx.tx.add(JobManifest(job_id=job.id, body=manifest.body))

    await debit_limits.require_within(ctx, job.customer_id, job.cost)
    await payments.open_reserve(ctx, job.escrow, job.customer_id)
    await payments.transfer(
        ctx,
        code=TransferCode.JOB_ESCROW,
        reference=job.reference,
        source=wallet(job.customer_id),
        target=job.escrow,
        amount=job.cost,
    )
    created = JobCreated(job.id, job.cost)
    await events.record(ctx, created, seen_by(job), Move(None, JobState.OPEN))
    await processes.at(ctx, job.deadline, f"{job.reference}:deadline", end_at_deadline, job.id)
    return job


def _made(ctx: Context, order: Order, priced: Quote) -> Job:
    version, algorithm = priced.version, priced.algorithm
    return Job(
        id=JobId(new_id()),
        customer_id=ctx.actor.id,
        algorithm_id=algorithm.id,
        version_id=version.id,
        developer_id=algorithm.developer_id,
        title=order.title,
        state=JobState.OPEN,
        max_devices=order.max_devices,
        max_devices_per_owner=order.max_devices_per_owner,
        min_owners=priced.min_owners,
        reward=order.reward,
        device_fee=algorithm.device_fee,
        platform_fee=priced.platform_fee,
        data_kind=algorithm.data_kind,
        countries=order.countries,
        date_from=order.date_from,
        date_to=order.date_to,
        min_confidence=order.min_confidence,
        labels=algorithm.labels,
        input_spec=version.input_spec,
        model_sha256=version.sha256,
        model_size=version.size,
        starts_at=order.starts_at or ctx.now,
        deadline=order.deadline,
        created_at=ctx.now,
        answers=priced.answers,
        needs_agreement=priced.answers is Answers.EXACT,
        epsilon=priced.epsilon,
        rho=priced.privacy.rho,
        max_items=priced.max_items,
        max_norm=priced.max_norm,
        precision=priced.precision,
    )


async def _require_within(ctx: Context, order: Order, limits: Limits, priced: Quote) -> None:
    rules.require_reward(order.reward, limits.least_reward)
    period = (order.date_from, order.date_to)
    labels = len(priced.algorithm.labels)
    rules.require_few_counts(labels, period, order.deadline, limits.counts)
    if order.countries and limits.target_owners:
        is_exact = priced.answers is Answers.EXACT and not limits.all_agree
        kind = priced.algorithm.data_kind
        crowd = await crowds.get_crowd(ctx.tx, kind, order.countries, is_exact=is_exact)
        require_target(
            crowd, order.countries, least=limits.target_owners, every=limits.counted_every
        )
    rules.require_turn(await queries.take_turn(ctx.tx, ctx.actor.id))
    open_jobs = await queries.count_not_ended(ctx.tx, ctx.actor.id, most=limits.open_jobs)
    rules.require_few_open(open_jobs, limits.open_jobs)


async def pause(ctx: Context, job_id: JobId) -> Job:
    """Stop handing out places. Leases that live are honoured, and the deadline stays."""
    job = await queries.get_mine(ctx.tx, ctx.actor, job_id, lock=True)
    await events.record(ctx, JobPaused(job.id), seen_by(job), rules.move(job, JobState.PAUSED))
    await settling.close_places(ctx, job, closed=True)
    return job


async def resume(ctx: Context, job_id: JobId) -> Job:
    """Hand out places again."""
    job = await queries.get_mine(ctx.tx, ctx.actor, job_id, lock=True)
    await events.record(ctx, JobResumed(job.id), seen_by(job), rules.move(job, JobState.OPEN))
    await settling.close_places(ctx, job, closed=False)
    return job


async def close(ctx: Context, job_id: JobId, *, reason: str | None = None) -> Job:
    """End a job early: by its customer's wish, or a moderator's, who says why.

    Leases that live are honoured.
    """
    job = await queries.get_closable(ctx.tx, ctx.actor, job_id, reason=reason)
    if ctx.actor.user_id != job.customer_id:
        job.close_reason = reason
    if reason is not None:
        await events.record(ctx, JobClosed(job.id), seen_by(job), reason=reason)
    await settling.begin(ctx, job, JobState.CANCELLED)
    await processes.start(ctx, f"{job.reference}:settle:0", settle, job.id, 0)
    return job


async def get_leased_job(device: DeviceContext, assignment_id: AssignmentId) -> Job:
    """Return the job of an assignment that this device holds just now, or refuse."""
    tx, device_id = device.ctx.tx, device.device.id
    if await queries.is_recalled(tx, assignment_id, device_id):
        raise rules.VersionRecalled
    job = await queries.find_job_held(tx, assignment_id, device_id)
    if job is not None:
        return job
    state = await queries.find_state(tx, assignment_id, device_id)
    if state is None:
        raise rules.AssignmentNotFound
    raise rules.LeaseOver(state=state)
