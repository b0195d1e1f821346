"""The final ranking: by the private rows, with what chance alone could have changed.

Rows are drawn anew, with replacement, the same ones for all entrants. Who leads in fewer than 95 %
of the draws is no better than tied (docs/decisions/0013).
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dml.scoring.metrics import Measure, key, measure
from dml.scoring.names import MetricName
from dml.scoring.predictions import Predictions
from dml.scoring.ranked import Ranked
from dml.scoring.test_set import TestSet

DRAWS: Final = 2000
MOST: Final = 120  # entrants who are compared: twenty more than there can be prizes
SURE: Final = 0.95
# Rows are drawn one by one up to this bound, and in random groups of equal size beyond: that
# changes what is estimated, the spread of a difference, by a few percent at most.
ROWS_MOST: Final = 20_000
GROUPS: Final = 2000
SUMS_MOST: Final = 5_000_000  # rows times sums of each

Floats = NDArray[np.float64]


def rank(
    metric: MetricName,
    test_set: TestSet,
    entries: Mapping[str, Predictions],
    salt: bytes,
    *,
    draws: int = DRAWS,
    most: int = MOST,
) -> list[Ranked]:
    """All entries by their score on the private rows; of equal ones, the first in `entries` first.

    Only the best `most` are compared by draws, so choose it far beyond the last prize: who is
    behind has no ties. The salt decides the draws, so anybody who knows it gets the same ranking.
    """
    if not entries:
        return []
    rows = ~test_set.public
    target, classes = test_set.target[rows], test_set.classes

    def measured(entry: str) -> Measure:
        return measure(metric, target, entries[entry].values[rows], classes)

    scores = {entry: measured(entry).score() for entry in entries}
    order = sorted(entries, key=lambda entry: key(metric, scores[entry]))  # which is stable
    random = np.random.default_rng(_seed(salt))
    groups = _groups(random, len(target), measured(order[0]).width)
    weights = _weights(random, draws, int(groups.max()) + 1)
    keys = np.stack(
        [_keys(metric, measured(entry), groups, weights) for entry in order[:most]], axis=1
    )
    firsts, bands = _chances_of_first(keys), _bands(keys)
    firsts += [0.0] * (len(order) - len(firsts))
    bands += [(place, place) for place in range(len(bands) + 1, len(order) + 1)]
    return [
        Ranked(entry, scores[entry], place, *bands[place - 1], firsts[place - 1])
        for place, entry in enumerate(order, 1)
    ]


def _seed(salt: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"bootstrap" + salt).digest(), "big")


def _groups(random: np.random.Generator, rows: int, width: int) -> NDArray[np.int64]:
    """The group of each row: its own where that is little enough work."""
    if rows <= ROWS_MOST and rows * width <= SUMS_MOST:
        return np.arange(rows)
    return random.permutation(rows) % min(rows, GROUPS)


def _weights(random: np.random.Generator, draws: int, groups: int) -> NDArray[np.uint8]:
    """How often each group is drawn, in each draw: in bytes, as there are many."""
    return np.stack(
        [
            np.minimum(np.bincount(random.integers(0, groups, groups), minlength=groups), 255)
            for _ in range(draws)
        ]
    ).astype(np.uint8)


def _keys(
    metric: MetricName,
    measured: Measure,
    groups: NDArray[np.int64],
    weights: NDArray[np.uint8],
) -> Floats:
    """An entry's key in each draw. What is not defined there is worse than anything."""
    keys = np.array([key(metric, float(each)) for each in measured.reweighted(groups, weights)])
    return np.where(np.isnan(keys), np.inf, keys)


def _chances_of_first(keys: Floats) -> list[float]:
    """In what share of the draws each one is first; those who are so together share."""
    first = keys == keys.min(axis=1, keepdims=True)
    return [float(each) for each in (first / first.sum(axis=1, keepdims=True)).mean(axis=0)]


def _bands(keys: Floats) -> list[tuple[int, int]]:
    """The band of each place, from the top.

    A band's leader is tied with everyone behind whom it beats in too few draws, where a tie is
    half a win, and so with all between, who are not worse than these.
    """
    bands: list[tuple[int, int]] = []
    while len(bands) < keys.shape[1]:
        leader = len(bands)
        last = leader + _last_tied(keys[:, leader], keys[:, leader + 1 :])
        bands += [(leader + 1, last + 1)] * (last - leader + 1)
    return bands


def _last_tied(leader: Floats, behind: Floats) -> int:
    """How many places behind the leader its band ends."""
    wins = (leader[:, None] < behind) + (leader[:, None] == behind) / 2
    tied: Sequence[int] = np.flatnonzero(wins.mean(axis=0) < SURE).tolist()
    return tied[-1] + 1 if tied else 0
