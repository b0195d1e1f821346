"""What may be raised of a job, and what that costs. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dml.core.context import Actor
from dml.core.errors import Conflict, Invalid, Stale
from dml.core.money import MicroTokens, render
from dml.jobs import rules
from dml.jobs.models import Job, JobState
from dml.jobs.rules import DeadlineNotAhead, JobNotFound

# Whose earlier results are paid the difference in the same transaction.
OWNERS_MAX: Final = 4_900
SHOWN_MAX: Final = 2_000


class NotRaised(Invalid):
    code = "jobs.not_raised"
    reason = "A job is only raised: nothing of it goes down, and something has to go up."
    remedy = (
        "Send a higher `reward`, more `max_devices`, or a later `deadline`; leave out the rest."
    )


class NotRunning(Conflict):
    code = "jobs.not_running"
    reason = "The job has ended or is about to, so that it can't be raised any more."
    remedy = "Order another one."
    state: JobState


class TooManyToPay(Conflict):
    code = "jobs.too_many_to_pay"
    reason = (
        "A higher reward is paid for the results that are there, too, and these are of more owners "
        "than can be paid at once."
    )
    remedy = "Raise `max_devices` or `deadline` alone; or close this job, and order another one."


class JobEditedMeanwhile(Stale):
    code = "jobs.edited_meanwhile"
    reason = "The job was raised since you read it."


@dataclass(frozen=True, slots=True)
class Raise:
    """What is offered from now on; None: as before."""

    reward: MicroTokens | None = None
    max_devices: int | None = None
    deadline: datetime | None = None
    max_total: MicroTokens | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What of a job can be raised, and follows from that."""

    reward: MicroTokens
    platform_fee: MicroTokens
    max_devices: int
    deadline: datetime

    @classmethod
    def of(cls, job: Job) -> "Terms":
        return cls(job.reward, job.platform_fee, job.max_devices, job.deadline)

    def cost(self, device_fee: int) -> MicroTokens:
        """What the job costs with all its places."""
        return rules.total_cost(self.reward + device_fee + self.platform_fee, self.max_devices)


def require_customer(job: Job, actor: Actor) -> None:
    """Refuse admins, too: it is the customer's money."""
    if actor.user_id != job.customer_id:
        raise JobNotFound


def require_unchanged(job: Job, revision: int | None) -> None:
    if revision is not None and revision != job.revision:
        raise JobEditedMeanwhile


def require_running(job: Job, *, folded: int, now: datetime) -> None:
    """Refuse a job that ends: also one that has a result for each place, or is past its deadline,
    which its process is about to find.
    """
    is_open = job.state in (JobState.OPEN, JobState.PAUSED)
    if not is_open or folded >= job.max_devices or now >= job.deadline:
        raise NotRunning(state=job.state)


def raised(job: Job, wanted: Raise, *, platform_fee_bps: int, now: datetime) -> Terms:
    """Return the new terms of a job, or refuse them.

    The platform's fee is that of now on the new reward, and never less than before.
    """
    before = Terms.of(job)
    reward = before.reward if wanted.reward is None else wanted.reward
    fee = rules.platform_fee(reward, job.device_fee, platform_fee_bps)
    after = Terms(
        reward=reward,
        platform_fee=max(fee, before.platform_fee) if reward > before.reward else job.platform_fee,
        max_devices=wanted.max_devices or before.max_devices,
        deadline=wanted.deadline or before.deadline,
    )
    goes_down = (
        after.reward < before.reward
        or after.max_devices < before.max_devices
        or after.deadline < before.deadline
    )
    if goes_down or after == before:
        raise NotRaised
    if after.deadline > before.deadline and after.deadline > now + rules.DEADLINE_MAX:
        raise DeadlineNotAhead(now=now)
    return after


def said(before: Terms, after: Terms) -> str:
    """Say what was raised, for the timeline."""
    parts = []
    if after.reward != before.reward:
        parts.append(f"reward {render(before.reward)} → {render(after.reward)}")
    if after.max_devices != before.max_devices:
        parts.append(f"devices {before.max_devices} → {after.max_devices}")
    if after.deadline != before.deadline:
        parts.append(f"until {after.deadline:%Y-%m-%d %H:%M} UTC")
    words = ", ".join(parts)
    return f"{words[0].upper()}{words[1:]}."


def require_few_shown(shown: int) -> None:
    """Refuse where many have answered, as far as the customer knows: it tells nothing else."""
    if shown > SHOWN_MAX:
        raise TooManyToPay


def require_few_owners(owners: int) -> None:
    if owners > OWNERS_MAX:
        raise TooManyToPay


def places_by_bucket(more: int, buckets: int) -> list[int]:
    """Spread further places evenly over the buckets that a job has."""
    return [more // buckets + (bucket < more % buckets) for bucket in range(buckets)]
