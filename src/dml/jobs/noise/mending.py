"""From the numbers that were drawn to an answer: whole, none below zero, and adding up. Pure.

All of it is worked out of what was drawn, and of nothing else: so it tells nothing more of anybody,
and is the same whenever it is asked for.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from dml.jobs.models import ELSEWHERE, UNDATED, JobRelease, ReleasePart
from dml.jobs.noise import rules

Cells: TypeAlias = dict[int, dict[int, int]]  # By month and label.


class Number(NamedTuple):
    """A count as it is told, and between which others the truth lies, 95 times of 100."""

    value: int
    low: int
    high: int


_NOTHING: Final = Number(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Sure:
    """How sure each number of an answer is. Labels go by their places."""

    items: Number
    labels: Sequence[Number]
    shares: Sequence[tuple[float, float, float]]  # Of all items: the share, and its bounds.
    uncertain: Number
    undated: Number
    months: Mapping[int, Mapping[int, Number]]
    elsewhere: Mapping[int, Number]
    clipped: Number | None = None  # How many results are as large as they may be.


@dataclass(frozen=True, slots=True)
class Mended:
    """An answer: counts by month and label, UNDATED and ELSEWHERE among the months."""

    cells: Cells = field(default_factory=dict)
    uncertain: int = 0
    sure: Sure | None = None


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What was drawn: of the labels, the uncertain items last; of the months; and of some cells.

    `only`: the one month that all items are of, if there is no other.
    """

    labels: Sequence[int]
    scale: float
    only: int | None
    months: JobRelease | None
    cells: JobRelease | None
    clipped: Number | None

    def cell(self, row: int, label: int) -> int:
        assert self.cells is not None, "there is no row without cells"
        return self.cells.counts[row * (len(self.labels) - 1) + label]

    @property
    def rows(self) -> Sequence[int]:
        return self.cells.months if self.cells is not None else ()


def mend(releases: Sequence[JobRelease]) -> Mended:
    """Return what a customer sees of these releases, all of one job. O(counts)."""
    if not releases:
        return Mended()
    parts = {it.part: it for it in releases}
    first = releases[0].months
    # A job whose deadline was raised may have been about one month alone until then.
    is_of_one = bool(first) and all(it.months == first for it in releases)
    only = first[0] if parts.keys() <= _LABELS and is_of_one else None
    if (whole := parts.get(ReleasePart.LABELS)) is not None:
        labels, scale = whole.counts, whole.scale
    else:
        labels = [sum(some) for some in zip(*(it.counts for it in releases), strict=True)]
        scale = math.hypot(*(it.scale for it in releases))
    months, cells = parts.get(ReleasePart.MONTHS), parts.get(ReleasePart.CELLS)
    clipped = _clipped(whole) if whole is not None else None
    return _mend(_Drawn(labels, scale, only, months, cells, clipped))


_LABELS: Final = {ReleasePart.STEP, ReleasePart.LABELS}


def _mend(drawn: _Drawn) -> Mended:
    total = max(0, sum(drawn.labels))
    *labels, uncertain = rules.whole(rules.project(drawn.labels, total), total)
    told = _told(drawn, labels)
    left = dict(enumerate(labels))
    for by_label in told.values():
        for place, count in by_label.items():
            left[place] -= count
    rest = {place: count for place, count in left.items() if count}
    where = ELSEWHERE if drawn.only is None else drawn.only
    cells = {month: by for month, by in {**told, where: rest}.items() if by}
    return Mended(cells, uncertain, _sure(drawn, labels, uncertain, told, cells))


def _sure(drawn: _Drawn, labels: Sequence[int], uncertain: int, told: Cells, cells: Cells) -> Sure:
    """Say how sure each number is: as what was drawn for it, and as noise is spread."""
    raw, scale = drawn.labels, drawn.scale
    numbers = [_around(it, raw[place], scale) for place, it in enumerate(labels)]
    total = sum(labels) + uncertain
    months = {
        month: {place: _cell(drawn, row, place, by[place]) for place in by}
        for row, month in enumerate(drawn.rows)
        if (by := told[month])
    }
    if drawn.only is not None:
        months = {drawn.only: {it: numbers[it] for it in cells.get(drawn.only, {})}}
    return Sure(
        items=_around(total, sum(raw), scale * math.sqrt(len(raw))),
        labels=numbers,
        shares=[_share(it, total, raw, scale, place) for place, it in enumerate(labels)],
        uncertain=_around(uncertain, raw[-1], scale),
        undated=_undated(drawn, told),
        months={month: by for month, by in months.items() if by},
        elsewhere=_elsewhere(drawn, told, cells.get(ELSEWHERE, {})),
        clipped=drawn.clipped,
    )


def _share(
    count: int, counts: int, raw: Sequence[int], scale: float, place: int
) -> tuple[float, float, float]:
    """Return a count's share of the sum of all, and its bounds: first order in the noise.

    Noise on the count itself moves its share by 1 - share, and that on each other one by -share.
    """
    value, total = count / counts if counts else 0.0, sum(raw)
    if total <= 0:
        return value, 0.0, 1.0
    share = raw[place] / total
    spread = (1 - share) ** 2 + (len(raw) - 1) * share**2
    width = rules.WIDTH * scale * math.sqrt(spread) / total
    low, high = max(0.0, share - width), min(1.0, share + width)
    return value, min(value, low), max(value, high)


def _told(drawn: _Drawn, labels: Sequence[int]) -> Cells:
    """Return the cells that noise alone seldom makes, at most what their label has in all."""
    if drawn.cells is None:
        return {}
    least = rules.stands_out(len(drawn.cells.counts)) * drawn.cells.scale
    told: Cells = {month: {} for month in drawn.rows}
    for place, most in enumerate(labels):
        found = [(month, drawn.cell(row, place)) for row, month in enumerate(drawn.rows)]
        found = [(month, count) for month, count in found if count > least]
        in_all = max(most, sum(count for _, count in found))
        for month, count in found:
            if kept := count * most // in_all:
                told[month][place] = kept
    return told


def _cell(drawn: _Drawn, row: int, place: int, told: int) -> Number:
    assert drawn.cells is not None, "there is no row without cells"
    return _around(told, drawn.cell(row, place), drawn.cells.scale)


def _undated(drawn: _Drawn, told: Cells) -> Number:
    if drawn.months is None or UNDATED not in drawn.months.months:
        return _NOTHING
    counted = drawn.months.counts[drawn.months.months.index(UNDATED)]
    return _around(sum(told.get(UNDATED, {}).values()), counted, drawn.months.scale)


def _elsewhere(drawn: _Drawn, told: Cells, left: Mapping[int, int]) -> dict[int, Number]:
    """What labels have in no cell that is told: their totals less their cells that are."""
    own = drawn.cells.scale if drawn.cells is not None else 0.0
    found: dict[int, Number] = {}
    for place, count in left.items():
        rows = [row for row, month in enumerate(drawn.rows) if place in told[month]]
        raw = drawn.labels[place] - sum(drawn.cell(row, place) for row in rows)
        found[place] = _around(count, raw, math.hypot(drawn.scale, math.sqrt(len(rows)) * own))
    return found


def _clipped(whole: JobRelease) -> Number | None:
    """Return how many results are as large as they may be; it is known how many there are."""
    if whole.clipped is None or whole.clipped_scale is None:
        return None  # From before that was drawn.
    numbers = _around(max(0, whole.clipped), whole.clipped, whole.clipped_scale)
    return Number(*(min(it, whole.devices) for it in numbers))


def _around(value: int, drawn: float, scale: float) -> Number:
    """Return an interval around what was drawn, which holds the mended value too."""
    low, high = rules.interval(drawn, scale)
    return Number(value, min(value, low), max(value, high))
