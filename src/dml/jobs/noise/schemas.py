"""How sure the numbers of a noisy answer are, on the wire."""

from typing import Final

from pydantic import Field

from dml.core.counts import Count
from dml.core.wire import Wire

EPSILON: Final = (
    "How much the answer may depend on one owner: the epsilon of differential privacy, at a delta "
    "of a millionth. A larger one needs less noise."
)
MAX_ITEMS: Final = (
    "How many items all devices of one owner add, at most; where there are more, they are chosen "
    "at random. With fewer the answer needs less noise."
)
MAX_NORM: Final = (
    "How large the counts of labels are that all devices of one owner add, at most: the root of "
    "the sum of their squares, what is `uncertain` among them. Where they would be larger, items "
    "are left out at random. A smaller one needs less noise, and clips more owners."
)


class NumberOut(Wire):
    """A count that carries noise, and how sure it is."""

    value: Count = Field(description="The count that the answer tells.")
    low: Count = Field(
        description="What was counted is at least this, and at most `high`, in 95 of 100 cases."
    )
    high: Count = Field(
        description="What was counted is at most this, and at least `low`, in 95 of 100 cases."
    )


class ShareOut(Wire):
    """A label's share of all items, and how sure it is."""

    value: float = Field(description="From 0 to 1.")
    low: float = Field(
        description="The share of what was counted is between this and `high`, in 95 of 100 cases."
    )
    high: float = Field(
        description="The share of what was counted is between `low` and this, in 95 of 100 cases."
    )


class MonthIntervalsOut(Wire):
    """How sure the counts of one month are."""

    month: str = Field(description="`YYYY-MM`.", examples=["2026-03"])
    labels: dict[str, NumberOut] = Field(description="How many items have each label.")


class JobIntervalsOut(Wire):
    """How sure the numbers of a noisy answer are, as for the noise that they carry."""

    items: NumberOut = Field(description="How many items were counted.")
    labels: dict[str, NumberOut] = Field(description="How many items have each label.")
    shares: dict[str, ShareOut] = Field(
        description="Each label's share of all items, those counted as `uncertain` among them."
    )
    uncertain: NumberOut = Field(description="How many items had no sure label.")
    months: list[MonthIntervalsOut] = Field(description="The labelled items by month.")
    undated: NumberOut = Field(description="How many labelled items have no date.")
    other_months: dict[str, NumberOut] = Field(
        description="How many items have each label, of months that are not told."
    )
    clipped: NumberOut | None = Field(
        description="How many results are as large as `max_items` and `max_norm` allow: their "
        "owners may have more than was counted, so what they have counts for less here. `null` "
        "until the job has ended."
    )
