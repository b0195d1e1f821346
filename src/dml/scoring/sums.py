"""Metrics that are a function of sums over rows: all that do not compare rows with each other.

Reweighing rows then means reweighing sums of groups, which costs nothing per row.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int32]
Weights = NDArray[np.float64] | NDArray[np.uint8]
Finish = Callable[[Floats], Floats]

CHUNK: Final = 2_000_000  # weights at a time


class Sums:
    """Each row's terms of some sums, and the function that makes the score of the sums.

    `finish` takes (..., 1 + sums), the number of rows first.
    """

    def __init__(self, finish: Finish, *rows: Floats) -> None:
        self._finish, self._rows = finish, rows
        self.width = 1 + len(rows)

    def score(self) -> float:
        return float(self._finish(np.array([len(self._rows[0]), *map(np.sum, self._rows)])))

    def reweighted(self, groups: NDArray[Any], weights: Weights) -> Floats:
        """Return the score for each row of `weights` (draws, groups): a row weighs as its group."""
        count = weights.shape[1]
        each = [np.bincount(groups, row, count) for row in (None, *self._rows)]
        scores: Floats = self._finish(weighted(weights, np.stack(each, axis=1)))
        return scores


class ClassSums:
    """For each class: its rows, the rows it was predicted for, and those that are both."""

    def __init__(self, target: Codes, predicted: Codes, classes: int, finish: Finish) -> None:
        self._target, self._predicted = target, predicted
        self._classes, self._finish = classes, finish
        self.width = 3 * classes

    def score(self) -> float:
        groups = np.zeros(len(self._target), np.int64)
        return float(self.reweighted(groups, np.ones((1, 1)))[0])

    def reweighted(self, groups: NDArray[Any], weights: Weights) -> Floats:
        """As in `Sums`."""
        count, classes = weights.shape[1], self._classes
        base = groups.astype(np.int64) * classes
        right = self._target == self._predicted
        kinds = (
            base + self._target,
            base + self._predicted,
            (base + self._target)[right],
        )
        sums = [np.bincount(kind, minlength=count * classes) for kind in kinds]
        each = np.concatenate([each.reshape(count, classes) for each in sums], axis=1)
        found = weighted(weights, each.astype(np.float64))
        scores: Floats = self._finish(found.reshape(len(weights), 3, classes))
        return scores


def weighted(weights: Weights, sums: NDArray[Any]) -> NDArray[Any]:
    """Return the totals of `sums` (groups, …) for each row of weights (draws, groups)."""
    chunks = in_chunks(weights, weights.shape[1], sums.dtype)
    return np.concatenate([each @ sums for each in chunks])


def in_chunks(weights: Weights, width: int, dtype: Any = np.float64) -> Iterator[NDArray[Any]]:
    """Yield some rows of weights at a time, as floats; each row makes `width` numbers."""
    size = max(1, CHUNK // width)
    for start in range(0, len(weights), size):
        yield weights[start : start + size].astype(dtype)


def mean(sums: Floats) -> Floats:
    result: Floats = sums[..., 1] / sums[..., 0]
    return result


def root_of_mean(sums: Floats) -> Floats:
    result: Floats = np.sqrt(mean(sums))
    return result


def r2(sums: Floats) -> Floats:
    """R², from sums of squared errors, targets and their squares; NaN if all targets are equal."""
    count, errors, targets, squares = np.moveaxis(sums, -1, 0)
    return 1 - _ratio(errors, squares - targets**2 / count)


def quadratic_kappa(sums: Floats) -> Floats:
    """Quadratic kappa, from sums of squared differences, targets, predictions and their squares.

    The squared difference expected by chance is E t² + E p² - 2 E t E p, so no matrix is needed.
    NaN if all targets and predictions are of one class.
    """
    count, differences, t, tt, p, pp = np.moveaxis(sums, -1, 0)
    return 1 - _ratio(differences, tt + pp - 2 * t * p / count)


def balanced_accuracy(sums: Floats) -> Floats:
    """Return the mean recall over the classes that have rows."""
    has, _, right = np.moveaxis(sums, -2, 0)
    shares: Floats = np.nanmean(_ratio(right, has), axis=-1)
    return shares


def macro_f1(sums: Floats) -> Floats:
    """Return the mean F1 over the classes that have rows or are predicted."""
    has, predicted, right = np.moveaxis(sums, -2, 0)
    scores: Floats = np.nanmean(_ratio(2 * right, has + predicted), axis=-1)
    return scores


def _ratio(above: Floats, below: Floats) -> Floats:
    """Divide; NaN where `below` is 0, or less by rounding."""
    ratio: Floats = np.divide(above, below, out=np.full_like(below, np.nan), where=below > 0)
    return ratio
