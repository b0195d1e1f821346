"""For which days statistics can be asked. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from dml.core.errors import Invalid

DAYS_MAX: Final = 366
DAYS_BY_DEFAULT: Final = 30


class PeriodNotGood(Invalid):
    code = "algorithms.period_not_good"
    pointer = "/to"
    reason = f"Statistics are told for 1 to {DAYS_MAX} days at once."
    remedy = f"Choose a `to` after `from`, at most {DAYS_MAX} days later."


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `first` on, and before `until`."""

    first: date
    until: date


def period_of(first: date | None, until: date | None, today: date) -> Period:
    """Return the days that are asked for: without an end up to today, without a beginning 30."""
    end = until or today + timedelta(days=1)
    begin = first or end - timedelta(days=DAYS_BY_DEFAULT)
    if not begin < end <= begin + timedelta(days=DAYS_MAX):
        raise PeriodNotGood
    return Period(begin, end)
