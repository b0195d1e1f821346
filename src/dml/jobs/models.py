"""The rows. Columns and constraints only; what may happen to them is in rules.py.

The device path's tables (`job_places`, `assignments`, `results`, `result_inbox`) have no foreign
keys and no index on a column that changes: each would cost every claim and result.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    UniqueConstraint,
    Uuid,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.counts import Count
from dml.core.db import Base
from dml.core.ids import (
    AlgorithmId,
    AssignmentId,
    DeviceId,
    FoldId,
    JobId,
    UserId,
    VersionId,
)
from dml.core.money import MicroTokens

UNDATED: Final = 0  # The month of items without a date, in `job_counts`.
ELSEWHERE: Final = -1  # And of items whose month too few owners had: told when the job has ended.
OTHER: Final = -1  # The label of items, all ELSEWHERE, whose label too few had, or were uncertain.


def _owners() -> Any:
    return mapped_column(ARRAY(BigInteger), default_factory=list, server_default="{}")


class JobState(StrEnum):
    """How far a job is.

    `open`: devices get work. `paused`: they get none for now. `settling`: it has ended, and results
    under way still come in. Then it is settled: `completed` (all places were taken, or it is as
    precise as was asked for), `cancelled` (it was closed before) or `expired` (at its deadline).
    """

    OPEN = "open"
    PAUSED = "paused"
    SETTLING = "settling"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class AssignmentState(StrEnum):
    """What became of an assignment.

    `leased`: the device works on it. `accepted`: its result came. `released`: the device gave it
    back. `expired`: its lease ran out.
    """

    LEASED = "leased"
    ACCEPTED = "accepted"
    RELEASED = "released"
    EXPIRED = "expired"


class Answers(StrEnum):
    """What an answer may tell of one owner.

    `noisy`: as much as its `epsilon` allows; each number carries noise, and says how sure it is.
    `exact`: sums of what enough owners counted, without noise, of those who agreed to that.
    """

    NOISY = "noisy"
    EXACT = "exact"


class ReleasePart(StrEnum):
    """What a release tells: the labels of a step; or those, the months or some cells of all."""

    STEP = "step"
    LABELS = "labels"
    MONTHS = "months"
    CELLS = "cells"


class Job(Base):
    """What a customer ordered. All but state and its dates is fixed when it is created, but that
    its customer may raise reward, places and deadline, which makes a new `revision`.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint("max_devices > 0", "max_devices_positive"),
        CheckConstraint("reward > 0 AND device_fee >= 0 AND platform_fee >= 0", "prices"),
        CheckConstraint("starts_at < deadline", "starts_before_deadline"),
        CheckConstraint("date_from < date_to", "period_in_order"),
        CheckConstraint(
            "answers = 'exact' AND epsilon IS NULL AND rho = 0"
            " OR answers = 'noisy' AND epsilon > 0 AND rho > 0 AND max_items > 0",
            "noise_of_noisy_answers",
        ),
        CheckConstraint(
            "precision IS NULL OR precision > 0 AND precision < 1 AND answers = 'noisy'",
            "precision_of_noisy_answers",
        ),
        Index(None, "customer_id", "id"),
        Index("jobs_open_idx", "id", postgresql_where="state = 'open'"),
        Index("jobs_of_customer_not_ended_idx", "customer_id", postgresql_where="ended_at IS NULL"),
        Index("jobs_of_version_not_ended_idx", "version_id", postgresql_where="ended_at IS NULL"),
        Index(
            "jobs_ended_of_algorithm_idx",
            "algorithm_id",
            "customer_id",
            "id",
            postgresql_where="ended_at IS NOT NULL",
        ),
        Index(
            "jobs_to_archive_idx",
            "ended_at",
            postgresql_where="ended_at IS NOT NULL AND archived_at IS NULL",
        ),
    )

    id: Mapped[JobId] = mapped_column(primary_key=True)
    customer_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    algorithm_id: Mapped[AlgorithmId] = mapped_column(ForeignKey("algorithms.id"))
    version_id: Mapped[VersionId] = mapped_column(ForeignKey("algorithm_versions.id"))
    developer_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    title: Mapped[str]
    state: Mapped[JobState]

    max_devices: Mapped[int]
    max_devices_per_owner: Mapped[int]
    min_owners: Mapped[int] = mapped_column("min_devices")  # Steps were of devices once.
    reward: Mapped[MicroTokens]
    device_fee: Mapped[MicroTokens]
    platform_fee: Mapped[MicroTokens]

    data_kind: Mapped[str]
    countries: Mapped[list[str]]
    date_from: Mapped[date | None]
    date_to: Mapped[date | None]
    min_confidence: Mapped[float]
    labels: Mapped[list[str]]
    input_spec: Mapped[dict[str, Any]]
    model_sha256: Mapped[str]
    model_size: Mapped[int]

    starts_at: Mapped[datetime]
    deadline: Mapped[datetime]
    created_at: Mapped[datetime]
    end_reason: Mapped[JobState | None] = mapped_column(default=None)
    close_reason: Mapped[str | None] = mapped_column(default=None)  # Of who closed it for another.
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    archived_at: Mapped[datetime | None] = mapped_column(default=None)  # The whole of it.
    # Of a noisy one that had not ended: it tells no more than it had (docs/decisions/0078).
    restored_at: Mapped[datetime | None] = mapped_column(default=None)
    answers: Mapped[Answers] = mapped_column(default=Answers.EXACT, server_default="exact")
    # Whether its exact answer is for owners who agreed to such. Of jobs that were ordered before
    # there were others, nobody was asked that; they end as they began (docs/decisions/0074).
    needs_agreement: Mapped[bool] = mapped_column(default=False, server_default=false())
    epsilon: Mapped[float | None] = mapped_column(default=None)
    # What it costs each of its owners, in billionths of rho (docs/decisions/0074).
    rho: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    # Of all of an owner's devices: how many items, and the norm of what they are counted as. Noisy
    # jobs from before there was a norm have none but their items (docs/decisions/0076).
    max_items: Mapped[int | None] = mapped_column(default=None)
    max_norm: Mapped[int | None] = mapped_column(default=None)
    precision: Mapped[float | None] = mapped_column(default=None)  # At which it ends early.
    revision: Mapped[int] = mapped_column(default=1, server_default="1")
    # Of what all may know that it learns; None: it was ordered before there were manifests.
    manifest_sha256: Mapped[str | None] = mapped_column(default=None)

    @property
    def is_noisy(self) -> bool:
        return self.answers is Answers.NOISY

    @property
    def reference(self) -> str:
        """What ledger and audit log call this job."""
        return f"job:{self.id}"

    @property
    def escrow(self) -> str:
        """The ledger account that holds what the job may still cost."""
        return f"escrow:job:{self.id}"

    @property
    def cost_of_one(self) -> MicroTokens:
        """What one accepted result costs the customer."""
        return MicroTokens(self.reward + self.device_fee + self.platform_fee)

    @property
    def cost(self) -> MicroTokens:
        """What the job costs if every place is taken."""
        return MicroTokens(self.max_devices * self.cost_of_one)


class JobTotals(Base):
    """How far a job is: what was folded, and how much of that its customer may see.

    `shown_items` are those of the devices shown, whether told or not. Owners are kept as `short`
    numbers, at most `min_owners` of them: nothing needs to know of more.
    """

    __tablename__ = "job_totals"
    __table_args__ = (
        CheckConstraint("shown_devices <= folded", "shown_was_folded"),
        {"postgresql_with": {"fillfactor": "50"}},
    )

    job_id: Mapped[JobId] = mapped_column(primary_key=True)
    folded: Mapped[int] = mapped_column(default=0)
    items: Mapped[Count] = mapped_column(default=Count(0))
    uncertain: Mapped[Count] = mapped_column(default=Count(0))
    shown_devices: Mapped[int] = mapped_column(default=0)
    shown_items: Mapped[Count] = mapped_column(default=Count(0))
    shown_uncertain: Mapped[Count] = mapped_column(default=Count(0))
    version: Mapped[int] = mapped_column(default=0)
    # Who counted anything since the last step; and who was uncertain of what is not yet shown.
    owners: Mapped[list[int]] = _owners()
    uncertain_owners: Mapped[list[int]] = _owners()
    # How many results are as large as they may be (`counting.is_clipped`), of a noisy answer.
    clipped: Mapped[int] = mapped_column(default=0, server_default="0")
    # Folded devices whose developer is paid with the next step: the fee waits in escrow.
    held_devices: Mapped[int] = mapped_column(default=0, server_default="0")


class JobCount(Base):
    """How many items of a month have a label, and how many of them were shown.

    `owners` fed what is not shown yet. Rows of the month ELSEWHERE count nothing: they show what
    the others keep.
    """

    __tablename__ = "job_counts"
    __table_args__ = ({"postgresql_with": {"fillfactor": "50"}},)

    job_id: Mapped[JobId] = mapped_column(primary_key=True)
    month: Mapped[int] = mapped_column(SmallInteger, primary_key=True)  # 12 × year + month − 1
    label: Mapped[int] = mapped_column(SmallInteger, primary_key=True)  # Its place in the labels.
    counted: Mapped[Count]
    shown: Mapped[Count] = mapped_column(default=Count(0))
    owners: Mapped[list[int]] = _owners()


class JobRelease(Base):
    """Counts of a noisy answer, as they were told: with noise, which is drawn once and kept.

    Those of labels end with the uncertain items; those of cells are label by label, month by month.
    """

    __tablename__ = "job_releases"
    __table_args__ = (CheckConstraint("scale > 0", "has_noise"),)

    job_id: Mapped[JobId] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    part: Mapped[ReleasePart] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)  # Of a step; else 0.
    devices: Mapped[int]  # How many results were in by then.
    months: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    counts: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    scale: Mapped[float]  # The deviation of the noise on each count.
    # Of a step: what labels had in all by then, without noise: the next one begins there.
    reached: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    created_at: Mapped[datetime]
    # Beside the labels of all: how many results are as large as they may be, with noise of its own.
    clipped: Mapped[int | None] = mapped_column(default=None)
    clipped_scale: Mapped[float | None] = mapped_column(default=None)


class JobFold(Base):
    """With which step of a job's answer a fold's results are told, at the latest.

    `step` is the version of the totals by then. For an owner's receipt: docs/decisions/0077.
    """

    __tablename__ = "job_folds"
    __table_args__ = (CheckConstraint("step > 0", "counts_from_one"),)

    job_id: Mapped[JobId] = mapped_column(primary_key=True)
    fold_id: Mapped[FoldId] = mapped_column(primary_key=True)
    step: Mapped[int]


class JobPlaces(Base):
    """Places that nobody holds, in a few buckets, so that claims rarely meet."""

    __tablename__ = "job_places"
    __table_args__ = (
        CheckConstraint("open >= 0", "never_oversold"),
        {
            "postgresql_with": {
                "fillfactor": "30",
                "autovacuum_vacuum_scale_factor": "0",
                "autovacuum_vacuum_threshold": "2000",
            }
        },
    )

    job_id: Mapped[JobId] = mapped_column(primary_key=True)
    bucket: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    open: Mapped[int]
    closed: Mapped[bool] = mapped_column(default=False)  # Paused or ended: nothing is claimed.


class Assignment(Base):
    """A place that a device holds or held. One row for each job and device, leased anew at need."""

    __tablename__ = "assignments"
    __table_args__ = (
        UniqueConstraint("device_id", "job_id"),  # In this order it finds what a device holds, too.
        UniqueConstraint("job_id", "owner_id", "slot"),
        Index(None, "lease_expires_at", postgresql_using="brin"),
        {"postgresql_with": {"fillfactor": "70"}},
    )

    id: Mapped[AssignmentId] = mapped_column(primary_key=True)
    job_id: Mapped[JobId]
    device_id: Mapped[DeviceId]
    owner_id: Mapped[UserId]
    bucket: Mapped[int] = mapped_column(SmallInteger)
    slot: Mapped[int | None] = mapped_column(SmallInteger)  # Which of its owner's places.
    state: Mapped[AssignmentState]
    tries: Mapped[int] = mapped_column(SmallInteger)
    lease_expires_at: Mapped[datetime]
    created_at: Mapped[datetime]
    fold_id: Mapped[FoldId | None] = mapped_column(default=None)  # Counted and paid by this fold.
    try_ends_at: Mapped[datetime | None] = mapped_column(default=None)  # No heartbeat goes beyond.
    # What it took of its owner's budget, in billionths of rho, and on which day.
    charged: Mapped[int | None] = mapped_column(BigInteger, default=None)
    charged_day: Mapped[int | None] = mapped_column(BigInteger, default=None)


class Result(Base):
    """What left a device: the canonical body, as bytes, which cost a quarter of jsonb's time."""

    __tablename__ = "results"

    assignment_id: Mapped[AssignmentId] = mapped_column(primary_key=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime]


# Results that wait to be folded. Rows only come and go, so it has no key and no index.
result_inbox = Table(
    "result_inbox",
    Base.metadata,
    Column("assignment_id", Uuid, nullable=False),
    Column("job_id", Uuid, nullable=False),
    postgresql_with={
        "autovacuum_vacuum_scale_factor": "0",
        "autovacuum_vacuum_threshold": "5000",
    },
)
