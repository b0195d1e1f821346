"""From how sure an answer is to its shape on the wire."""

from collections.abc import Mapping, Sequence

from dml.jobs.counting import month_name
from dml.jobs.models import UNDATED
from dml.jobs.noise.mending import Number, Sure
from dml.jobs.noise.schemas import (
    JobIntervalsOut,
    MonthIntervalsOut,
    NumberOut,
    ShareOut,
)


def how_sure(labels: Sequence[str], sure: Sure) -> JobIntervalsOut:
    """Say of each number of an answer between which others it is."""
    shares = zip(labels, sure.shares, strict=True)
    return JobIntervalsOut(
        items=_number(sure.items),
        labels={labels[place]: _number(it) for place, it in enumerate(sure.labels)},
        shares={label: ShareOut(value=v, low=low, high=high) for label, (v, low, high) in shares},
        uncertain=_number(sure.uncertain),
        months=[
            MonthIntervalsOut(month=month_name(it), labels=_named(labels, sure.months[it]))
            for it in sorted(sure.months)
            if it != UNDATED and sure.months[it]
        ],
        undated=_number(sure.undated),
        other_months=_named(labels, sure.elsewhere),
        clipped=None if sure.clipped is None else _number(sure.clipped),
    )


def _named(labels: Sequence[str], numbers: Mapping[int, Number]) -> dict[str, NumberOut]:
    return {labels[place]: _number(it) for place, it in numbers.items()}


def _number(it: Number) -> NumberOut:
    return NumberOut(value=it.value, low=it.low, high=it.high)
