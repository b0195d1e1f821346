"""The settings of answers: how much a job, and all jobs together, may learn of one owner."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings


class AnswerSettings(BaseSettings):
    """What an operator decides about what customers may learn."""

    min_owners: int = Field(
        5, ge=2, le=1_000, description="The least owners behind any number that a customer sees."
    )
    exact_answers: Annotated[str, Field(pattern="^(nobody|agreed|anybody)$")] = Field(
        "agreed",
        description="Whose devices may work for answers without noise: `nobody` (there are none), "
        "who `agreed` to it, or `anybody`, where all owners know each other.",
    )
    epsilon: float = Field(
        1.0,
        ge=0.01,
        le=100,
        description="How much a job may learn of one owner, where it does not say: the epsilon of "
        "differential privacy, at a delta of a millionth.",
    )
    epsilon_max: float = Field(
        8.0,
        ge=0.01,
        le=100,
        description="The most that a job may learn of one owner. Not more than owners give who do "
        "not say: nobody's devices would take part.",
    )
    items_of_an_owner: int = Field(
        100,
        ge=1,
        le=1_000_000,
        description="How many items an owner's devices add to a job in all, where it does not say. "
        "With more of them, an answer needs more noise.",
    )
    items_of_an_owner_max: int = Field(
        10_000, ge=1, le=10_000_000, description="The most that a job may ask of them."
    )
    owner_epsilon: float = Field(
        8.0,
        ge=0.01,
        le=100,
        description="How much all jobs together may learn of one owner in 30 days, where the owner "
        "does not say.",
    )
    owner_epsilon_max: float = Field(
        20.0, ge=0.01, le=100, description="The most that an owner may allow."
    )
    counts_of_a_job: int = Field(
        250_000,
        ge=1_000,
        description="Counts that a job's answer may have: its labels times the months that it "
        "takes items of. With more labels a job has to name its dates.",
    )
    target_owners: int = Field(
        50,
        ge=0,
        le=1_000_000,
        description="The least owners, seen in the last 30 days, of devices that may run a job in "
        "the countries that it names; jobs of all countries need none. In a small marketplace "
        "whose owners know each other less may do; 0: countries are not looked at.",
    )
    crowds_hours: float = Field(
        24,
        gt=0,
        le=24 * 30,
        description="How often owners are counted for quotes and targets. Each count tells a "
        "little of who is there: counted more often, what is told of one owner adds up.",
    )
    quotes_a_minute: int = Field(
        60, ge=1, description="Quotes of jobs that one user may ask for in a minute."
    )
