"""The ranking is by the private rows, says which places are ties, and can be made again."""

from collections.abc import Mapping

import numpy as np
import pytest

from dml.scoring import metrics, ranking, ranks
from dml.scoring.names import MetricName, greater_is_better
from dml.scoring.predictions import Predictions
from dml.scoring.ranked import Ranked
from dml.scoring.ranking import rank
from dml.scoring.test_set import TestSet
from tests.scoring.test_ladder import make, predict

SALT = b"s" * 32


def part(metric: MetricName, rows: int = 3000) -> TestSet:
    test_set = make(metric, rows)
    test_set.public[:] = np.arange(rows) % 10 < 3
    return test_set


def noisy(
    metric: MetricName, test_set: TestSet, noises: Mapping[str, float]
) -> dict[str, Predictions]:
    return {
        entry: predict(metric, test_set, noise, seed=seed)
        for seed, (entry, noise) in enumerate(noises.items())
    }


@pytest.mark.parametrize("metric", MetricName)
def test_places_follow_private_scores_and_clear_leads_are_no_ties(metric: MetricName) -> None:
    test_set = part(metric)
    entries = noisy(metric, test_set, {"third": 3, "first": 0.5, "second": 1})
    found = rank(metric, test_set, entries, SALT, draws=300)
    assert [each.entry for each in found] == ["first", "second", "third"]
    assert [(each.place, each.tied_from, each.tied_to) for each in found] == [
        (1, 1, 1),
        (2, 2, 2),
        (3, 3, 3),
    ]
    assert [each.chance_of_first for each in found] == [1, 0, 0]
    private = ~test_set.public
    for each in found:
        values = entries[each.entry].values[private]
        assert each.score == metrics.score(
            metric, test_set.target[private], values, test_set.classes
        )
    scores = [each.score for each in found]
    assert scores == sorted(scores, reverse=greater_is_better(metric))


@pytest.mark.parametrize("metric", MetricName)
def test_equals_are_tied_and_share_the_chance(metric: MetricName) -> None:
    test_set = part(metric)
    entries = noisy(metric, test_set, {"a": 1, "b": 1, "c": 1, "far": 4})
    found = rank(metric, test_set, entries, SALT, draws=300)
    assert {(each.tied_from, each.tied_to) for each in found[:3]} == {(1, 3)}
    assert (found[3].entry, found[3].tied_from) == ("far", 4)
    assert sum(each.chance_of_first for each in found) == pytest.approx(1)


def test_the_same_file_twice_is_a_tie_in_the_order_given() -> None:
    test_set = part(MetricName.ACCURACY)
    same = predict(MetricName.ACCURACY, test_set, 1)
    found = rank(MetricName.ACCURACY, test_set, {"early": same, "late": same}, SALT, draws=100)
    assert found[0] == Ranked("early", found[0].score, 1, 1, 2, 0.5)
    assert found[1] == Ranked("late", found[0].score, 2, 1, 2, 0.5)


def test_a_band_ends_behind_the_last_whom_its_leader_does_not_surely_beat() -> None:
    random = np.random.default_rng(0)
    keys = np.stack(
        [
            np.zeros(1000),
            random.permutation(np.arange(1000)) - 30,  # is behind in 97 % of the draws
            random.permutation(np.arange(1000)) - 100,  # in 90 %
            np.ones(1000) * 5000,
            np.ones(1000) * 5000,
        ],
        axis=1,
    )
    assert ranking._bands(keys) == [(1, 3), (1, 3), (1, 3), (4, 5), (4, 5)]


def test_it_is_the_same_each_time_and_the_salt_decides_the_draws() -> None:
    test_set = part(MetricName.MAE)
    entries = noisy(MetricName.MAE, test_set, {"a": 1, "b": 1.01})
    once = rank(MetricName.MAE, test_set, entries, SALT, draws=200)
    assert rank(MetricName.MAE, test_set, entries, SALT, draws=200) == once
    other = rank(MetricName.MAE, test_set, entries, b"t" * 32, draws=200)
    assert [each.score for each in other] == [each.score for each in once]
    assert [each.chance_of_first for each in other] != [each.chance_of_first for each in once]


def test_public_rows_have_no_say() -> None:
    test_set = part(MetricName.RMSE)
    entries = noisy(MetricName.RMSE, test_set, {"a": 1, "b": 1.2})
    before = rank(MetricName.RMSE, test_set, entries, SALT, draws=50)
    entries["b"].values[test_set.public] = test_set.target[test_set.public]
    assert rank(MetricName.RMSE, test_set, entries, SALT, draws=50) == before


def test_who_is_far_behind_is_placed_without_draws() -> None:
    test_set = part(MetricName.MAE)
    entries = noisy(MetricName.MAE, test_set, {str(i): 1 + i for i in range(6)})
    found = rank(MetricName.MAE, test_set, entries, SALT, draws=50, most=3)
    assert [each.entry for each in found] == list("012345")
    assert [(each.tied_from, each.tied_to) for each in found[3:]] == [(4, 4), (5, 5), (6, 6)]


def test_nobody_is_ranked_where_nobody_entered() -> None:
    assert rank(MetricName.MAE, part(MetricName.MAE), {}, SALT) == []


@pytest.mark.parametrize(
    "metric",
    [MetricName.ACCURACY, MetricName.MACRO_F1, MetricName.ROC_AUC, MetricName.AVERAGE_PRECISION],
)
def test_groups_and_steps_say_nearly_what_rows_do(
    metric: MetricName, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_set = part(metric, rows=20_000)
    entries = noisy(metric, test_set, {"a": 1, "b": 1.01})
    exact = rank(metric, test_set, entries, SALT, draws=500)
    monkeypatch.setattr(ranking, "ROWS_MOST", 1000)
    monkeypatch.setattr(ranks, "EXACT_MOST", 1000)
    rough = rank(metric, test_set, entries, SALT, draws=500)
    for one, other in zip(exact, rough, strict=True):
        assert one.entry == other.entry
        assert one.score == other.score
        assert one.chance_of_first == pytest.approx(other.chance_of_first, abs=0.08)


def test_the_chance_of_first_is_that_of_the_normal_distribution() -> None:
    """Two whose losses differ by one standard error: 84 % of all draws."""
    test_set = part(MetricName.MAE, rows=5000)
    random = np.random.default_rng(3)
    count = int((~test_set.public).sum())
    difference = random.normal(size=count)
    difference = (difference - difference.mean()) / difference.std() + 1 / np.sqrt(count)
    good = np.full(len(test_set), 10.0)
    poor = good.copy()
    poor[~test_set.public] += difference
    entries = {"good": Predictions(test_set.target + good), "poor": Predictions(
        test_set.target + poor
    )}  # fmt: skip
    found = rank(MetricName.MAE, test_set, entries, SALT)
    assert found[0].entry == "good"
    assert found[0].chance_of_first == pytest.approx(0.841, abs=0.03)
    assert found[1].tied_from == 1
