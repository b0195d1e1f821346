"""What happens to jobs."""

from dataclasses import dataclass
from datetime import datetime

from dml.accounts.events import UserEvent
from dml.core.events import Event, user
from dml.core.ids import AlgorithmId, JobId
from dml.core.money import AmountOut
from dml.jobs.models import Job


def seen_by(job: Job) -> list[str]:
    """Say who follows a job."""
    return [user(job.customer_id)]


@dataclass(frozen=True)
class JobEvent(Event, kind="job"):
    """Seen by the job's customer."""

    job_id: JobId


@dataclass(frozen=True)
class JobCreated(JobEvent):
    """A job was opened, and its whole cost is in escrow."""

    cost: AmountOut


class JobPaused(JobEvent):
    """Devices get no new work for it. Work that has begun still counts."""


class JobResumed(JobEvent):
    """Devices get work for it again."""


@dataclass(frozen=True)
class JobRaised(JobEvent):
    """Its customer offers more than before: this is what it offers now."""

    reward: AmountOut
    max_devices: int
    deadline: datetime
    paid: AmountOut  # What went into escrow for it.


class JobPreciseEnough(JobEvent):
    """Its answer is as precise as was asked for, so it ends early."""


class JobClosed(JobEvent):
    """Its customer or a moderator ended it early, and said why."""


class JobVersionRecalled(JobEvent):
    """The version that it runs was recalled, so it ends early."""


class JobSettling(JobEvent):
    """It takes no more devices. It ends when the results of work that has begun are in."""


@dataclass(frozen=True)
class JobProgressed(JobEvent):
    """Its answer has grown by a step. A worker says so twice a second at most."""

    devices: int  # How many devices have answered, as the customer sees.


@dataclass(frozen=True)
class JobPublished(JobEvent):
    """Its customer made its answer public."""

    algorithm_id: AlgorithmId


@dataclass(frozen=True)
class JobUnpublished(JobEvent):
    """Its customer took its answer back from public view, or a moderator did and said why."""

    algorithm_id: AlgorithmId


@dataclass(frozen=True)
class JobEnded(JobEvent, kind="job"):
    """It has ended, and what was left in escrow went back to the customer."""

    refunded: AmountOut


class JobCompleted(JobEnded):
    """All devices have answered, or its answer is precise enough, so it has ended."""


class JobCancelled(JobEnded):
    """It was closed early, and has ended: what was left in escrow went back."""


class JobExpired(JobEnded):
    """Its deadline passed, so it has ended: what was left in escrow went back."""


@dataclass(frozen=True)
class UserPrivacyBudgetSet(UserEvent):
    """The user said anew how much all jobs together may learn of them."""

    epsilon: float | None
    paused: bool
