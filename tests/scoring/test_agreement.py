"""Copies are found, disguised ones too, and honest entrants are not; in little time."""

import time

import numpy as np
import pytest

from dml.scoring import agreement
from dml.scoring.agreement import find
from dml.scoring.names import Form, MetricName, form
from dml.scoring.predictions import Predictions
from tests.scoring.test_ladder import make, predict


def names(found: list[tuple[str, str, float]]) -> list[tuple[str, str]]:
    return [(first, second) for first, second, _ in found]


@pytest.mark.parametrize("metric", MetricName)
def test_a_copy_with_a_few_changes_is_found_among_honest_ones(metric: MetricName) -> None:
    test_set = make(metric)
    entries = {f"honest {i}": predict(metric, test_set, 0.5, seed=i) for i in range(20)}
    copied = entries["honest 7"].values.copy()
    rows = np.random.default_rng(9).permutation(len(copied))[:16]  # 0.4 %
    copied[rows] = 1 - copied[rows]
    entries["copy"] = Predictions(copied)
    found = find(metric, entries)
    assert names(found) == [("copy", "honest 7")]
    assert found[0][2] == pytest.approx(0.996, abs=0.002)


@pytest.mark.parametrize("metric", [MetricName.RMSE, MetricName.LOG_LOSS, MetricName.ROC_AUC])
def test_a_copy_with_little_noise_is_found(metric: MetricName) -> None:
    test_set = make(metric)
    entries = {f"honest {i}": predict(metric, test_set, 0.5, seed=i) for i in range(5)}
    noise = np.random.default_rng(9).uniform(-1, 1, len(test_set)) * 1e-4
    entries["copy"] = Predictions(np.clip(entries["honest 0"].values + noise, *bounds(metric)))
    assert names(find(metric, entries)) == [("copy", "honest 0")]


def bounds(metric: MetricName) -> tuple[float, float]:
    return (0, 1) if form(metric) is Form.PROBABILITY else (-np.inf, np.inf)


def test_scores_stretched_by_a_rising_function_are_the_same() -> None:
    test_set = make(MetricName.ROC_AUC)
    one = predict(MetricName.ROC_AUC, test_set, 0.5)
    disguised = Predictions(np.exp(3 * one.values) - 7)
    other = predict(MetricName.ROC_AUC, test_set, 0.5, seed=5)
    found = find(MetricName.ROC_AUC, {"a": one, "b": disguised, "c": other})
    assert names(found) == [("a", "b")]


def test_an_entrant_with_huge_values_makes_nobody_alike() -> None:
    test_set = make(MetricName.RMSE)
    entries = {f"honest {i}": predict(MetricName.RMSE, test_set, 1, seed=i) for i in range(5)}
    entries["huge"] = Predictions(entries["honest 0"].values * 1e90)
    assert find(MetricName.RMSE, entries) == []


def test_probabilities_of_several_classes_agree_where_all_of_a_row_do() -> None:
    random = np.random.default_rng(0)
    one, other = random.dirichlet(np.ones(3), (2, 1000))
    entries = {"a": Predictions(one), "b": Predictions(one.copy()), "c": Predictions(other)}
    assert find(MetricName.LOG_LOSS, entries) == [("a", "b", 1.0)]


def test_one_entrant_or_none_has_nobody_to_agree_with() -> None:
    test_set = make(MetricName.MAE)
    assert find(MetricName.MAE, {}) == []
    assert find(MetricName.MAE, {"a": predict(MetricName.MAE, test_set, 1)}) == []


@pytest.mark.slow
def test_many_entrants_take_seconds_even_where_all_agree() -> None:
    metric, test_set = MetricName.ACCURACY, make(MetricName.ACCURACY)
    start = time.monotonic()
    honest = {str(i): predict(metric, test_set, 0.3, seed=i) for i in range(1000)}
    assert find(metric, honest) == []
    same = predict(metric, test_set, 1)
    assert len(find(metric, {str(i): same for i in range(1000)})) == 1000
    assert time.monotonic() - start < 20


def test_a_copy_with_noise_is_found_where_many_scores_are_tied() -> None:
    random = np.random.default_rng(0)
    forest = random.integers(0, 60, 400) / 60  # Sixty trees vote.
    copy = forest + random.normal(0, 1e-6, 400)
    other = random.integers(0, 60, 400) / 60
    entries = {name: Predictions(it) for name, it in (("a", forest), ("b", copy), ("c", other))}
    assert names(find(MetricName.ROC_AUC, entries)) == [("a", "b")]


def test_of_very_many_numbers_a_part_of_the_rows_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "NUMBERS_MOST", 30_000)
    monkeypatch.setattr(agreement, "ROWS_LEAST", 500)
    random = np.random.default_rng(0)
    entries = {f"honest {i}": Predictions(random.random(20_000)) for i in range(20)}
    entries["copy"] = Predictions(entries["honest 3"].values + 1e-6)
    assert names(find(MetricName.ROC_AUC, entries)) == [("copy", "honest 3")]
