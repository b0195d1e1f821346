"""Shapes on the wire, of owners' budgets."""

from pydantic import Field

from dml.core.wire import Body, Wire, example
from dml.jobs.noise.rules import EPSILON_MAX, EPSILON_MIN

_WHAT = (
    "The most that all jobs together may learn of you in any 30 days: the epsilon of differential "
    "privacy, at a delta of a millionth."
)


class PrivacyBudgetOut(Wire):
    """How much jobs may learn of you. Parts of a budget do not add up in epsilons: `left` is less
    than the budget less what was spent.
    """

    epsilon: float = Field(description=_WHAT)
    is_own: bool = Field(description="Whether you set it; else it is what the operator chose.")
    paused: bool = Field(description="Whether your devices get no work for noisy answers.")
    spent: float = Field(description="What jobs learned in the last 30 days, as an epsilon.")
    reserved: float = Field(description="What work under way may cost beside that, as an epsilon.")
    left: float = Field(description="What a further job may cost now, as an epsilon.")


class PrivacyBudgetSet(Body):
    model_config = example(epsilon=4, paused=False)

    epsilon: float | None = Field(
        None,
        ge=EPSILON_MIN,
        le=EPSILON_MAX,
        allow_inf_nan=False,
        description=f"{_WHAT} `null`: what the operator chose.",
    )
    paused: bool = Field(False, description="Whether your devices get no work for noisy answers.")
