"""Each metric is scikit-learn's, to nine digits, whatever the ties, classes and weights."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn import metrics as sk

from dml.scoring import metrics, ranks
from dml.scoring.names import MetricName, columns, form, greater_is_better, key

LABELS = (
    MetricName.ACCURACY,
    MetricName.BALANCED_ACCURACY,
    MetricName.MACRO_F1,
    MetricName.QUADRATIC_KAPPA,
)
SCORES = (MetricName.ROC_AUC, MetricName.AVERAGE_PRECISION)
VALUES = (MetricName.RMSE, MetricName.MAE, MetricName.R2)


def names(classes: int) -> tuple[str, ...]:
    return tuple(map(str, range(classes)))


def close(found: float, expected: float) -> bool:
    return found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def by_sklearn(metric: MetricName, t: Any, p: Any, classes: int, w: Any = None) -> float:
    every = range(classes)
    match metric:
        case MetricName.ACCURACY:
            return float(sk.accuracy_score(t, p, sample_weight=w))
        case MetricName.BALANCED_ACCURACY:
            return float(sk.recall_score(t, p, labels=np.unique(t), average="macro",
                                         sample_weight=w, zero_division=0))  # fmt: skip
        case MetricName.MACRO_F1:
            return float(sk.f1_score(t, p, average="macro", sample_weight=w, zero_division=0))
        case MetricName.QUADRATIC_KAPPA:
            return float(
                sk.cohen_kappa_score(t, p, labels=every, weights="quadratic", sample_weight=w)
            )
        case MetricName.LOG_LOSS:
            return float(sk.log_loss(t, p, labels=every, sample_weight=w))
        case MetricName.ROC_AUC:
            return float(sk.roc_auc_score(t, p, sample_weight=w))
        case MetricName.AVERAGE_PRECISION:
            return float(sk.average_precision_score(t, p, sample_weight=w))
        case MetricName.RMSE:
            return float(sk.root_mean_squared_error(t, p, sample_weight=w))
        case MetricName.MAE:
            return float(sk.mean_absolute_error(t, p, sample_weight=w))
        case MetricName.R2:
            return float(sk.r2_score(t, p, sample_weight=w))


def agree(metric: MetricName, t: Any, p: Any, classes: int, weights: Any) -> None:
    """Unweighted, and weighted row by row."""
    found = metrics.measure(metric, t, p, names(classes))
    assert close(found.score(), by_sklearn(metric, t, p, classes))
    weighted = found.reweighted(np.arange(len(t)), np.array([np.ones(len(t)), weights]))
    assert close(weighted[0], found.score())
    some = weights > 0  # or a class without weight would count for scikit-learn
    assert close(weighted[1], by_sklearn(metric, t[some], p[some], classes, weights[some]))


rows = st.integers(2, 60)
seeds = st.integers(0, 2**32 - 1)


@given(n=rows, seed=seeds, classes=st.integers(2, 7))
@settings(max_examples=60)
@pytest.mark.parametrize("metric", LABELS)
def test_metrics_of_labels(metric: MetricName, n: int, seed: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    t, p = random.integers(0, classes, (2, n)).astype(np.int32)
    t[:2], p[:2] = (0, 1), (0, 1)
    weights = random.integers(0, 4, n).astype(np.float64)
    weights[:2] = 1
    agree(metric, t, p, classes, weights)


@given(n=rows, seed=seeds, ties=st.sampled_from([2, 5, 10**9]))
@settings(max_examples=60)
@pytest.mark.parametrize("metric", SCORES)
def test_metrics_of_scores(metric: MetricName, n: int, seed: int, ties: int) -> None:
    random = np.random.default_rng(seed)
    t = random.integers(0, 2, n).astype(np.int32)
    t[:2] = (0, 1)
    p = np.round(random.normal(size=n) * ties) / ties
    weights = random.integers(0, 4, n).astype(np.float64)
    weights[:2] = 1
    agree(metric, t, p, 2, weights)


@given(n=rows, seed=seeds, classes=st.integers(2, 5), sure=st.booleans())
@settings(max_examples=60)
def test_log_loss(n: int, seed: int, classes: int, sure: bool) -> None:
    random = np.random.default_rng(seed)
    t = random.integers(0, classes, n).astype(np.int32)
    p = random.dirichlet(np.full(classes, 0.01 if sure else 1), n)
    weights = random.integers(1, 4, n).astype(np.float64)
    agree(MetricName.LOG_LOSS, t, p, classes, weights)
    if classes == 2:
        agree(MetricName.LOG_LOSS, t, p[:, 1], classes, weights)


@given(n=rows, seed=seeds, offset=st.sampled_from([0, 1e6]))
@settings(max_examples=60)
@pytest.mark.parametrize("metric", VALUES)
def test_metrics_of_values(metric: MetricName, n: int, seed: int, offset: float) -> None:
    random = np.random.default_rng(seed)
    t = random.normal(size=n) + offset
    p = t + random.normal(size=n)
    weights = random.integers(0, 4, n).astype(np.float64)
    weights[:2] = 1
    agree(metric, t, p, 0, weights)


def test_a_sure_and_wrong_probability_costs_much_but_not_everything() -> None:
    score = metrics.score(MetricName.LOG_LOSS, np.array([1, 0]), np.array([0.0, 0.0]), names(2))
    assert score == pytest.approx(18.02, abs=0.01)


def test_what_is_not_defined_is_not_a_number() -> None:
    t, p = np.array([1, 1], np.int32), np.array([0.1, 0.2])
    assert np.isnan(metrics.score(MetricName.ROC_AUC, t, p, names(2)))
    assert np.isnan(metrics.score(MetricName.AVERAGE_PRECISION, 1 - t, p, names(2)))
    assert np.isnan(metrics.score(MetricName.QUADRATIC_KAPPA, t, t, names(2)))
    assert np.isnan(metrics.score(MetricName.R2, np.ones(2), p, ()))


def test_weights_of_groups_are_those_of_their_rows() -> None:
    random = np.random.default_rng(1)
    groups, weights = random.integers(0, 20, 500), random.integers(0, 3, (7, 20)).astype(float)
    t, p = random.integers(0, 2, 500).astype(np.int32), random.normal(size=500).round(1)
    for metric, predicted in (
        (MetricName.ROC_AUC, p),
        (MetricName.AVERAGE_PRECISION, p),
        (MetricName.MACRO_F1, (p > 0).astype(np.int32)),
        (MetricName.QUADRATIC_KAPPA, (p > 0).astype(np.int32)),
        (MetricName.MAE, p),
    ):
        found = metrics.measure(metric, t, predicted, names(2))
        by_row = found.reweighted(np.arange(500), weights[:, groups])
        assert found.reweighted(groups, weights) == pytest.approx(by_row, abs=1e-12)


@pytest.mark.parametrize("metric", SCORES)
def test_steps_come_near_what_is_exact(metric: MetricName, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(2)
    t = (random.random(20_000) < 0.1).astype(np.int32)
    found = metrics.measure(metric, t, t + random.normal(size=len(t)), names(2))
    groups, weights = random.integers(0, 50, len(t)), random.integers(0, 3, (9, 50)).astype(float)
    exact = found.reweighted(groups, weights)
    monkeypatch.setattr(ranks, "EXACT_MOST", 0)
    assert found.reweighted(groups, weights) == pytest.approx(exact, abs=1e-3)


@pytest.mark.parametrize("metric", MetricName)
def test_a_better_score_has_a_smaller_key(metric: MetricName) -> None:
    better, worse = (0.9, 0.1) if greater_is_better(metric) else (0.1, 0.9)
    assert key(metric, better) < key(metric, worse)


def test_columns_of_a_predictions_file() -> None:
    classes = ("cat", "dog")
    assert columns(MetricName.ACCURACY, classes) == (("prediction",),)
    assert columns(MetricName.LOG_LOSS, classes) == (("prediction",), classes)
    assert columns(MetricName.LOG_LOSS, (*classes, "owl")) == ((*classes, "owl"),)
    assert form(MetricName.RMSE) == "value"
