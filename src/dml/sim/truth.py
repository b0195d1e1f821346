"""The photos of simulated devices: a known distribution, so that an answer's error is known.

Each result adds up by the rules of `jobs.counting`, has some 900 bytes, and is written in the
canonical form that the database keeps, so that both have one digest.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dml.inference.counts import Counts
from dml.jobs.counting import canonical

MONTHS: Final = tuple(f"2025-{month:02}" for month in range(1, 13))
KINDS: Final = 400  # Different sets of counts; uncertain items vary by device.
UNCERTAIN_MAX: Final = 100
_ITEMS: Final = (5.3, 0.5)  # Of the logarithm: a median of 200 photos.
_UNDATED: Final = 0.1


@dataclass(frozen=True, slots=True)
class Photos:
    """The counts of one set of photos, without those that the model is uncertain about."""

    labelled: int
    middle: bytes  # The part of the canonical form that does not depend on uncertain items.
    tail: bytes

    @classmethod
    def of(cls, result: Counts) -> "Photos":
        written = canonical({**result, "items": 0, "uncertain": 0})
        start, _, rest = written.partition(b'"uncertain":0')
        return cls(sum(result["labels"].values()), start.removeprefix(b'{"items":0'), rest)

    def result(self, uncertain: int) -> bytes:
        """Write a result that adds up."""
        return self._write(self.labelled + uncertain, uncertain)

    def implausible(self, uncertain: int) -> bytes:
        """Write a result with one item more than its counts, which must be refused."""
        return self._write(self.labelled + uncertain + 1, uncertain)

    def _write(self, items: int, uncertain: int) -> bytes:
        return b'{"items":%d%b"uncertain":%d%b' % (items, self.middle, uncertain, self.tail)


@dataclass(frozen=True, slots=True)
class Truth:
    """The true distribution of photos over labels, and sets of photos drawn from it."""

    shares: Mapping[str, float]
    honest: Sequence[Photos]
    lies: Sequence[Photos]  # They add up, and claim that every photo shows the same.

    @classmethod
    def draw(cls, labels: Sequence[str], chance: random.Random) -> "Truth":
        weights = [chance.gammavariate(3, 1) for _ in labels]
        total = sum(weights)
        drawn = [_draw(labels, weights, chance) for _ in range(KINDS)]
        loved = labels[-1]
        return cls(
            {label: weight / total for label, weight in zip(labels, weights, strict=True)},
            [Photos.of(it) for it in drawn],
            [Photos.of(_lie(loved, it)) for it in drawn[: KINDS // 10]],
        )

    def error_percent(self, counts: Mapping[str, int]) -> float:
        """Return the error of counts: the percentage of items under a wrong label."""
        total = sum(counts.values())
        if not total:
            return 100.0
        return 50 * sum(abs(counts.get(it, 0) / total - share) for it, share in self.shares.items())


def _draw(labels: Sequence[str], weights: Sequence[float], chance: random.Random) -> Counts:
    size = max(1, min(5_000, int(chance.lognormvariate(*_ITEMS))))
    shown = chance.choices(labels, weights, k=size)
    months: dict[str, Counter[str]] = {month: Counter() for month in MONTHS}
    undated = 0
    for label in shown:
        if chance.random() < _UNDATED:
            undated += 1
        else:
            months[chance.choice(MONTHS)][label] += 1
    return {
        "items": size,
        "labels": dict(Counter(shown)),
        "uncertain": 0,
        "months": {month: dict(counts) for month, counts in months.items() if counts},
        "undated": undated,
    }


def _lie(label: str, result: Counts) -> Counts:
    return {
        **result,
        "labels": {label: sum(result["labels"].values())},
        "months": {it: {label: sum(of.values())} for it, of in result["months"].items()},
    }
