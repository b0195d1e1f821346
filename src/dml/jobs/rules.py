"""What may happen to a job, an assignment and a result. Pure: no session, no clock, no await.

Who may see what of a job: docs/decisions/0017.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from dml.core.context import Actor
from dml.core.errors import Conflict, Invalid, NotFound, TooMany, Unavailable
from dml.core.money import MAX, AmountText, MicroTokens, render
from dml.core.states import Move, Moves
from dml.jobs import counting
from dml.jobs.models import AssignmentState, Job, JobState, JobTotals
from dml.jobs.noise.rules import GROWTH

BPS: Final = 10_000
DEADLINE_MAX: Final = timedelta(days=366)
TRIES_MAX: Final = 3
BUCKETS_MAX: Final = 32
ORDER_SECONDS: Final = 1  # When to send an order again that met another.
DEVICES_A_BUCKET: Final = 32

MOVES: Final = Moves(
    {
        JobState.OPEN: {JobState.PAUSED, JobState.SETTLING},
        JobState.PAUSED: {JobState.OPEN, JobState.SETTLING},
        JobState.SETTLING: {JobState.COMPLETED, JobState.CANCELLED, JobState.EXPIRED},
        JobState.COMPLETED: (),
        JobState.CANCELLED: (),
        JobState.EXPIRED: (),
    },
    lambda state, _, allowed: WrongState(state=state, allowed=allowed),
)
ENDED: Final = MOVES.ended
# A device may take what it gave back, or lost, once more; what was accepted stays so.
ASSIGNMENT_MOVES: Final = Moves(
    {
        AssignmentState.LEASED: {
            AssignmentState.ACCEPTED,
            AssignmentState.RELEASED,
            AssignmentState.EXPIRED,
        },
        AssignmentState.RELEASED: {AssignmentState.LEASED},
        AssignmentState.EXPIRED: {AssignmentState.LEASED},
        AssignmentState.ACCEPTED: (),
    },
    lambda state, _, allowed: WrongState(state=state, allowed=allowed),
)


class JobNotFound(NotFound):
    code = "jobs.not_found"
    reason = "There is no such job."
    remedy = "Look it up in the list of your jobs."


class WrongState(Conflict):
    code = "jobs.wrong_state"
    reason = "The job is not in a state that allows this."
    remedy = "Look at `state`; from there a job can only move to one of `allowed`."
    state: JobState
    allowed: Sequence[JobState]


class DeadlineNotAhead(Invalid):
    code = "jobs.deadline_not_ahead"
    pointer = "/deadline"
    reason = "The deadline must lie ahead, and at most 366 days from now."
    remedy = "Choose another `deadline`."
    now: datetime


class StartsTooLate(Invalid):
    code = "jobs.starts_too_late"
    pointer = "/starts_at"
    reason = "A job starts before its deadline."
    remedy = "Choose an earlier `starts_at`, or a later `deadline`."


class PeriodOutOfOrder(Invalid):
    code = "jobs.period_out_of_order"
    pointer = "/date_to"
    reason = "The period of the data ends before it begins."
    remedy = "Choose a `date_to` after `date_from`: it is the first day that is left out."


class CostTooLarge(Invalid):
    code = "jobs.cost_too_large"
    pointer = "/reward"
    reason = "The cost is more than can exist."
    remedy = "Lower `reward` or `max_devices`."


class TooFewDevices(Invalid):
    code = "jobs.too_few_devices"
    pointer = "/max_devices"
    reason = "So few devices can never give an answer: it holds at least `min_owners` owners."
    remedy = "Raise `max_devices` to `least` or more, or lower `max_devices_per_owner`."
    least: int
    min_owners: int


class PriceChanged(Conflict):
    code = "jobs.price_changed"
    reason = "The job would cost more than `max_total`: prices rose since you looked."
    remedy = "Look at `total`, and raise `max_total` if you agree."
    total: AmountText


class ReasonMissing(Invalid):
    code = "jobs.reason_missing"
    pointer = "/reason"
    reason = "Who closes a job of somebody else says why."
    remedy = "Send a `reason`: its customer reads it."


class RewardTooLow(Invalid):
    code = "jobs.reward_too_low"
    pointer = "/reward"
    reason = "The reward is less than what owners of devices get here at least."
    remedy = "Offer at least `least`."
    least: AmountText


class OrderUnderWay(TooMany):
    code = "jobs.order_under_way"
    reason = "Another order of yours is being taken at this moment; they are taken one by one."
    remedy = "Send the very same order again after `retry_after_seconds`."


class TooManyOpenJobs(Conflict):
    code = "jobs.too_many_open"
    reason = "You have as many jobs at once as one customer may have."
    remedy = "Close one, or wait until one has ended."
    most: int


class TooManyCounts(Invalid):
    code = "jobs.too_many_counts"
    pointer = "/date_to"
    reason = "With so many labels over so many months the answer has more counts than one may have."
    remedy = "Narrow `date_from` and `date_to` to at most `months` months together."
    months: int
    most: int


def require_reward(reward: MicroTokens, least: MicroTokens) -> None:
    if reward < least:
        raise RewardTooLow(least=render(least))


def require_turn(taken: bool) -> None:
    if not taken:
        raise OrderUnderWay(retry_after_seconds=ORDER_SECONDS)


def require_few_open(open_jobs: int, most: int) -> None:
    if open_jobs >= most:
        raise TooManyOpenJobs(most=most)


def require_few_counts(
    labels: int, period: tuple[date | None, date | None], deadline: datetime, most: int
) -> None:
    """Refuse a job whose answer could be too large to be shown: none of its devices is at fault."""
    if counting.count_cells(labels, *counting.period_of(*period, deadline)) > most:
        raise TooManyCounts(months=max(1, most // labels - 1), most=most)


def move(job: Job, to: JobState) -> Move:
    return MOVES.move(job, to)


def require_mine(job: Job | None, actor: Actor) -> Job:
    """Let the customer at their job, and admins; for everybody else it does not exist."""
    if job is None or not (actor.is_admin or actor.user_id == job.customer_id):
        raise JobNotFound
    return job


def require_may_close(job: Job | None, actor: Actor, reason: str | None) -> Job:
    """Let moderators at a job too, with a reason; for everybody else it does not exist."""
    if job is None or not (actor.is_moderator or actor.user_id == job.customer_id):
        raise JobNotFound
    if actor.user_id != job.customer_id and reason is None:
        raise ReasonMissing
    return job


def require_dates(
    now: datetime, starts_at: datetime, deadline: datetime, period: tuple[date | None, date | None]
) -> None:
    if not now < deadline <= now + DEADLINE_MAX:
        raise DeadlineNotAhead(now=now)
    if starts_at >= deadline:
        raise StartsTooLate
    first, end = period
    if first is not None and end is not None and first >= end:
        raise PeriodOutOfOrder


def platform_fee(reward: MicroTokens, device_fee: MicroTokens, bps: int) -> MicroTokens:
    """The platform's share of one result, rounded down."""
    return MicroTokens((reward + device_fee) * bps // BPS)


def total_cost(cost_of_one: int, max_devices: int) -> MicroTokens:
    """What a job costs in whole, if that can exist."""
    if cost_of_one * max_devices > MAX:
        raise CostTooLarge
    return MicroTokens(cost_of_one * max_devices)


def require_price(cost: MicroTokens, max_total: MicroTokens | None) -> None:
    if max_total is not None and cost > max_total:
        raise PriceChanged(total=render(cost))


def places_by_bucket(max_devices: int) -> list[int]:
    """Spread the places evenly over at most 32 buckets, of 32 places or more if there are many."""
    count = min(BUCKETS_MAX, max(1, max_devices // DEVICES_A_BUCKET))
    return [max_devices // count + (bucket < max_devices % count) for bucket in range(count)]


def least_devices(min_owners: int, max_devices_per_owner: int) -> int:
    """How many devices are surely of `min_owners` owners, however many each of them has."""
    return (min_owners - 1) * max_devices_per_owner + 1


def require_enough_devices(max_devices: int, *, min_owners: int, per_owner: int) -> None:
    """Refuse a job that could be full, and paid for, without an answer."""
    least = least_devices(min_owners, per_owner)
    if max_devices < least:
        raise TooFewDevices(least=least, min_owners=min_owners)


def step_reaches(*, after: int, max_devices: int, least: int) -> int:
    """Tell how many of the `after` devices counted by now a step may hold at most.

    What it leaves is nothing, or `least` places: else the last owners could never be shown.
    """
    return after if after == max_devices else min(after, max_devices - least)


def shown_devices(job: Job, totals: JobTotals) -> int:
    """How many devices a customer knows of: those of the steps; of all, once the refund tells."""
    return totals.folded if job.state in ENDED else totals.shown_devices


def next_step(job: Job, totals: JobTotals) -> tuple[int | None, str] | None:
    """Tell how many devices the next step needs at most, and why it is not there yet.

    It is said of what was shown alone, so that it tells nothing of what came since. None: all is
    shown. Without a number: no further step comes.
    """
    shown, owners = totals.shown_devices, job.min_owners
    if job.restored_at is not None:
        return (None, RESTORED) if shown < job.max_devices else None
    if job.state in ENDED:
        kept = totals.folded - shown
        said = _KEPT_BACK_WITH_NOISE if job.is_noisy else _KEPT_BACK
        return (None, said.format(kept=kept, owners=owners)) if kept else None
    if shown == job.max_devices:
        return None
    least = least_devices(owners, job.max_devices_per_owner)
    if job.is_noisy:
        latest = max(shown + least, GROWTH * shown)
        return min(latest, job.max_devices), _NOISY_STEP.format(owners=owners)
    if job.state is JobState.SETTLING:
        return None, _LAST_STEP.format(owners=owners)
    if job.max_devices - least - shown < owners:
        return job.max_devices, _ALL_AT_ONCE.format(
            owners=owners, left=job.max_devices - shown, least=least
        )
    latest = shown + least if shown + least <= job.max_devices - least else job.max_devices
    return latest, _ENOUGH_OWNERS.format(owners=owners)


_ENOUGH_OWNERS: Final = (
    "A step holds at least {owners} further owners who each counted something, so that it shows "
    "nobody alone. It comes later where some counted nothing."
)
_ALL_AT_ONCE: Final = (
    "{left} devices are still to be shown, and they are shown together: a step leaves {least} "
    "devices or none, so that the last ones are {owners} owners, too. It comes earlier if the job "
    "ends earlier."
)
_LAST_STEP: Final = (
    "The job settles: what is under way comes in, and then the last step is shown, if it holds at "
    "least {owners} further owners who each counted something."
)
_NOISY_STEP: Final = (
    "A step comes when as many results are in as were shown before, of at least {owners} owners: "
    "few steps need little noise. The whole answer, with the least noise, comes when the job ends."
)
_KEPT_BACK_WITH_NOISE: Final = (
    "{kept} results are paid and not shown: they are of fewer than {owners} owners."
)
RESTORED: Final = (
    "This marketplace was restored from a backup that was made before the job had ended. What was "
    "not shown by then may have been shown since, with noise that nobody knows any more: to show "
    "it again would take some of the noise away. So the job ends with the answer that it had."
)
_KEPT_BACK: Final = (
    "{kept} counted devices are paid and not shown: fewer than {owners} owners among them counted "
    "something, and a step would show them nearly alone."
)


def settle_delay(attempt: int) -> timedelta:
    """How long a job that settles waits before it looks again: half a second, growing to five."""
    return timedelta(seconds=min(5.0, 0.5 * 1.5**attempt))


class AssignmentNotFound(NotFound):
    code = "jobs.assignment_not_found"
    reason = "This device has no such assignment."
    remedy = "Claim one, and use its `id`."


class LeaseOver(Conflict):
    code = "jobs.lease_over"
    reason = "The lease of this assignment is over."
    remedy = "Claim again: the work may still be there, for this device or another one."
    state: AssignmentState | None


class ArchiveUnreadable(Unavailable):
    code = "jobs.archive_unreadable"
    reason = "What left the device is archived, and the archive cannot be read just now."
    remedy = (
        "Ask again later. If this stays so, tell the operator: `dml admin job-results --verify`."
    )
    problem: str


class VersionRecalled(Conflict):
    code = "jobs.version_recalled"
    reason = "The model of this assignment was recalled: nobody may run it any more."
    remedy = "Delete the model, and claim again: there may be other work."


class AnotherResultAccepted(Conflict):
    code = "jobs.another_result_accepted"
    reason = "Another result was accepted for this assignment."
    remedy = "Nothing is left to do: the first one counts and is paid."


def upcoming(job: Job) -> list[tuple[str, datetime | None]]:
    """Tell what is next for a job, and when it comes by itself."""
    if job.state in (JobState.OPEN, JobState.PAUSED):
        return [("expire", job.deadline)]
    if job.state is JobState.SETTLING:
        return [("end", job.deadline)]
    return []
