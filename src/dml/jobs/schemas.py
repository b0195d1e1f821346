"""Shapes on the wire. An `In` is what a client may send; an `Out` is what it gets."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from dml.core.ids import AlgorithmId, AssignmentId, DeviceId, JobId, VersionId
from dml.core.money import AmountIn, AmountOut
from dml.core.wire import Body, Country, Day, Moment, Text, Unique, Wire, example
from dml.edge.paging import Paging
from dml.jobs.counting import ITEMS_MAX, MONTHS
from dml.jobs.models import AssignmentState, JobState


class JobIn(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "version_id": "01987c1e-0000-7000-8000-000000000001",
                    "title": "Which digits do people photograph?",
                    "max_devices": 1_000,
                    "reward": "0.05",
                    "countries": ["PT", "ES"],
                    "date_from": "2026-01-01",
                    "date_to": "2027-01-01",
                    "min_confidence": 0.5,
                    "deadline": "2027-03-01T12:00:00Z",
                }
            ]
        }
    )

    version_id: VersionId = Field(description="An approved version of a listed algorithm.")
    title: Text = Field("Untitled", max_length=200)
    max_devices: int = Field(ge=1, le=1_000_000)
    max_devices_per_owner: int = Field(
        1, ge=1, le=100, description="How many places one owner's devices may take."
    )
    reward: AmountIn = Field(gt=0, description="What the owner of each device earns.")
    countries: Annotated[list[Country], Unique] = Field(
        [], max_length=250, description="Only devices in these countries. Empty: in any."
    )
    date_from: Day | None = Field(None, description="Only items from this day on.")
    date_to: Day | None = Field(None, description="Only items before this day.")
    min_confidence: float = Field(
        0.5, ge=0, le=1, allow_inf_nan=False, description="Below it, an item is `uncertain`."
    )
    starts_at: Moment | None = Field(None, description="No device gets work before. Unset: now.")
    deadline: Moment = Field(description="Then the job ends, and what is left goes back.")
    max_total: AmountIn | None = Field(
        None, description="Refuse (`409`) if it would cost more, because prices rose meanwhile."
    )


class JobOut(Wire):
    id: JobId
    title: str
    state: JobState
    algorithm_id: AlgorithmId
    version_id: VersionId
    max_devices: int
    max_devices_per_owner: int
    min_devices: int = Field(
        description="The answer, and all that is told of the job, moves in steps of at least so "
        "many owners who each counted something."
    )
    reward: AmountOut
    device_fee: AmountOut
    platform_fee: AmountOut = Field(description="For each result; fixed when the job was created.")
    cost: AmountOut = Field(description="If every place is taken; in escrow until then.")
    spent: AmountOut = Field(
        description="What the results of the steps so far cost; in the end, what all did."
    )
    devices_done: int = Field(
        description="Results of the steps so far; in the end, all that were counted and paid."
    )
    countries: list[str]
    date_from: date | None
    date_to: date | None
    min_confidence: float
    labels: list[str]
    starts_at: datetime
    deadline: datetime
    created_at: datetime
    end_reason: JobState | None = Field(description="Set when it begins to settle.")
    close_reason: str | None = Field(
        description="Why it was closed for you: by a moderator, or with a recalled version."
    )
    ended_at: datetime | None


class CloseIn(Body):
    model_config = example(reason="Its model was found to be unsafe.")

    reason: Text | None = Field(
        None, max_length=2_000, description="Who closes another's job must say why."
    )


class JobsPaging(Paging):
    state: JobState | None = None


class MonthOut(Wire):
    month: str = Field(examples=["2026-03"])
    labels: dict[str, int]


class NextStepOut(Wire):
    devices: int | None = Field(
        description="So many counted devices, since the beginning, it needs at the latest, if each "
        "is of another owner and has counted something. `null`: no further step is sure to come."
    )
    why: str = Field(description="Why it is not there yet, or does not come.")


class ResultsOut(Wire):
    """The answer so far. Counts are `null` until enough owners took part.

    Each number is a sum of what at least `min_devices` owners counted. What fewer had waits for
    more, or in the end is told by `other_months` and `other`. So `items` are those that are told:
    `labels`, `uncertain` and `other`.
    """

    job_id: JobId
    state: JobState
    version: int = Field(description="Grows with each step, and at the end.")
    max_devices: int
    min_devices: int
    devices_done: int = Field(
        description="Results of the steps so far; in the end, all that were counted and paid."
    )
    devices_shown: int = Field(description="Results that the steps so far hold.")
    next_step: NextStepOut | None = Field(description="`null` when everything is shown.")
    items: int | None
    labels: dict[str, int] | None = Field(
        description="Items by label: of all months, undated, and of `other_months`."
    )
    uncertain: int | None = Field(description="Items whose best label was too improbable.")
    months: list[MonthOut] | None
    undated: int | None = Field(description="Labelled items without a date of their own.")
    other_months: dict[str, int] | None = Field(
        description="In the end: items by label, of months that too few owners had."
    )
    other: int | None = Field(description="In the end: items whose label too few owners had.")


class ArchiveOut(Wire):
    """A file that holds some of what a job's devices handed in. It is its operator's alone."""

    number: int
    sha256: str = Field(description="Of the file, by which it is found in the blob store.")
    chain: str = Field(
        description="SHA-256 of the `chain` before this one and of this `sha256`, both as bytes; "
        "32 zero bytes come before the first. So the last one stands for all files and their order."
    )
    created_at: datetime


class ClaimIn(Body):
    model_config = example(max=1)

    max: int = Field(1, ge=1, le=10, description="How many assignments, at most.")


class ModelOut(Wire):
    url: str
    sha256: str
    size: int


class PeriodOut(Wire):
    from_: date | None = Field(serialization_alias="from")
    to: date | None = Field(description="The first day that is left out.")


class LeaseOut(Wire):
    id: AssignmentId
    job_id: JobId
    lease_seconds: int = Field(description="How long the lease lives: phones' clocks are wrong.")
    lease_expires_at: datetime
    try_seconds: int = Field(description="How long heartbeats can keep it alive, in all.")
    model: ModelOut
    input: dict[str, Any] = Field(description="How an item becomes the model's input.")
    labels: list[str]
    min_confidence: float
    period: PeriodOut | None


class ClaimOut(Wire):
    items: list[LeaseOut] = Field(description="The device's live leases, then new ones.")
    retry_after_seconds: int = Field(description="When to come back, if there is no work.")
    reason: str | None = Field(description="Why there is none, where the owner can mend it.")


class LeaseTimeOut(Wire):
    lease_seconds: int
    lease_expires_at: datetime


def _check_month(month: str) -> str:
    if month not in MONTHS:
        raise ValueError("must be a month, such as 2026-03")
    return month


Count = Annotated[int, Field(ge=0, le=ITEMS_MAX)]
LabelName = Annotated[Text, Field(max_length=100)]
Month = Annotated[str, AfterValidator(_check_month)]


class ResultIn(Body):
    """What leaves a device: counts alone.

    `labels` and `uncertain` add up to `items`; `months` and `undated` add up to `labels`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": 4,
                    "labels": {"cat": 2, "dog": 1},
                    "uncertain": 1,
                    "months": {"2026-03": {"cat": 2}},
                    "undated": 1,
                }
            ]
        }
    )

    items: Count
    labels: dict[LabelName, Count] = Field(max_length=1_000)
    uncertain: Count
    months: dict[Month, dict[LabelName, Count]] = Field(max_length=3_600)
    undated: Count


class AcceptedOut(Wire):
    state: AssignmentState = AssignmentState.ACCEPTED


class WorkOut(Wire):
    """An assignment as the owner of its device sees it."""

    id: AssignmentId
    job_id: JobId
    job_title: str
    labels: list[str]
    state: AssignmentState
    tries: int
    created_at: datetime
    paid: bool
    earned: AmountOut
    result: dict[str, Any] | None = Field(description="Exactly what left the device.")


class EarningsOut(Wire):
    device_id: DeviceId
    results_paid: int
    earned: AmountOut
