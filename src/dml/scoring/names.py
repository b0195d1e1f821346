"""The metrics by name, and the columns that each requires of a file. Pure, without numpy."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PREDICTION: Final = "prediction"  # the column of a file that has only one besides the id


class MetricName(StrEnum):
    """A metric, with its version: what a version computes never changes."""

    ACCURACY = "accuracy.v1"
    BALANCED_ACCURACY = "balanced_accuracy.v1"
    MACRO_F1 = "macro_f1.v1"
    LOG_LOSS = "log_loss.v1"
    ROC_AUC = "roc_auc.v1"
    AVERAGE_PRECISION = "average_precision.v1"
    QUADRATIC_KAPPA = "quadratic_kappa.v1"
    RMSE = "rmse.v1"
    MAE = "mae.v1"
    R2 = "r2.v1"


@dataclass(frozen=True, slots=True)
class TableLayout:
    """How a test set's file is to be read. `format` is csv or parquet."""

    format: str
    id_column: str
    target_column: str


class Form(StrEnum):
    """What is predicted of each row."""

    LABEL = "label"  # the name of a class
    PROBABILITY = "probability"  # of the positive class, or of each class
    SCORE = "score"  # any finite number: the higher, the likelier the positive class
    VALUE = "value"  # a finite number near the target


_FORMS: Final[Mapping[MetricName, Form]] = {
    MetricName.ACCURACY: Form.LABEL,
    MetricName.BALANCED_ACCURACY: Form.LABEL,
    MetricName.MACRO_F1: Form.LABEL,
    MetricName.LOG_LOSS: Form.PROBABILITY,
    MetricName.ROC_AUC: Form.SCORE,
    MetricName.AVERAGE_PRECISION: Form.SCORE,
    MetricName.QUADRATIC_KAPPA: Form.LABEL,
    MetricName.RMSE: Form.VALUE,
    MetricName.MAE: Form.VALUE,
    MetricName.R2: Form.VALUE,
}
_SMALLER_IS_BETTER: Final = frozenset({MetricName.LOG_LOSS, MetricName.RMSE, MetricName.MAE})
assert _FORMS.keys() == set(MetricName)


def form(metric: MetricName) -> Form:
    """Return what a row of a predictions file holds."""
    return _FORMS[metric]


def greater_is_better(metric: MetricName) -> bool:
    return metric not in _SMALLER_IS_BETTER


def key(metric: MetricName, score: float) -> float:
    """Return the sort key of a score: the smaller, the better."""
    return -score if greater_is_better(metric) else score


def is_classification(metric: MetricName) -> bool:
    """Whether targets are classes; else they are numbers."""
    return form(metric) is not Form.VALUE


def is_binary(metric: MetricName) -> bool:
    """Whether it takes two classes only; the later one, sorted, is the positive one."""
    return form(metric) is Form.SCORE


def columns(metric: MetricName, classes: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return the columns of a predictions file besides the ids: any of these sets, in any order.

    Only `log_loss` with two classes leaves a choice.
    """
    if form(metric) is not Form.PROBABILITY:
        return ((PREDICTION,),)
    return ((PREDICTION,), classes) if len(classes) == 2 else (classes,)
