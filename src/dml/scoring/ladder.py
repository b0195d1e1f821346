"""The public board's Ladder: a score is shown only if it is truly better than the one before.

Blum and Hardt (2015), without parameters: it must be better by more than one standard error of the
paired difference. So random files reveal next to nothing of the test set (docs/decisions/0013).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from dml.scoring.metrics import MEANS, key, losses, measure
from dml.scoring.names import MetricName
from dml.scoring.predictions import Predictions
from dml.scoring.test_set import BLOCKS, TestSet

DIGITS: Final = 5  # of shown scores
# A change in one row gains exactly its own standard error: rounding must not decide then.
MARGIN: Final = 1 + 1e-9
BLOCKS_MARGIN: Final = (
    1.06  # a jackknife of 20 blocks may underestimate an effect in one block by this
)


@dataclass(frozen=True, slots=True)
class LadderStep:
    """Whether the new predictions become the best ones, and the score that is shown from now on."""

    improved: bool
    score: float


def step(
    metric: MetricName, test_set: TestSet, best: Predictions | None, new: Predictions
) -> LadderStep:
    """Compare new predictions with the best so far on the public rows."""
    rows = test_set.public
    target, classes = test_set.target[rows], test_set.classes
    if best is None:
        found = measure(metric, target, new.values[rows], classes)
        return LadderStep(improved=True, score=round(found.score(), DIGITS))
    old, fresh = best.values[rows], new.values[rows]
    if np.array_equal(old, fresh):  # no difference, so no error to compare it with
        return LadderStep(False, round(measure(metric, target, old, classes).score(), DIGITS))
    if metric in MEANS:
        gain, error = _of_means(losses(metric, target, old) - losses(metric, target, fresh))
        better = gain > error * MARGIN
        score = measure(metric, target, fresh if better else old, classes).score()
        return LadderStep(better, round(score, DIGITS))
    before, after = (measure(metric, target, each, classes) for each in (old, fresh))
    blocks, weights = test_set.blocks[rows], 1 - np.eye(BLOCKS)  # each leaves out one block
    weights = weights[np.bincount(blocks, minlength=BLOCKS) > 0]
    without = [
        np.array([key(metric, each) for each in one.reweighted(blocks, weights)])
        for one in (before, after)
    ]
    error = _jackknife_error(without[0] - without[1])
    scores = before.score(), after.score()
    better = key(metric, scores[0]) - key(metric, scores[1]) > error * BLOCKS_MARGIN
    return LadderStep(better, round(scores[better], DIGITS))


def _of_means(gains: np.ndarray) -> tuple[float, float]:
    """Return the mean gain of the rows, and its standard error."""
    return float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(len(gains)))


def _jackknife_error(without: np.ndarray) -> float:
    """Return the standard error of a difference from its values with one block left out.

    A block without which it is undefined (it has all rows of a class) is not counted.
    """
    known = without[np.isfinite(without)]
    if len(known) < 2:
        return float("inf")
    return float(np.sqrt((len(known) - 1) * known.var()))
