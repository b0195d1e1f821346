"""The public board shows what is truly better, and tells who guesses next to nothing."""

from typing import Any

import numpy as np
import pytest

from dml.scoring import metrics
from dml.scoring.ladder import LadderStep, step
from dml.scoring.limits import NUMBER_MOST
from dml.scoring.names import Form, MetricName, form, greater_is_better
from dml.scoring.predictions import Predictions
from dml.scoring.test_set import Ids, TestSet, split


def make(metric: MetricName, rows: int = 4000, seed: int = 0) -> TestSet:
    """Binary targets, or numbers, of which all rows are public."""
    random = np.random.default_rng(seed)
    value = form(metric) is Form.VALUE
    ids = Ids(numbers=np.arange(rows))
    return TestSet(
        id_column="id",
        ids=ids,
        target=random.normal(size=rows) if value else random.integers(0, 2, rows).astype(np.int32),
        classes=() if value else ("0", "1"),
        public=np.ones(rows, bool),
        blocks=split(b"salt", ids)[1],
        features=np.empty((rows, 0), np.float32),
        feature_names=(),
    )


def predict(metric: MetricName, test_set: TestSet, noise: float, seed: int = 1) -> Predictions:
    """The less noise, the better."""
    random = np.random.default_rng(seed)
    values = test_set.target + noise * random.normal(size=len(test_set))
    match form(metric):
        case Form.LABEL:
            return Predictions((values > 0.5).astype(np.int32))
        case Form.PROBABILITY:
            return Predictions(1 / (1 + np.exp(-(values - 0.5) / noise**2)))
        case _:
            return Predictions(values)


@pytest.mark.parametrize("metric", [MetricName.RMSE, MetricName.MAE, MetricName.R2])
def test_the_largest_numbers_leave_room_for_something_better(metric: MetricName) -> None:
    test_set = make(metric)
    signs = np.where(np.arange(len(test_set)) % 2, 1.0, -1.0)
    wild = Predictions(NUMBER_MOST * signs * np.linspace(0.5, 1, len(test_set)))
    made = step(metric, test_set, wild, predict(metric, test_set, 1))
    assert made.improved


@pytest.mark.parametrize("metric", MetricName)
def test_the_first_one_is_shown(metric: MetricName) -> None:
    test_set = make(metric)
    new = predict(metric, test_set, 1)
    score = metrics.score(metric, test_set.target, new.values, test_set.classes)
    assert step(metric, test_set, None, new) == LadderStep(True, round(score, 5))


@pytest.mark.parametrize("metric", MetricName)
def test_what_is_much_better_is_shown_and_what_is_worse_is_not(metric: MetricName) -> None:
    test_set = make(metric)
    poor, good = predict(metric, test_set, 1), predict(metric, test_set, 0.8)
    shown = step(metric, test_set, None, poor).score
    up = step(metric, test_set, poor, good)
    assert up.improved
    assert (up.score > shown) == greater_is_better(metric)
    assert step(metric, test_set, good, poor) == LadderStep(False, up.score)


@pytest.mark.parametrize("metric", MetricName)
def test_what_is_better_by_chance_alone_is_seldom_shown(metric: MetricName) -> None:
    """By more than one standard error, for one in six: 10 of 60."""
    test_set = make(metric, rows=1000)
    best = predict(metric, test_set, 1, seed=0)
    equals = [predict(metric, test_set, 1, seed=seed) for seed in range(1, 61)]
    # What is tried against one best is not independent of the others: so wide a bound.
    assert sum(step(metric, test_set, best, each).improved for each in equals) < 40
    assert step(metric, test_set, best, best).improved is False


def test_only_public_rows_count() -> None:
    metric = MetricName.ACCURACY
    whole = make(metric)
    public = np.arange(4000) < 2000
    half = TestSet(**{name: getattr(whole, name) for name in whole.__slots__} | {"public": public})
    best, right = predict(metric, whole, 2), predict(metric, whole, 0.01).values
    private = np.where(public, best.values, right)
    assert step(metric, half, best, Predictions(private)).improved is False
    assert step(metric, half, best, Predictions(np.where(public, right, 0))) == LadderStep(
        True, 1.0
    )


@pytest.mark.parametrize("metric", MetricName)
def test_one_row_alone_never_moves_the_board(metric: MetricName) -> None:
    """Or each of a thousand files would tell a label."""
    test_set = make(metric, rows=1000)
    best = predict(metric, test_set, 1)
    for row in range(200):
        values = best.values.copy()
        values[row] = (
            test_set.target[row]
            if form(metric) is not Form.PROBABILITY
            else (np.clip(test_set.target[row], 0.01, 0.99))
        )
        assert step(metric, test_set, best, Predictions(values)).improved is False


def test_a_block_without_which_there_is_no_score_says_nothing() -> None:
    test_set = make(MetricName.ROC_AUC, rows=200)
    test_set.target[:] = test_set.blocks == 3
    best, new = (predict(MetricName.ROC_AUC, test_set, noise) for noise in (2, 0.1))
    assert step(MetricName.ROC_AUC, test_set, best, new).improved


def gains_of_guessing(files: int, *, plain: bool, seed: int) -> float:
    """What somebody without any skill gains: random files, and a vote of those that did well."""
    metric = MetricName.ACCURACY
    test_set = make(metric, seed=seed)
    random = np.random.default_rng(seed + 1)
    votes = np.zeros(len(test_set))
    best: Predictions | None = None
    shown = 0.0
    for _ in range(files):
        guess = random.integers(0, 2, len(test_set)).astype(np.int32)
        if plain:
            score = round(metrics.score(metric, test_set.target, guess, test_set.classes), 5)
            weight = score - 0.5
            shown = max(shown, score)
        else:
            told = step(metric, test_set, best, Predictions(guess))
            weight = told.improved and best is not None  # all that the board tells
            best, shown = (Predictions(guess), told.score) if told.improved else (best, shown)
        votes += weight * np.where(guess, 1.0, -1.0)
    vote = Predictions((votes > 0).astype(np.int32))
    if plain:
        return max(shown, metrics.score(metric, test_set.target, vote.values, ("0", "1"))) - 0.5
    return step(metric, test_set, best, vote).score - 0.5


def mean_gain(files: int, times: int, **how: Any) -> float:
    return float(np.mean([gains_of_guessing(files, seed=7 * i, **how) for i in range(times)]))


def test_150_random_files_gain_little_on_the_ladder_and_much_on_a_plain_board() -> None:
    assert mean_gain(150, 5, plain=False) < 0.02
    assert mean_gain(150, 5, plain=True) > 0.05


@pytest.mark.slow
def test_3000_random_files_gain_little_on_the_ladder_and_very_much_on_a_plain_board() -> None:
    assert mean_gain(3000, 3, plain=False) < 0.03
    assert mean_gain(3000, 3, plain=True) > 0.2
