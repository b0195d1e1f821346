"""What devices send and get, and what their owners see of it."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from dml.algorithms.schemas import LABELS_MAX, ShownInputSpec
from dml.core.ids import AssignmentId, DeviceId, JobId
from dml.core.money import AmountOut
from dml.core.wire import Body, GivenText, Wire, example
from dml.inference.counts import Counts
from dml.jobs.counting import MONTHS, CountIn
from dml.jobs.job_manifests.schemas import MANIFEST_SHA256
from dml.jobs.models import Answers, AssignmentState
from dml.jobs.noise.schemas import EPSILON


class AssignmentClaim(Body):
    """How much work a device asks for."""

    model_config = example(max=1)

    max: int = Field(
        1,
        ge=1,
        le=10,
        description="How many assignments to hold at most, with those that the device has already.",
    )


class ModelFileOut(Wire):
    """A model, as a device gets it."""

    url: str = Field(description="Where to download it: a path of this API.")
    sha256: str = Field(description="SHA-256 of the file, in hexadecimal digits.")
    size: int = Field(description="Size of the file, in bytes.")


class PeriodOut(Wire):
    """Which items count, by their dates."""

    from_: date | None = Field(
        serialization_alias="from", description="The first day that counts; `null`: any."
    )
    to: date | None = Field(description="The first day that no longer counts; `null`: any.")


class LeaseOut(Wire):
    """An assignment that a device holds, and all that it needs to do the work."""

    id: AssignmentId = Field(description="The id of the assignment.")
    job_id: JobId = Field(description="The job that the work is for.")
    lease_seconds: int = Field(
        description="How many seconds the lease lasts from now on. Go by this one: a device's "
        "clock may be wrong."
    )
    lease_expires_at: datetime = Field(description="When the lease ends, unless it is extended.")
    try_seconds: int = Field(
        description="How many seconds the lease can last in all, however often it is extended."
    )
    model: ModelFileOut
    input: ShownInputSpec
    labels: list[str] = Field(
        description="The labels to count by, in the order of the model's output."
    )
    min_confidence: float = Field(
        description="Count an item as `uncertain` if its best label has a lower probability."
    )
    period: PeriodOut | None = Field(
        description="Count only items of this period; `null`: all items, with or without a date."
    )
    max_items: int | None = Field(
        description="Count at most so many items, chosen at random; a result with more is refused. "
        "`null`: any number."
    )
    max_norm: int | None = Field(
        description="Leave out further items, chosen at random, where the root of the sum of the "
        "squares of `labels` and `uncertain` would be larger; such a result is refused. `null`: "
        "as large as `max_items` lets it be."
    )
    answers: Answers = Field(description="Whether the job's answer carries noise.")
    epsilon: float | None = Field(description=f"{EPSILON} `null` for an exact answer.")
    manifest_sha256: str | None = Field(description=MANIFEST_SHA256)


class ClaimedAssignmentsOut(Wire):
    """The work that a device has."""

    items: list[LeaseOut] = Field(
        description="Those that the device held already, then new ones. Empty: there is no work."
    )
    retry_after_seconds: int = Field(description="When to ask again, where there is no work.")
    reason: str | None = Field(
        description="Why there is no work, where the device's owner can change that."
    )


class LeaseExtensionOut(Wire):
    """How long an extended lease lasts."""

    lease_seconds: int = Field(description="How many seconds the lease lasts from now on.")
    lease_expires_at: datetime = Field(description="When the lease ends, unless it is extended.")


def _check_month(month: str) -> str:
    if month not in MONTHS:
        raise ValueError("must be a month, such as 2026-03")
    return month


LabelName = Annotated[GivenText, Field(max_length=100)]
Month = Annotated[str, AfterValidator(_check_month)]


class ResultCreate(Body):
    """All that leaves a device: counts.

    `labels` and `uncertain` sum to `items`; `months` and `undated` sum to `labels`.
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

    items: CountIn = Field(description="How many items the model was run on.")
    labels: dict[LabelName, CountIn] = Field(
        max_length=LABELS_MAX, description="How many items have each label."
    )
    uncertain: CountIn = Field(
        description="How many items had no label of the probability `min_confidence` or more."
    )
    months: dict[Month, dict[LabelName, CountIn]] = Field(
        max_length=3_600,
        description="How many items have each label, by the month of the item, `YYYY-MM`.",
    )
    undated: CountIn = Field(
        description="How many labelled items have no date: 0 where the job has a period."
    )

    def counts(self) -> Counts:
        """Return what was sent. The type holds it to all fields."""
        return Counts(
            items=self.items,
            labels=self.labels,
            uncertain=self.uncertain,
            months=self.months,
            undated=self.undated,
        )


class ResultReceiptOut(Wire):
    """The device's result was accepted."""

    state: AssignmentState = Field(
        AssignmentState.ACCEPTED, description="The state of the assignment."
    )


class AssignmentOut(Wire):
    """The work of a device for a job, as the device's owner sees it."""

    id: AssignmentId
    job_id: JobId = Field(description="The job that the work is for.")
    job_title: str = Field(description="The title of the job.")
    labels: list[str] = Field(description="The labels that the job counts by.")
    state: AssignmentState
    tries: int = Field(description="How often the device got this assignment.")
    created_at: datetime
    paid: bool = Field(description="Whether its result was counted and paid.")
    earned: AmountOut = Field(description="What the owner earned with it, in tokens.")
    result: dict[str, Any] | None = Field(
        description="Exactly what left the device, in the form of `ResultCreate`; `null` where "
        "nothing did."
    )


class DeviceEarningsOut(Wire):
    """What the owner of a device earned with it."""

    device_id: DeviceId = Field(description="The device.")
    results_paid: int = Field(description="How many of its results were paid.")
    earned: AmountOut = Field(description="What its owner earned with them, in tokens.")
