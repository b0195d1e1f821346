"""What is counted: the one thing that leaves a device. Pure."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dml.inference.counts import Counts


class Item(NamedTuple):
    """One photo's label, as its place among the labels or None if uncertain, and its own date."""

    label: int | None
    taken: dt.date | None


class Period(NamedTuple):
    """Half-open: `until` itself is outside (`from` and `to` on the wire). None is no bound."""

    start: dt.date | None
    until: dt.date | None

    def holds(self, taken: dt.date | None) -> bool:
        return (
            taken is not None
            and (self.start is None or self.start <= taken)
            and (self.until is None or taken < self.until)
        )


def certain(
    labels: NDArray[np.int32], probabilities: NDArray[np.float32], min_confidence: float
) -> list[int | None]:
    """Each item's most probable label where its probability reaches `min_confidence`, else None.

    Compared as float32, which the model computes in: 0.9 of a model reaches a bound of 0.9.
    """
    reached = probabilities >= np.float32(min_confidence)
    return [int(label) if sure else None for label, sure in zip(labels, reached, strict=True)]


def within(items: Iterable[Item], max_norm: int) -> Iterator[Item]:
    """Yield items until the next one would make the norm of their counts larger than that.

    By label, those without a sure one together. Of what follows none counts, whether it would fit
    or not: so that in a random order those that do are a random part of all.
    """
    by_label: Counter[int | None] = Counter()
    square, is_full = 0, False
    for item in items:
        square += 2 * by_label[item.label] + 1
        is_full |= square > max_norm**2
        if not is_full:
            by_label[item.label] += 1
            yield item


def count(items: Iterable[Item], labels: Sequence[str], period: Period | None = None) -> Counts:
    """The result; a period, even one without bounds, leaves out undated items and those outside."""
    total, uncertain, undated = 0, 0, 0
    by_label: Counter[str] = Counter()
    by_month: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for item in items:
        if period is not None and not period.holds(item.taken):
            continue
        total += 1
        if item.label is None:
            uncertain += 1
            continue
        label = labels[item.label]
        by_label[label] += 1
        if item.taken is None:
            undated += 1
        else:
            by_month[f"{item.taken:%Y-%m}"][label] += 1
    return {
        "items": total,
        "labels": dict(by_label),
        "uncertain": uncertain,
        "months": {month: dict(counts) for month, counts in sorted(by_month.items())},
        "undated": undated,
    }
