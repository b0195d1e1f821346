"""What a customer sends to raise a job."""

from pydantic import Field

from dml.core.money import AmountIn
from dml.core.wire import Body, Moment, example
from dml.jobs.precision import DEVICES_MAX


class JobRaise(Body):
    """What a job offers from now on: each only more than before. What is left out stays."""

    model_config = example(reward="0.08", max_devices=2_000)

    reward: AmountIn | None = Field(
        None,
        gt=0,
        description="What a device's owner earns for its result, in tokens. Who was paid before "
        "gets the difference.",
    )
    max_devices: int | None = Field(
        None, ge=1, le=DEVICES_MAX, description="How many devices are paid for a result, at most."
    )
    deadline: Moment | None = Field(None, description="When the job ends, at most 366 days ahead.")
    max_total: AmountIn | None = Field(
        None,
        description="The most that the job may then cost in all, in tokens. If it would cost more, "
        "it is refused (`409`) and stays as it was.",
    )
