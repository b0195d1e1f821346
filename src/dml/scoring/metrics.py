"""The scores of predictions. Targets are codes of sorted classes (int32), or float64.

Each equals scikit-learn's to nine digits, wherever that is defined.
"""

from typing import Any, Final, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from dml.scoring import ranks, sums
from dml.scoring.names import MetricName, key

__all__ = ["MEANS", "Measure", "key", "losses", "measure", "score"]

Floats = NDArray[np.float64]
LEAST: Final = float(
    np.finfo(np.float64).eps
)  # the lower bound of probabilities: log 0 is infinite

MEANS: Final = frozenset(
    {MetricName.ACCURACY, MetricName.LOG_LOSS, MetricName.MAE, MetricName.RMSE}
)  # rmse is the root of one


class Measure(Protocol):
    """Some predictions, ready to be scored under any weights."""

    width: int  # the number of sums for each group of rows

    def score(self) -> float: ...

    def reweighted(self, groups: NDArray[Any], weights: sums.Weights) -> Floats:
        """Return the score for each row of `weights` (draws, groups): a row weighs as its group.

        NaN where it is undefined, for example if no positive row has any weight.
        """


def score(
    metric: MetricName, target: NDArray[Any], predictions: NDArray[Any], classes: tuple[str, ...]
) -> float:
    """Return the metric over all rows. Shapes: (n,), or (n, classes) for probabilities."""
    return measure(metric, target, predictions, classes).score()


def measure(
    metric: MetricName, target: NDArray[Any], predictions: NDArray[Any], classes: tuple[str, ...]
) -> Measure:
    """Prepare the metric for computing it under weights."""
    assert len(target) == len(predictions) > 0
    match metric:
        case MetricName.BALANCED_ACCURACY:
            return sums.ClassSums(target, predictions, len(classes), sums.balanced_accuracy)
        case MetricName.MACRO_F1:
            return sums.ClassSums(target, predictions, len(classes), sums.macro_f1)
        case MetricName.ROC_AUC:
            return ranks.Ranks(target == 1, predictions, ranks.roc_auc)
        case MetricName.AVERAGE_PRECISION:
            return ranks.Ranks(target == 1, predictions, ranks.average_precision)
        case MetricName.QUADRATIC_KAPPA:
            t, p = target.astype(np.float64), predictions.astype(np.float64)
            return sums.Sums(sums.quadratic_kappa, (t - p) ** 2, t, t**2, p, p**2)
        case MetricName.R2:
            centred = target - target.mean()  # else squares would lose digits
            return sums.Sums(sums.r2, (target - predictions) ** 2, centred, centred**2)
        case MetricName.RMSE:
            return sums.Sums(sums.root_of_mean, _losses(metric, target, predictions))
        case _:
            return sums.Sums(sums.mean, _losses(metric, target, predictions))


def losses(metric: MetricName, target: NDArray[Any], predictions: NDArray[Any]) -> Floats:
    """Return each row's term of one of the MEANS, the smaller the better."""
    each = _losses(metric, target, predictions)
    return -each if metric is MetricName.ACCURACY else each


def _losses(metric: MetricName, target: NDArray[Any], predictions: NDArray[Any]) -> Floats:
    match metric:
        case MetricName.ACCURACY:
            return cast(Floats, (target == predictions).astype(np.float64))
        case MetricName.LOG_LOSS:
            return _log_losses(target, predictions)
        case MetricName.MAE:
            return cast(Floats, np.abs(target - predictions))
        case MetricName.RMSE:
            return cast(Floats, (target - predictions) ** 2)
    raise AssertionError(f"{metric} is no mean")


def _log_losses(target: NDArray[Any], predictions: Floats) -> Floats:
    if predictions.ndim == 1:
        chosen = np.where(target == 1, predictions, 1 - predictions)
    else:
        chosen = predictions[np.arange(len(target)), target]
    return cast(Floats, -np.log(np.clip(chosen, LEAST, 1 - LEAST)))
