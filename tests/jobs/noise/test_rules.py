"""How much noise an answer has, when a step comes, and how what was drawn is made whole."""

import math
from typing import Any

import pytest
from hypothesis import given, strategies as st
from opendp.combinators import make_zCDP_to_approxDP
from opendp.domains import atom_domain, vector_domain
from opendp.measurements import make_gaussian
from opendp.metrics import l2_distance
from opendp.mod import enable_features

from dml.core.errors import DmlError
from dml.jobs.models import Answers
from dml.jobs.noise import rules
from dml.jobs.noise.rules import BILLION, DELTA, Bounds, Privacy, Wish, choose_privacy

EPSILONS = (0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 50.0, 100.0)


def opendp_epsilon(rho: float) -> float:
    """What OpenDP says of a Gaussian whose cost is `rho`, at our delta."""
    enable_features("contrib")
    counts, scale = vector_domain(atom_domain(T="i64")), math.sqrt(1e6 / (2 * rho))
    gaussian = make_gaussian(counts, l2_distance(T="f64"), scale=scale)
    curve: Any = make_zCDP_to_approxDP(gaussian)
    return float(curve.map(d_in=1_000.0).epsilon(delta=DELTA))


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_a_jobs_rho_is_what_opendp_says_of_its_epsilon(epsilon: float) -> None:
    found = opendp_epsilon(rules.rho_of(epsilon) / BILLION)
    assert found <= epsilon * (1 + 1e-6)
    assert found > epsilon * 0.999


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_what_a_rho_is_in_epsilons_is_the_same_the_other_way_round(epsilon: float) -> None:
    assert math.isclose(rules.epsilon_of(rules.rho_of(epsilon)), epsilon, rel_tol=1e-3)


@pytest.mark.parametrize("shares", [rules.WITH_MONTHS, rules.ONE_MONTH])
def test_the_parts_of_an_answer_cost_what_the_job_may(shares: rules.Shares) -> None:
    parts = (shares.steps, shares.labels, shares.months, shares.cells, shares.clipped)
    assert math.isclose(sum(parts), 1)


@given(st.integers(1, 10**12), st.integers(1, 100))
def test_all_devices_of_an_owner_pay_for_the_whole_job(rho: int, devices: int) -> None:
    each = rules.cost_of_a_result(rho, devices)
    assert rho <= devices * each < rho + devices


@given(st.integers(100, 10_000), st.integers(1, 100))
def test_all_devices_of_an_owner_add_at_most_its_items(items: int, devices: int) -> None:
    assert 1 <= rules.items_of_a_device(items, devices) * devices <= items


def test_steps_come_when_as_many_results_are_in_as_were_shown() -> None:
    shown, told = 0, []
    for after in range(1, 101):
        if rules.step_is_due(
            owners=after - shown, after=after, shown=shown, max_devices=100, min_owners=5
        ):
            told.append(after)
            shown = after
    assert told == [5, 10, 20, 40, 80]  # What is left is told with all, when the job ends.


def test_a_step_never_comes_of_fewer_owners_however_many_results_they_hand_in() -> None:
    assert not rules.step_is_due(owners=4, after=90, shown=0, max_devices=100, min_owners=5)


def chosen(wish: Wish, *, labels: int = 10, devices: int = 1, **bounds: Any) -> Privacy:
    return choose_privacy(
        wish, bounds=Bounds(**bounds), labels=labels, max_devices_per_owner=devices
    )


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (Wish(epsilon=11.0), "jobs.epsilon_out_of_bounds"),
        (Wish(epsilon=0.001), "jobs.epsilon_out_of_bounds"),
        (Wish(max_items=10_001), "jobs.max_items_out_of_bounds"),
        (Wish(max_items=2), "jobs.max_items_out_of_bounds"),
        (Wish(max_norm=2), "jobs.max_norm_out_of_bounds"),
        (Wish(max_items=50, max_norm=51), "jobs.max_norm_out_of_bounds"),
        (Wish(Answers.EXACT, epsilon=1.0), "jobs.exact_has_no_epsilon"),
        (Wish(Answers.EXACT, max_items=2), "jobs.max_items_out_of_bounds"),
        (Wish(Answers.EXACT, max_norm=5), "jobs.exact_has_no_max_norm"),
    ],
)
def test_what_a_job_may_not_learn_is_refused(wish: Wish, code: str) -> None:
    with pytest.raises(DmlError) as refused:
        chosen(wish, devices=3)
    assert refused.value.code == code


def test_exact_answers_are_refused_where_the_operator_gives_none() -> None:
    with pytest.raises(rules.ExactNotAllowed):
        chosen(Wish(Answers.EXACT), allows_exact=False)


def test_a_job_learns_what_the_operator_chose_where_it_does_not_say() -> None:
    found = chosen(Wish())
    assert (found.epsilon, found.max_items, found.max_norm) == (1.0, 100, 41)
    exact = chosen(Wish(Answers.EXACT))
    assert (exact.epsilon, exact.max_items, exact.max_norm, exact.rho) == (None, None, None, 0)


@pytest.mark.parametrize(("labels", "norm"), [(1, 82), (2, 71), (10, 41), (30, 25), (1_000, 25)])
def test_the_norm_that_suits_depends_on_the_number_of_labels(labels: int, norm: int) -> None:
    assert rules.usual_norm(100, labels) == norm


@given(st.integers(1, 10_000), st.integers(1, 1_000), st.integers(1, 100))
def test_a_norm_that_nobody_chose_is_within_the_bounds(items: int, labels: int, n: int) -> None:
    found = chosen(Wish(max_items=max(n, items)), labels=labels, devices=n)
    assert found.max_norm is not None
    assert n <= found.max_norm <= max(n, items)


@given(st.lists(st.lists(st.integers(0, 50), min_size=4, max_size=4), min_size=1, max_size=5))
def test_all_devices_of_an_owner_are_within_its_norm(results: list[list[int]]) -> None:
    """Each within its own part of it: then their sum is within the whole."""
    norm = max(math.ceil(math.hypot(*it)) for it in results) * len(results)
    assert rules.norm_of_a_device(norm, len(results)) * len(results) == norm
    assert math.hypot(*(sum(it) for it in zip(*results, strict=True))) <= norm * (1 + 1e-12)


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=30))
def test_projecting_keeps_the_sum_and_leaves_nothing_below_zero(values: list[int]) -> None:
    total = max(0, sum(values))
    found = rules.project(values, total)
    assert min(found) >= 0
    assert math.isclose(sum(found), total, abs_tol=1e-3)
    whole = rules.whole(found, total)
    assert sum(whole) == total
    assert all(abs(it - there) <= 1 for it, there in zip(whole, found, strict=True))


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30))
def test_what_needs_no_mending_stays_as_it_is(values: list[int]) -> None:
    assert rules.project(values, sum(values)) == pytest.approx(values)
