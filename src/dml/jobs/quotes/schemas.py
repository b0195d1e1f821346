"""Shapes on the wire, of quotes."""

from datetime import datetime

from pydantic import Field

from dml.core.money import AmountOut
from dml.core.wire import Wire
from dml.jobs.models import Answers
from dml.jobs.noise.schemas import EPSILON, MAX_ITEMS, MAX_NORM
from dml.jobs.quotes.service import Forecast
from dml.jobs.schemas import PRECISION


class JobCrowdOut(Wire):
    """About how many owners could take part: of devices in the job's countries that may process its
    kind of data, seen in the last 30 days.

    They are counted once a day, with noise, so that nobody learns of single ones. What the model
    needs of memory and speed is not looked at.
    """

    at_least: int | None = Field(
        description="About as many owners or more. `null`: fewer than are told of.", examples=[200]
    )
    below: int | None = Field(
        description="And about fewer than this. `null`: more than are told apart.", examples=[400]
    )
    counted_at: datetime | None = Field(
        description="When they were counted; `null`: they never were."
    )
    least: int = Field(
        description="How many there must be for a job in the countries that this one names; 0 "
        "where it names none."
    )
    is_enough: bool = Field(
        description="Whether there are as many as that: if not, the job is refused "
        "(`jobs.target_too_small`)."
    )


class JobArrivalOut(Wire):
    """When a part of a job's results should be in, if owners come as they came lately."""

    at: datetime | None = Field(description="`null` where that is not known.")
    unknown_because: str | None = Field(description="Why it is not known: a sentence; else `null`.")


class ExpectedPrecisionOut(Wire):
    """How precise the shares of labels should be when all devices have answered: how far, as a part
    of 1, a share may be off to each side, 95 times of 100. As for the noise alone: that those who
    take part are some of many is not in it.
    """

    items_of_an_owner: int = Field(
        description="How many items each owner is taken to add: half of `max_items`. With half as "
        "many it is twice as wide."
    )
    as_ordered: float = Field(description="For the job as it is ordered.", examples=[0.012])
    with_twice_the_devices: float = Field(description="For twice the `max_devices`.")
    with_twice_the_epsilon: float | None = Field(
        description="For twice the `epsilon`; `null` where no job may have so much."
    )


class JobQuoteOut(Wire):
    """What a job would cost, and bring. Each amount but `cost` is for one result."""

    reward: AmountOut = Field(description="What a device's owner earns, in tokens.")
    device_fee: AmountOut = Field(description="What the algorithm's developer earns, in tokens.")
    platform_fee: AmountOut = Field(description="What the platform earns, in tokens.")
    cost: AmountOut = Field(
        description="What the job costs if `max_devices` results are paid, in tokens."
    )
    least_reward: AmountOut = Field(
        description="The least `reward` that a job may offer here, in tokens."
    )
    min_owners: int = Field(
        description="Results are published in steps, each of at least so many owners."
    )
    answers: Answers = Field(description="Whether the answer carries noise.")
    epsilon: float | None = Field(description=f"{EPSILON} `null` for an exact answer.")
    max_items: int | None = Field(description=f"{MAX_ITEMS} `null`: any number.")
    max_norm: int | None = Field(description=f"{MAX_NORM} `null`: as `max_items` bounds it.")
    within: int = Field(
        description="When the job has ended, the total of a label is at most so far from what was "
        "counted, 95 times of 100."
    )
    precision: float | None = Field(description=f"{PRECISION} `null`: it does not.")
    expected_precision: ExpectedPrecisionOut | None = Field(
        description="How precise shares should be; `null` for an exact answer, without noise."
    )
    crowd: JobCrowdOut = Field(description="About how many owners could take part.")
    half_in: JobArrivalOut = Field(description="When half of `max_devices` should have answered.")
    most_in: JobArrivalOut = Field(description="When nine tenths of them should have answered.")


def quoted(it: Forecast) -> JobQuoteOut:
    at_least, below = it.crowd.band
    return JobQuoteOut(
        reward=it.priced.reward,
        device_fee=it.priced.device_fee,
        platform_fee=it.priced.platform_fee,
        cost=it.priced.cost,
        least_reward=it.least_reward,
        min_owners=it.priced.min_owners,
        answers=it.priced.answers,
        epsilon=it.priced.epsilon,
        max_items=it.priced.max_items,
        max_norm=it.priced.max_norm,
        within=it.priced.within,
        precision=it.priced.precision,
        expected_precision=it.precision and ExpectedPrecisionOut.model_validate(it.precision),
        crowd=JobCrowdOut(
            at_least=at_least,
            below=below,
            counted_at=it.crowd.counted_at,
            least=it.least_owners,
            is_enough=it.is_target,
        ),
        half_in=JobArrivalOut.model_validate(it.half),
        most_in=JobArrivalOut.model_validate(it.most),
    )
