"""The final ranking by the private rows, with ties where chance alone could decide.

Rows are resampled with replacement, the same ones for all entrants. A leader in fewer than 95 % of
the draws is tied (docs/decisions/0013).
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
MOST: Final = 120  # entrants who are compared: 20 more than there can be prizes
SURE: Final = 0.95
# Up to this bound single rows are drawn, beyond it random groups of equal size: that changes the
# estimated spread of a difference by a few percent at most.
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
    """Rank all entries by their score on the private rows; equal ones in the order of `entries`.

    Only the best `most` are compared by draws, so choose it far beyond the last prize: entries
    behind them have no ties. The salt determines the draws, so the ranking can be reproduced.
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
    """Return the group of each row: its own, if that is not too much work."""
    if rows <= ROWS_MOST and rows * width <= SUMS_MOST:
        return np.arange(rows)
    return random.permutation(rows) % min(rows, GROUPS)


def _weights(random: np.random.Generator, draws: int, groups: int) -> NDArray[np.uint8]:
    """Return how often each group is drawn in each draw; in bytes, since there are many."""
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
    """Return an entry's sort key in each draw. An undefined score is the worst."""
    keys = np.array([key(metric, float(each)) for each in measured.reweighted(groups, weights)])
    return np.where(np.isnan(keys), np.inf, keys)


def _chances_of_first(keys: Floats) -> list[float]:
    """Return in what share of the draws each entry is first; equal firsts share a draw."""
    first = keys == keys.min(axis=1, keepdims=True)
    return [float(each) for each in (first / first.sum(axis=1, keepdims=True)).mean(axis=0)]


def _bands(keys: Floats) -> list[tuple[int, int]]:
    """Return the band of ties of each place, from the top.

    A band's leader is tied with every entry behind it that it beats in too few draws (an equal
    score is half a win), and with all entries between them.
    """
    bands: list[tuple[int, int]] = []
    while len(bands) < keys.shape[1]:
        leader = len(bands)
        last = leader + _last_tied(keys[:, leader], keys[:, leader + 1 :])
        bands += [(leader + 1, last + 1)] * (last - leader + 1)
    return bands


def _last_tied(leader: Floats, behind: Floats) -> int:
    """Return how many places behind the leader its band ends."""
    wins = (leader[:, None] < behind) + (leader[:, None] == behind) / 2
    tied: Sequence[int] = np.flatnonzero(wins.mean(axis=0) < SURE).tolist()
    return tied[-1] + 1 if tied else 0
