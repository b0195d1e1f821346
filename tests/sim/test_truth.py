"""What simulated devices hand in: right in form, and true on the whole."""

import json
import random
from collections import Counter
from datetime import UTC, datetime

from dml.jobs import counting
from dml.jobs.counting import ResultTerms
from dml.sim.population import LABELS
from dml.sim.truth import Truth

TERMS = ResultTerms.of(LABELS, None, None)
NOW = datetime.now(UTC)
TRUTH = Truth.draw(LABELS, random.Random(7))


def test_results_add_up_and_are_in_the_form_that_is_kept() -> None:
    for photos in (*TRUTH.honest, *TRUTH.lies):
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
