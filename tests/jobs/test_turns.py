"""How much a fold takes, and whose turn it is, without a database."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from dml.core.ids import JobId, new_id
from dml.jobs.folding.turns import (
    BATCH_FIRST,
    BATCH_MAX,
    BATCH_MIN,
    FOLD_SECONDS,
    LOOK_VALID_TIMES,
    SHARE_MIN,
    FoldPace,
    Place,
    Turns,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def seen(*counts: int) -> tuple[Turns, dict[JobId, set[Place]]]:
    """Turns that saw so many results of each of some jobs, in the order of their ids."""
    ids = sorted(JobId(new_id()) for _ in counts)
    waiting = {
        id: [(block, number) for number in range(count)]
        for block, (id, count) in enumerate(zip(ids, counts, strict=True))
    }
    turns = Turns()
    turns.saw(waiting, now=NOW, seconds=0.01)
    return turns, {id: set(places) for id, places in waiting.items()}


def by_job(chosen: list[Place]) -> dict[int, int]:
    assert len(set(chosen)) == len(chosen)
    return dict(Counter(block for block, _ in chosen))


def test_a_small_job_is_served_beside_a_large_backlog() -> None:
    turns, _ = seen(100_000, 3)
    assert by_job(turns.choose(100)) == {0: 97, 1: 3}


def test_what_some_leave_of_their_shares_goes_to_the_others() -> None:
    turns, _ = seen(20, 1_000, 30, 1_000)
    assert by_job(turns.choose(200)) == {0: 20, 1: 75, 2: 30, 3: 75}


def test_each_job_is_served_within_as_many_folds_as_the_shares_need() -> None:
    turns, waiting = seen(*[1_000] * 40)
    served = Counter[int]()
    folds = -(-40 * SHARE_MIN // 100)
    for _ in range(folds):
        chosen = turns.choose(100)
        served.update(by_job(chosen))
        turns.served({id for id, places in waiting.items() if places & set(chosen)})
    assert len(served) == 40
    assert max(served.values()) <= 2 * SHARE_MIN


def test_a_job_whose_results_did_not_fit_is_the_next_in_turn() -> None:
    turns, waiting = seen(50, 50, 50)
    first, second, third = waiting
    assert turns.choose(6)[0] in waiting[first]
    turns.served({first})  # The others' were too large to be taken with these.
    assert turns.choose(6)[0] in waiting[second]
    turns.served({second})
    assert turns.choose(6)[0] in waiting[third]
    turns.served({third})
    assert turns.choose(6)[0] in waiting[first]


def test_nothing_is_chosen_where_nothing_waits() -> None:
    turns, _ = seen()
    assert turns.choose(100) == []


@given(counts=st.lists(st.integers(1, 60), max_size=12), limit=st.integers(1, 200))
def test_all_is_chosen_once_and_never_more_than_the_limit(counts: list[int], limit: int) -> None:
    turns, waiting = seen(*counts)
    chosen: list[Place] = []
    while some := turns.choose(limit):
        assert len(some) <= limit
        assert len(some) == min(limit, sum(counts) - len(chosen))
        chosen += some
        turns.served({id for id, places in waiting.items() if places & set(some)})
    assert sorted(chosen) == sorted(place for places in waiting.values() for place in places)


def test_a_look_serves_for_ten_times_as_long_as_it_took() -> None:
    turns, _ = seen(5)
    assert not turns.must_look(NOW)
    assert not turns.must_look(NOW + timedelta(seconds=0.01 * LOOK_VALID_TIMES - 0.001))
    assert turns.must_look(NOW + timedelta(seconds=0.01 * LOOK_VALID_TIMES))


def test_who_knows_of_nothing_that_waits_looks() -> None:
    assert Turns().must_look(NOW)
    turns, _ = seen(5)
    turns.choose(5)
    assert turns.must_look(NOW)


def test_two_workers_begin_at_different_places() -> None:
    random.seed(1)
    chosen = {seen(10_000)[0].choose(1)[0] for _ in range(10)}
    assert len(chosen) > 5


@pytest.mark.parametrize(
    ("results", "seconds", "limit"),
    [
        (BATCH_FIRST, FOLD_SECONDS, BATCH_FIRST),
        (BATCH_FIRST, FOLD_SECONDS / 1.5, BATCH_FIRST * 3 // 2),
        (BATCH_FIRST, 0.001, BATCH_FIRST * 2),
        (BATCH_FIRST, 0.0, BATCH_FIRST * 2),
        (BATCH_FIRST, FOLD_SECONDS * 4 / 3, BATCH_FIRST * 3 // 4),
        (BATCH_FIRST, 60.0, BATCH_FIRST // 2),
        (3, 0.001, BATCH_FIRST),  # No more waited.
        (3, 60.0, BATCH_FIRST // 2),
        (0, 60.0, BATCH_FIRST // 2),  # It failed, after a while.
    ],
)
def test_the_next_batch_follows_how_long_the_last_one_took(
    results: int, seconds: float, limit: int
) -> None:
    pace = FoldPace()
    pace.adapt(results, seconds)
    assert pace.limit == limit


def test_a_batch_stays_between_its_bounds() -> None:
    pace = FoldPace()
    for _ in range(20):
        pace.adapt(pace.limit, 0.001)
    assert pace.limit == BATCH_MAX
    for _ in range(20):
        pace.adapt(pace.limit, 10)
    assert pace.limit == BATCH_MIN


@given(cost=st.floats(0.0001, 0.02), fixed=st.floats(0, 0.05))
def test_a_steady_cost_leads_to_transactions_of_the_time_aimed_at(
    cost: float, fixed: float
) -> None:
    pace = FoldPace()
    for _ in range(40):
        pace.adapt(pace.limit, fixed + pace.limit * cost)
    took = fixed + pace.limit * cost
    assert pace.limit in (BATCH_MIN, BATCH_MAX) or abs(took - FOLD_SECONDS) < FOLD_SECONDS / 4
