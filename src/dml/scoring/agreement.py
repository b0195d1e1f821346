"""Which entrants' predictions agree so well that somebody should look."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dml.scoring.names import Form, MetricName, form
from dml.scoring.predictions import Predictions

THRESHOLD: Final = 0.995  # of rows
NEAR: Final = 1e-3  # of the spread of values; absolute for probabilities
NEAR_RANKS: Final = 5e-3  # of all rows: changing a few values shifts the ranks of others
PAIRS_MOST: Final = 1000  # at most: more are no longer a matter of two entrants

# Two that agree in 99.5 % of rows agree in a whole sample with a chance of 1/4 or more, so in some
# of 24; two that agree in 95 % with a chance of 1/100 or less.
SAMPLES: Final = 24
_SAMPLE_ROWS: Final = {True: 200, False: 100}  # of labels, of numbers
CELL: Final = 100  # times the tolerance, so that few values lie at an edge
NEIGHBOURS: Final = 8  # in a sample, with whom an entrant is compared
GLANCE_ROWS: Final = 2000
GLANCE_TOLERANCE: Final = 0.01
NUMBERS_MOST: Final = 50_000_000  # of all entries, that are held at once
ROWS_LEAST: Final = 5_000

Array = NDArray[Any]


def find(
    metric: MetricName, entries: Mapping[str, Predictions], threshold: float = THRESHOLD
) -> list[tuple[str, str, float]]:
    """Find pairs of entries that agree in at least this share of rows, the closest first.

    Labels agree where they are equal, and numbers where they are within NEAR. Scores may also agree
    by their ranks, within NEAR_RANKS, which no increasing function changes. Two entrants are
    compared only if they agree in a whole sample of rows, so the work does not grow with all
    pairs. Each entry is read once; if there are very many, only a part of the rows is kept.
    """
    if len(entries) < 2:
        return []
    kept = _kept_rows(entries)
    each = {entry: found.values[kept] for entry, found in entries.items()}
    shares: dict[tuple[str, str], float] = {}
    for values, near in _views(metric, each):
        for one, other, share in _pairs(values, near, threshold):
            shares[one, other] = max(share, shares.get((one, other), 0.0))
    pairs = [(one, other, share) for (one, other), share in shares.items()]
    return sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1]))[:PAIRS_MOST]


def _kept_rows(entries: Mapping[str, Predictions]) -> Array | slice:
    """Choose the rows to compare, the same for all: as many as fit into memory together."""
    first = next(iter(entries.values())).values
    most = max(ROWS_LEAST, NUMBERS_MOST // (len(entries) * first[0].size))
    if len(first) <= most:
        return slice(None)
    chosen: Array = np.random.default_rng(2).choice(len(first), most, replace=False)
    return chosen


def _views(metric: MetricName, each: dict[str, Array]) -> Iterator[tuple[dict[str, Array], float]]:
    """Return arrays to compare, and the distance up to which values agree (0 for labels)."""
    match form(metric):
        case Form.LABEL:
            yield each, 0.0
        case Form.PROBABILITY:
            yield each, NEAR
        case kind:  # of the median spread, which nobody can widen alone
            yield each, NEAR * float(np.median([values.std() for values in each.values()]))
            if kind is Form.SCORE:
                yield {entry: _ranks(values) for entry, values in each.items()}, NEAR_RANKS


def _pairs(
    each: dict[str, Array], near: float, threshold: float
) -> Iterator[tuple[str, str, float]]:
    rows, found = len(next(iter(each.values()))), 0
    glance = np.random.default_rng(1).integers(0, rows, min(rows, GLANCE_ROWS))
    for one, other in _candidates(each, near):
        first, second = each[one], each[other]
        likely = _agreement(first[glance], second[glance], near) >= threshold - GLANCE_TOLERANCE
        if likely and (share := _agreement(first, second, near)) >= threshold:
            yield one, other, share
            found += 1
            if found == PAIRS_MOST:
                return


def _ranks(values: Array) -> Array:
    """Ranks from 0 to 1; equal values have their mean rank."""
    order = np.argsort(values)
    ordered = values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    ends = np.r_[starts[1:], len(values)]
    ranks = np.empty(len(values))
    ranks[order] = np.repeat((starts + ends - 1) / 2, ends - starts) / len(values)
    return ranks


def _candidates(each: Mapping[str, Array], near: float) -> Iterator[tuple[str, str]]:
    """Yield pairs whose values fall into the same cells in one of the samples, each pair once."""
    rows = len(next(iter(each.values())))
    random = np.random.default_rng(0)
    seen: set[tuple[str, str]] = set()
    for _ in range(SAMPLES):
        sample, shift = random.integers(0, rows, _SAMPLE_ROWS[near == 0]), random.random()
        buckets: defaultdict[bytes, list[str]] = defaultdict(list)
        for entry in random.permutation(sorted(each)).tolist():
            buckets[_cells(each[entry][sample], near, shift)].append(entry)
        for together in buckets.values():
            for place, entry in enumerate(together):
                for other in together[place + 1 : place + 1 + NEIGHBOURS]:
                    pair = (min(entry, other), max(entry, other))
                    if pair not in seen:
                        seen.add(pair)
                        yield pair


def _cells(values: Array, near: float, shift: float) -> bytes:
    """A hash that is equal for values that agree, unless one lies at a cell's edge."""
    if near:
        values = np.floor(values / (near * CELL) + shift)
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).digest()


def _agreement(first: Array, second: Array, near: float) -> float:
    equal = np.abs(first - second) <= near if near else first == second
    return float((equal.all(axis=1) if equal.ndim == 2 else equal).mean())
