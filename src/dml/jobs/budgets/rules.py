"""What an owner's budget is, and what its owner may choose. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dml.core.errors import Invalid
from dml.jobs.noise.rules import EPSILON_MIN

DAYS: Final = 30  # So long what was spent counts.
SECONDS_A_DAY: Final = 86_400


class BudgetOutOfBounds(Invalid):
    code = "jobs.budget_out_of_bounds"
    pointer = "/epsilon"
    reason = "Nobody gives more of themselves here within 30 days, and nobody so little."
    remedy = "Choose an `epsilon` from `least` to `most`; or set `paused`, and give nothing."
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class BudgetBounds:
    """What owners give within 30 days, in billionths of rho: where they do not say, and at most."""

    usual: int
    most: int


def day_of(moment: datetime) -> int:
    """Number the days, as the statements do."""
    return int(moment.timestamp()) // SECONDS_A_DAY


def spent_lately(days: Sequence[int], spent: Sequence[int], now: datetime) -> int:
    """Return what was spent in the last 30 days. A clock that was set back forgets nothing."""
    today = max([day_of(now), *days[-1:]])
    return sum(it for day, it in zip(days, spent, strict=True) if day > today - DAYS)


def require_within(epsilon: float | None, most: float) -> None:
    if epsilon is not None and not EPSILON_MIN <= epsilon <= most:
        raise BudgetOutOfBounds(least=EPSILON_MIN, most=most)
