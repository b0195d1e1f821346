"""Metrics that compare rows with each other. They sort once, and reweigh the sorted rows."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dml.scoring.sums import Floats, Weights, in_chunks, weighted

Bits = NDArray[np.bool_]
# Takes weights of positive and negative rows (draws, steps), by falling prediction.
Finish = Callable[[Floats, Floats], Floats]

EXACT_MOST: Final = 5_000_000  # rows times draws; beyond, predictions are grouped into steps
STEPS_MOST: Final = 500


class Ranks:
    """Rows by falling prediction. Equal predictions form one step."""

    width = 2 * STEPS_MOST

    def __init__(self, positive: Bits, predictions: Floats, finish: Finish) -> None:
        order = np.argsort(predictions)[::-1]
        ordered = predictions[order]
        self._order, self._positive, self._finish = order, positive[order], finish
        self._starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])

    def score(self) -> float:
        ends = np.r_[self._starts[1:], len(self._order)]
        up_to = np.r_[0, np.cumsum(self._positive)]
        positive = (up_to[ends] - up_to[self._starts]).astype(np.float64)
        negative = (ends - self._starts) - positive
        return float(self._finish(positive[None], negative[None])[0])

    def reweighted(self, groups: NDArray[Any], weights: Weights) -> Floats:
        """Return the score for each row of `weights` (draws, groups): a row weighs as its group.

        Exact up to EXACT_MOST rows times draws. Beyond, neighbouring predictions are treated as
        equal, in STEPS_MOST steps with equally many positive rows.
        """
        ordered = groups[self._order]
        if len(ordered) * len(weights) > EXACT_MOST:
            return self._in_steps(ordered, weights)
        chunks = in_chunks(weights, len(ordered))
        return np.concatenate([self._exact(ordered, chunk) for chunk in chunks])

    def _exact(self, ordered: NDArray[Any], weights: Floats) -> Floats:
        both = weights[:, ordered]
        positive = both * self._positive
        if len(self._starts) < len(ordered):
            both = np.add.reduceat(both, self._starts, axis=1)
            positive = np.add.reduceat(positive, self._starts, axis=1)
        return self._finish(positive, both - positive)

    def _in_steps(self, ordered: NDArray[Any], weights: Weights) -> Floats:
        step_of_start = np.cumsum(np.r_[False, self._positive[:-1]])[self._starts]
        step_of_start = step_of_start * STEPS_MOST // max(1, int(self._positive.sum()))
        sizes = np.diff(np.r_[self._starts, len(ordered)])
        step = np.repeat(np.minimum(step_of_start, STEPS_MOST - 1), sizes)
        cell, shape = ordered.astype(np.int64) * STEPS_MOST + step, (weights.shape[1], STEPS_MOST)
        sums = [
            np.bincount(cell[which], minlength=shape[0] * shape[1]).reshape(shape)
            for which in (self._positive, ~self._positive)
        ]
        # Counts of rows: exact in float32 up to 16 million.
        found = [weighted(weights, each.astype(np.float32)) for each in sums]
        return self._finish(*(each.astype(np.float64) for each in found))


def roc_auc(positive: Floats, negative: Floats) -> Floats:
    """Return the share of positive-negative pairs of rows in order; equal ones count half."""
    below = negative.sum(axis=1, keepdims=True) - np.cumsum(negative, axis=1) + negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    return _ratio((positive * below).sum(axis=1), pairs)


def average_precision(positive: Floats, negative: Floats) -> Floats:
    """Return the mean over positive rows of the precision at each one's step."""
    found = np.cumsum(positive, axis=1)
    precision = _ratio(found, found + np.cumsum(negative, axis=1), 0)
    return _ratio((positive * precision).sum(axis=1), positive.sum(axis=1))


def _ratio(above: Floats, below: Floats, otherwise: float = np.nan) -> Floats:
    ratio: Floats = np.divide(above, below, out=np.full_like(below, otherwise), where=below > 0)
    return ratio
