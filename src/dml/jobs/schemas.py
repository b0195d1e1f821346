"""Shapes on the wire. An `Out` is what a client gets; the others are what it may send."""

from datetime import date, datetime
from typing import Annotated, Final

from pydantic import ConfigDict, Field

from dml.core.counts import Count
from dml.core.ids import AlgorithmId, JobId, VersionId
from dml.core.money import AmountIn, AmountOut
from dml.core.wire import Body, Country, Day, Moment, Prose, Text, Unique, Wire, example
from dml.edge.paging import Paging
from dml.jobs.counting import ITEMS_MAX
from dml.jobs.job_manifests.schemas import MANIFEST_SHA256
from dml.jobs.models import Answers, JobState
from dml.jobs.noise.rules import EPSILON_MAX, EPSILON_MIN
from dml.jobs.noise.schemas import EPSILON, MAX_ITEMS, MAX_NORM, JobIntervalsOut
from dml.jobs.precision import DEVICES_MAX, PRECISION_MAX, PRECISION_MIN

PRECISION: Final = (
    "The job ends as soon as the answer is so precise: as each label's share is known to so much, "
    "as a part of 1, to each side, 95 times of 100; what is not spent comes back."
)


class JobCreate(Body):
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
    title: Text = Field(
        "Untitled",
        max_length=200,
        description="What you want to know. Anybody can read it: it is the `purpose` of the job's "
        "manifest, which never changes.",
    )
    max_devices: int = Field(
        ge=1, le=DEVICES_MAX, description="How many devices are paid for a result, at most."
    )
    max_devices_per_owner: int = Field(
        1, ge=1, le=100, description="How many devices of one owner may take part, at most."
    )
    reward: AmountIn = Field(
        gt=0, description="What a device's owner earns for its result, in tokens."
    )
    countries: Annotated[list[Country], Unique] = Field(
        [],
        max_length=250,
        description="Only devices in these countries (ISO 3166-1 alpha-2). Empty: in any.",
    )
    date_from: Day | None = Field(None, description="Only items from this day on.")
    date_to: Day | None = Field(None, description="Only items before this day.")
    min_confidence: float = Field(
        0.5,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="An item whose best label has a lower probability is counted as `uncertain`.",
    )
    answers: Answers = Field(
        Answers.NOISY,
        description="`noisy`: each number carries noise, as much as hides any one owner. `exact`: "
        "none does; only devices of owners who agreed to that take part.",
    )
    epsilon: float | None = Field(
        None,
        ge=EPSILON_MIN,
        le=EPSILON_MAX,
        allow_inf_nan=False,
        description=f"{EPSILON} Without it: what the operator chose. Of a noisy answer alone.",
    )
    max_items: int | None = Field(
        None,
        ge=1,
        le=ITEMS_MAX,
        description=f"{MAX_ITEMS} Without it: what the operator chose; for an exact answer any "
        "number.",
    )
    max_norm: int | None = Field(
        None,
        ge=1,
        le=ITEMS_MAX,
        description=f"{MAX_NORM} Without it: what suits `max_items` and the number of labels. Of a "
        "noisy answer alone.",
    )
    precision: float | None = Field(
        None,
        ge=PRECISION_MIN,
        le=PRECISION_MAX,
        allow_inf_nan=False,
        description=f"{PRECISION} Without it, it runs to its end. Of a noisy answer alone.",
    )
    starts_at: Moment | None = Field(
        None, description="Devices get no work before this moment. Without it: now."
    )
    deadline: Moment = Field(
        description="When the job ends, at most 366 days ahead; what is not spent then comes back."
    )
    max_total: AmountIn | None = Field(
        None,
        description="The most that the job may cost in all, in tokens. If fees have risen so that "
        "it would cost more, it is refused (`409`).",
    )


class JobOut(Wire):
    """An order to run an algorithm on devices, and how far it is."""

    id: JobId
    title: str
    state: JobState
    algorithm_id: AlgorithmId = Field(description="The algorithm that devices run.")
    algorithm_title: str = Field(description="The title of the algorithm.")
    version_id: VersionId = Field(description="The version of the algorithm that devices run.")
    max_devices: int = Field(description="How many devices are paid for a result, at most.")
    max_devices_per_owner: int = Field(
        description="How many devices of one owner may take part, at most."
    )
    min_owners: int = Field(
        description="Results are published in steps, each of at least so many owners; for an exact "
        "answer, of so many who counted something."
    )
    answers: Answers = Field(description="Whether the answer carries noise.")
    epsilon: float | None = Field(description=f"{EPSILON} `null` for an exact answer.")
    max_items: int | None = Field(description=f"{MAX_ITEMS} `null`: any number.")
    max_norm: int | None = Field(description=f"{MAX_NORM} `null`: as `max_items` bounds it.")
    precision: float | None = Field(description=f"{PRECISION} `null`: it runs to its end.")
    manifest_sha256: str | None = Field(description=MANIFEST_SHA256)
    reward: AmountOut = Field(description="What a device's owner earns for its result, in tokens.")
    device_fee: AmountOut = Field(
        description="What the algorithm's developer earns for each result, in tokens."
    )
    platform_fee: AmountOut = Field(
        description="What the platform earns for each result, in tokens; fixed when the job was "
        "created, or its reward was raised."
    )
    cost: AmountOut = Field(
        description="What the job costs if `max_devices` results are paid, in tokens. It is held "
        "in escrow until the job ends."
    )
    spent: AmountOut = Field(
        description="What the results published so far cost, in tokens; in the end, what all "
        "results cost."
    )
    devices_done: int = Field(
        description="How many results were published so far; in the end, how many were paid."
    )
    countries: list[str] = Field(
        description="Only devices in these countries (ISO 3166-1 alpha-2). Empty: in any."
    )
    date_from: date | None = Field(description="Only items from this day on are counted.")
    date_to: date | None = Field(description="Only items before this day are counted.")
    min_confidence: float = Field(
        description="An item whose best label has a lower probability is counted as `uncertain`."
    )
    labels: list[str] = Field(
        description="The labels that items are counted by, in the order of the model's output."
    )
    starts_at: datetime = Field(description="Devices get no work before this moment.")
    deadline: datetime = Field(description="When the job ends, if it did not before.")
    created_at: datetime
    end_reason: JobState | None = Field(
        description="The state that the job will have once it is settled: set when it begins to "
        "settle."
    )
    close_reason: str | None = Field(
        description="Why the job was closed, where a moderator closed it or its version was "
        "recalled."
    )
    ended_at: datetime | None = Field(description="When the job was settled.")


class JobClosure(Body):
    """Why a job is closed."""

    model_config = example(reason="Its model was found to be unsafe.")

    reason: Prose | None = Field(
        None,
        max_length=2_000,
        description="Shown to the job's customer. Moderators who close another's job need one.",
    )


class JobsPaging(Paging):
    state: JobState | None = Field(None, description="Only jobs in this state.")


class MonthCountsOut(Wire):
    """The labelled items of one month."""

    month: str = Field(description="`YYYY-MM`.", examples=["2026-03"])
    labels: dict[str, Count] = Field(description="How many items have each label.")


class NextStepOut(Wire):
    """When more results are published."""

    devices: int | None = Field(
        description="The number of results, counted from the job's beginning, with which the next "
        "step comes at the latest, if each is of another owner who counted something. `null` where "
        "it is not certain that another step comes."
    )
    reason: str = Field(description="Why the step has not come yet, or does not come. A sentence.")


class JobResultsOut(Wire):
    """A job's results, as far as they are published. Counts are `null` before the first step.

    In an exact answer, each number is a sum over at least `min_owners` owners who counted
    something. Counts of fewer owners wait for more of them; in the end they are in `other_months`
    and `other`. In a noisy answer each number carries noise, months come when the job has ended,
    and counts that noise alone could make are in `other_months`. `items` is the sum of `labels`,
    `uncertain` and `other`.
    """

    job_id: JobId = Field(description="The job.")
    state: JobState = Field(description="The state of the job.")
    version: int = Field(description="Grows with each step, and when the job ends.")
    max_devices: int = Field(description="How many devices are paid for a result, at most.")
    min_owners: int = Field(description="The least number of owners in a step.")
    devices_done: int = Field(
        description="How many results were published so far; in the end, how many were paid."
    )
    devices_shown: int = Field(description="How many results the published counts sum up.")
    next_step: NextStepOut | None = Field(
        description="When more is published; `null` once all of it is."
    )
    items: Count | None = Field(description="How many items were counted.")
    labels: dict[str, Count] | None = Field(
        description="How many items have each label: those of `months`, of `other_months`, and "
        "undated ones."
    )
    uncertain: Count | None = Field(
        description="How many items had no label of the probability `min_confidence` or more."
    )
    months: list[MonthCountsOut] | None = Field(description="The labelled items by month.")
    undated: Count | None = Field(description="How many labelled items have no date.")
    other_months: dict[str, Count] | None = Field(
        description="How many items have each label, of months that too few owners had. Filled "
        "when the job ends."
    )
    other: Count | None = Field(
        description="How many items have a label that too few owners had. Filled when the job ends."
    )
    answers: Answers = Field(description="Whether the counts carry noise.")
    epsilon: float | None = Field(description=f"{EPSILON} `null` for an exact answer.")
    intervals: JobIntervalsOut | None = Field(
        description="How sure each number is; `null` where all are exact, and before the first "
        "step."
    )


class JobArchiveOut(Wire):
    """A file that keeps what devices sent for a job. Only the operator can read it."""

    number: int = Field(description="The archives of a job are numbered from 1 on.")
    sha256: str = Field(description="SHA-256 of the file, in hexadecimal digits.")
    chain: str = Field(
        description="SHA-256 of the `chain` of the archive before and this `sha256`, both as 32 "
        "bytes; before the first come 32 zero bytes. So the last one proves all files and their "
        "order."
    )
    created_at: datetime
