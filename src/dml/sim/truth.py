"""The photos of simulated devices: a known distribution, so that an answer's error is known.

Each result adds up by the rules of `jobs.counting`, has some 900 bytes, and is written in the
canonical form that the database keeps, so that both have one digest.
Of a noisy job, devices keep to the bounds as the agent does: photos come in random order, and those
that do not fit are left out.
"""

import datetime as dt
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from dml.inference.counting import Item, count, within
from dml.inference.counts import Counts
from dml.jobs.counting import canonical

KINDS: Final = 400  # Different sets of photos.
UNCERTAIN_MAX: Final = 100
_YEAR: Final = 2025
_ITEMS: Final = (5.3, 0.5)  # Of the logarithm: a median of 200 photos.
_UNDATED: Final = 0.1


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one device may add to a noisy job."""

    max_items: int
    max_norm: int


@dataclass(frozen=True, slots=True, eq=False)
class Photos:
    """The counts of one set of photos. Each is equal to itself alone."""

    labels: Mapping[str, int]
    labelled: int
    uncertain: int | None  # None: their number differs by device.
    middle: bytes  # The part of the canonical form that does not depend on uncertain items.
    tail: bytes

    @classmethod
    def of(cls, result: Counts, *, is_bounded: bool) -> "Photos":
        written = canonical({**result, "items": 0, "uncertain": 0})
        start, _, rest = written.partition(b'"uncertain":0')
        return cls(
            result["labels"],
            sum(result["labels"].values()),
            result["uncertain"] if is_bounded else None,
            start.removeprefix(b'{"items":0'),
            rest,
        )

    def draw_uncertain(self, chance: random.Random) -> int:
        """Return how many more items a device has that the model is uncertain about."""
        if self.uncertain is not None:
            return self.uncertain
        return int(chance.random() * UNCERTAIN_MAX)

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
    def draw(
        cls, labels: Sequence[str], chance: random.Random, bounds: Bounds | None = None
    ) -> "Truth":
        weights = [chance.gammavariate(3, 1) for _ in labels]
        total = sum(weights)
        drawn = [_draw(weights, chance) for _ in range(KINDS)]
        loved = len(labels) - 1

        def counted(items: Iterable[Item]) -> Photos:
            if bounds is not None:
                items = within(islice(items, bounds.max_items), bounds.max_norm)
            return Photos.of(count(items, labels), is_bounded=bounds is not None)

        return cls(
            {label: weight / total for label, weight in zip(labels, weights, strict=True)},
            [counted(it) for it in drawn],
            [counted(_lie(loved, it)) for it in drawn[: KINDS // 10]],
        )

    def error_percent(self, counts: Mapping[str, int]) -> float:
        """Return the error of counts: the percentage of items under a wrong label."""
        total = sum(counts.values())
        if not total:
            return 100.0
        return 50 * sum(abs(counts.get(it, 0) / total - share) for it, share in self.shares.items())


def _draw(weights: Sequence[float], chance: random.Random) -> list[Item]:
    """Draw the photos of one device, those without a sure label among them, in random order."""
    size = max(1, min(5_000, int(chance.lognormvariate(*_ITEMS))))
    items = [
        Item(label, None if chance.random() < _UNDATED else _date(chance))
        for label in chance.choices(range(len(weights)), weights, k=size)
    ]
    items += [Item(None, None)] * int(chance.random() * UNCERTAIN_MAX)
    chance.shuffle(items)
    return items


def _date(chance: random.Random) -> dt.date:
    return dt.date(_YEAR, chance.randint(1, 12), 1)


def _lie(label: int, items: Iterable[Item]) -> list[Item]:
    return [it if it.label is None else Item(label, it.taken) for it in items]
