"""What simulated devices hand in: right in form, and true on the whole."""

import json
import random
from collections import Counter
from datetime import UTC, datetime

from dml.jobs import counting
from dml.jobs.counting import ResultTerms
from dml.sim.answers import LabelTold, covered, labels_told
from dml.sim.population import LABELS
from dml.sim.truth import Bounds, Truth

TERMS = ResultTerms.of(LABELS, None, None)
NOW = datetime.now(UTC)
TRUTH = Truth.draw(LABELS, random.Random(7))


def test_results_add_up_and_are_in_the_form_that_is_kept() -> None:
    for photos in (*TRUTH.honest, *TRUTH.lies):
        assert photos.uncertain is None
        for uncertain in (0, 12):
            body = photos.result(uncertain)
            result = json.loads(body)
            counting.check(result, TERMS, NOW)
            assert counting.canonical(result) == body


def test_results_have_a_devices_size() -> None:
    sizes = sorted(len(it.result(50)) for it in TRUTH.honest)
    assert 600 < sizes[len(sizes) // 2] < 1_100


def test_an_implausible_result_does_not_add_up() -> None:
    result = json.loads(TRUTH.honest[0].implausible(5))
    assert sum(result["labels"].values()) + result["uncertain"] == result["items"] - 1


def test_honest_results_come_near_the_truth_and_lies_do_not() -> None:
    def error(photos: object) -> float:
        counts = Counter[str]()
        for it in photos:  # type: ignore[attr-defined]
            counts.update(json.loads(it.result(0))["labels"])
        return TRUTH.error_percent(counts)

    assert error(TRUTH.honest) < 2
    assert error(TRUTH.lies) > 50
    assert TRUTH.error_percent({}) == 100


def test_the_same_seed_draws_the_same_truth() -> None:
    again = Truth.draw(LABELS, random.Random(7))
    assert again.shares == TRUTH.shares
    assert [it.result(1) for it in again.honest] == [it.result(1) for it in TRUTH.honest]


def test_results_of_a_noisy_job_keep_to_its_bounds_and_are_a_random_part() -> None:
    bounds = Bounds(max_items=100, max_norm=41)
    terms = ResultTerms.of(LABELS, None, None, max_items=100, max_norm=41)
    truth, chance = Truth.draw(LABELS, random.Random(7), bounds), random.Random(1)
    clipped = 0
    for photos in (*truth.honest, *truth.lies):
        uncertain = photos.draw_uncertain(chance)
        assert uncertain == photos.draw_uncertain(chance), "the bounds hold for these alone"
        counting.check(json.loads(photos.result(uncertain)), terms, NOW)
        clipped += counting.is_clipped(photos.labels, uncertain, terms)
    assert clipped > len(truth.honest) / 2
    counts = sum((Counter(it.labels) for it in truth.honest), Counter[str]())
    assert truth.error_percent(counts) < 2


def test_an_answer_is_compared_with_what_was_handed_in() -> None:
    first, second = TRUTH.honest[:2]
    handed_in = {first: 2, second: 1}
    truth = {it: 2 * first.labels.get(it, 0) + second.labels.get(it, 0) for it in LABELS}
    bounds = {label: {"low": truth[label] - 3, "high": truth[label] + 5} for label in LABELS}
    bounds["7"]["low"] += 4
    noisy = {
        "state": "completed",
        "devices_shown": 3,
        "labels": {label: count + 1 for label, count in truth.items()},
        "intervals": {"labels": bounds},
    }
    told = labels_told(noisy, handed_in)
    assert {it.label: it.truth for it in told} == truth
    assert covered(told) == 0.9
    assert [it.label for it in told if not it.is_covered] == ["7"]


def test_an_answer_of_other_results_or_before_the_end_is_compared_with_nothing() -> None:
    answer = {"state": "cancelled", "devices_shown": 4, "labels": {"0": 9}}
    for of in (answer, answer | {"state": "settling", "devices_shown": 3}):
        told = labels_told(of, {TRUTH.honest[0]: 3})
        assert told == [LabelTold("0", None, 9, None)]
        assert covered(told) is None
    assert labels_told({"labels": None, "intervals": None}, {}) == []
