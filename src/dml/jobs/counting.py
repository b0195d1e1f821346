"""What a result must be: its shape, what it has to add up to, and its canonical form. Pure.

A device sends counts alone. Each item counts once: under a label or as uncertain; each labelled
item once more: in its month or as undated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Final

import msgspec
from pydantic import Field

from dml.core.counts import Count
from dml.core.errors import Invalid, Wrong
from dml.inference.counts import Counts
from dml.jobs.models import UNDATED

ITEMS_MAX: Final = 10_000_000  # More than one person's data; far from where sums overflow.
# Of one result, as the routes read it and as the layer in front of them does.
CountIn = Annotated[Count, Field(ge=0, le=ITEMS_MAX), msgspec.Meta(ge=0, le=ITEMS_MAX)]
FIRST_MONTH: Final = "1826-01"  # Of the oldest photograph that there is.
MONTHS: Final = frozenset(
    f"{year}-{month:02}" for year in range(1826, 2200) for month in range(1, 13)
)


class ImplausibleResult(Invalid):
    """Ends no lease: a corrected result may follow (docs/decisions/0005)."""

    code = "jobs.implausible_result"
    reason = "The counts of this result cannot be."
    remedy = "Correct what `errors` names, and send the result again while the lease lives."
    problems: Sequence[Wrong]


@dataclass(frozen=True, slots=True)
class ResultTerms:
    """What of a job its results are checked against. Never changes, so it may stay in memory."""

    labels: Sequence[str]
    places: Mapping[str, int]  # Label → its place in the labels.
    date_from: date | None
    date_to: date | None
    max_items: int | None = None  # Of one device, as is `max_norm`.
    max_norm: int | None = None

    @classmethod
    def of(
        cls,
        labels: Sequence[str],
        date_from: date | None,
        date_to: date | None,
        *,
        max_items: int | None = None,
        max_norm: int | None = None,
    ) -> "ResultTerms":
        places = {label: place for place, label in enumerate(labels)}
        return cls(labels, places, date_from, date_to, max_items, max_norm)

    @property
    def has_period(self) -> bool:
        return self.date_from is not None or self.date_to is not None


def month_number(month: str) -> int:
    """Number a month `YYYY-MM` so that they sort: 12 × year + month − 1. Never UNDATED."""
    return int(month[:4]) * 12 + int(month[5:]) - 1


def month_name(number: int) -> str:
    """The month of a number, `YYYY-MM`."""
    return f"{number // 12:04}-{number % 12 + 1:02}"


def check(result: Counts, terms: ResultTerms, now: datetime) -> None:
    """Refuse a result of the right shape that breaks the sums, the labels or the period."""
    labels, months = result["labels"], result["months"]
    found: list[Wrong] = [
        *_unknown_labels(labels, months, terms),
        *_outside_period(months, terms, now),
        *_broken_sums(result),
    ]
    if terms.has_period and result["undated"]:
        found.append({"pointer": "/undated", "detail": "must be 0: this job has a date range"})
    if terms.max_items is not None and result["items"] > terms.max_items:
        detail = f"must be at most {terms.max_items}: choose as many at random (`max_items`)"
        found.append({"pointer": "/items", "detail": detail})
    if terms.max_norm is not None and (
        _square(result["labels"], result["uncertain"]) > terms.max_norm**2
    ):
        detail = (
            f"with `uncertain`, the sum of the squares must be at most {terms.max_norm}²: leave "
            "out items chosen at random (`max_norm`)"
        )
        found.append({"pointer": "/labels", "detail": detail})
    if found:
        raise ImplausibleResult(problems=found[:20], errors=found[:20])


def is_clipped(labels: Mapping[str, int], uncertain: int, terms: ResultTerms) -> bool:
    """Tell whether a result is as large as it may be: its owner may have more than it counts.

    A device stops where the next item does not fit: of the most frequent label it would not, here.
    """
    counts = [uncertain, *labels.values()]
    if terms.max_items is not None and sum(counts) >= terms.max_items:
        return True
    if terms.max_norm is None:
        return False
    return _square(labels, uncertain) + 2 * max(counts) + 1 > terms.max_norm**2


def _square(labels: Mapping[str, int], uncertain: int) -> int:
    """Return the square of the Euclidean norm of a result's counts of labels."""
    return sum([count * count for count in labels.values()]) + uncertain * uncertain


def _unknown_labels(
    labels: Mapping[str, int], months: Mapping[str, Mapping[str, int]], terms: ResultTerms
) -> list[Wrong]:
    detail = "names a label that this model does not have"
    groups = [("/labels", labels)]
    groups += [(f"/months/{month}", counts) for month, counts in months.items()]
    return [
        {"pointer": where, "detail": detail}
        for where, counts in groups
        if not counts.keys() <= terms.places.keys()  # All at once: most results are good.
        for label in counts
        if label not in terms.places
    ]


def period_of(date_from: date | None, date_to: date | None, end: datetime) -> tuple[str, str]:
    """Return the first and the last month that items of a job can be of, as seen at `end`.

    Nothing is older than photography, or newer than tomorrow: clocks are wrong by a day at most.
    """
    first = max(FIRST_MONTH, _month(date_from)) if date_from else FIRST_MONTH
    # `date_to` is the first day that is left out: its month counts unless that is its first day.
    last = _month((end + timedelta(days=1)).date())
    if date_to is not None:
        last = min(last, _month(date_to - timedelta(days=1)))
    return first, last


def possible_months(date_from: date | None, date_to: date | None, end: datetime) -> list[int]:
    """Return the numbers of all months that items can be of, and UNDATED where those count."""
    first, last = period_of(date_from, date_to, end)
    months = list(range(month_number(first), month_number(last) + 1))
    return months if date_from is not None or date_to is not None else [UNDATED, *months]


def count_cells(labels: int, first: str, last: str) -> int:
    """Return how many counts an answer can have: one for each label and month, and undated."""
    return labels * (max(0, month_number(last) - month_number(first) + 1) + 1)


def _month(day: date) -> str:
    return f"{day.year:04}-{day.month:02}"


def _outside_period(
    months: Mapping[str, Mapping[str, int]], terms: ResultTerms, now: datetime
) -> list[Wrong]:
    first, last = period_of(terms.date_from, terms.date_to, now)
    return [
        {"pointer": f"/months/{month}", "detail": f"lies outside {first} to {last}"}
        for month in months
        if not first <= month <= last
    ]


def _broken_sums(result: Counts) -> list[Wrong]:
    found: list[Wrong] = []
    labels, months = result["labels"], result["months"]
    if sum(labels.values()) + result["uncertain"] != result["items"]:
        detail = "labels and uncertain must add up to items"
        found.append({"pointer": "/items", "detail": detail})
    left = dict(labels)  # What of each label no month has: undated items.
    for counts in months.values():
        for label, count in counts.items():
            left[label] = left.get(label, 0) - count
    if sum(left.values()) != result["undated"]:
        detail = "months and undated must add up to labels"
        found.append({"pointer": "/undated", "detail": detail})
    if left and min(left.values()) < 0:
        detail = "count more items under a label than `labels` does"
        found.append({"pointer": "/months", "detail": detail})
    return found


_encode: Final = msgspec.json.Encoder(order="sorted").encode


def canonical(result: Counts) -> bytes:
    """Write a result so that equal ones have equal bytes: keys sorted, zeros left out."""
    kept: Counts = {  # Its type holds it to all fields: what is left out here is kept nowhere.
        "items": result["items"],
        "labels": _without_zeros(result["labels"]),
        "uncertain": result["uncertain"],
        "months": {
            month: left
            for month, counts in result["months"].items()
            if (left := _without_zeros(counts))
        },
        "undated": result["undated"],
    }
    return _encode(kept)


def _without_zeros(counts: Mapping[str, int]) -> Mapping[str, int]:
    if 0 not in counts.values():
        return counts
    return {label: count for label, count in counts.items() if count}


def cells(result: Counts, terms: ResultTerms) -> dict[tuple[int, int], int]:
    """Spread an accepted result over (month, place of the label): what `job_counts` sums up."""
    found: dict[tuple[int, int], int] = {
        (UNDATED, terms.places[label]): count for label, count in result["labels"].items()
    }
    for month, counts in result["months"].items():
        number = month_number(month)
        for label, count in counts.items():
            place = terms.places[label]
            found[number, place] = count
            found[UNDATED, place] -= count
    return {cell: count for cell, count in found.items() if count}
