"""The law of jobs, exhaustively and without a database."""

from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given, strategies as st

from dml.core.context import Actor, Role
from dml.core.ids import AlgorithmId, JobId, UserId, VersionId, new_id
from dml.core.money import MAX, MicroTokens
from dml.jobs import rules
from dml.jobs.models import Job, JobState, JobTotals
from tests.conftest import NOW

CUSTOMER, STRANGER = Actor(UserId(new_id())), Actor(UserId(new_id()))
DEADLINE = NOW + timedelta(days=1)
LEGAL = {
    (JobState.OPEN, JobState.PAUSED),
    (JobState.OPEN, JobState.SETTLING),
    (JobState.PAUSED, JobState.OPEN),
    (JobState.PAUSED, JobState.SETTLING),
    (JobState.SETTLING, JobState.COMPLETED),
    (JobState.SETTLING, JobState.CANCELLED),
    (JobState.SETTLING, JobState.EXPIRED),
}


def job(state: JobState = JobState.OPEN) -> Job:
    return Job(
        id=JobId(new_id()),
        customer_id=CUSTOMER.id,
        algorithm_id=AlgorithmId(new_id()),
        version_id=VersionId(new_id()),
        developer_id=UserId(new_id()),
        title="Which digits?",
        state=state,
        max_devices=10,
        max_devices_per_owner=1,
        min_owners=5,
        reward=MicroTokens(100),
        device_fee=MicroTokens(10),
        platform_fee=MicroTokens(11),
        data_kind="photo",
        countries=[],
        date_from=None,
        date_to=None,
        min_confidence=0.5,
        labels=["a", "b"],
        input_spec={},
        model_sha256="",
        model_size=1,
        starts_at=NOW,
        deadline=DEADLINE,
        created_at=NOW,
    )


@pytest.mark.parametrize(("origin", "to"), list(product(JobState, JobState)))
def test_a_job_moves_only_as_the_table_says(origin: JobState, to: JobState) -> None:
    it = job(origin)
    if (origin, to) in LEGAL:
        move = rules.move(it, to)
        assert (move.origin, move.to, it.state) == (origin, to, to)
    else:
        with pytest.raises(rules.WrongState) as refused:
            rules.move(it, to)
        assert refused.value.facts["state"] == origin
        assert it.state is origin


def test_a_job_is_there_for_its_customer_and_admins_alone() -> None:
    it = job()
    assert rules.require_mine(it, CUSTOMER) is it
    assert rules.require_mine(it, Actor(STRANGER.id, Role.ADMIN)) is it
    for nobody in (STRANGER, Actor(None), Actor(STRANGER.id, Role.MODERATOR)):
        with pytest.raises(rules.JobNotFound):
            rules.require_mine(it, nobody)
    with pytest.raises(rules.JobNotFound):
        rules.require_mine(None, CUSTOMER)


@pytest.mark.parametrize(
    ("reward", "fee", "bps", "platform"),
    [(100, 10, 1_000, 11), (99, 0, 1_000, 9), (1, 0, 9_999, 0), (1, 1, 0, 0), (5, 5, 10_000, 10)],
)
def test_the_platform_fee_is_rounded_down(reward: int, fee: int, bps: int, platform: int) -> None:
    assert rules.platform_fee(MicroTokens(reward), MicroTokens(fee), bps) == platform


def test_a_cost_that_cannot_exist_is_refused() -> None:
    assert rules.total_cost(MAX, 1) == MAX
    assert rules.total_cost(MAX // 7, 7) <= MAX
    for one, count in [(MAX, 2), (MAX // 7 + 1, 7), (MAX, 1_000_000)]:
        with pytest.raises(rules.CostTooLarge):
            rules.total_cost(one, count)


def test_a_price_above_what_was_agreed_is_refused() -> None:
    rules.require_price(MicroTokens(5), None)
    rules.require_price(MicroTokens(5), MicroTokens(5))
    with pytest.raises(rules.PriceChanged) as refused:
        rules.require_price(MicroTokens(6_000_000), MicroTokens(5))
    assert refused.value.facts == {"total": "6"}


def test_dates_must_be_in_order_and_the_deadline_ahead() -> None:
    open_period = (None, None)
    rules.require_dates(NOW, NOW, DEADLINE, open_period)
    for deadline in (NOW, NOW - timedelta(seconds=1), NOW + timedelta(days=367)):
        with pytest.raises(rules.DeadlineNotAhead):
            rules.require_dates(NOW, NOW, deadline, open_period)
    with pytest.raises(rules.StartsTooLate):
        rules.require_dates(NOW, DEADLINE, DEADLINE, open_period)
    for period in [(date(2026, 1, 2), date(2026, 1, 2)), (date(2026, 1, 2), date(2026, 1, 1))]:
        with pytest.raises(rules.PeriodOutOfOrder):
            rules.require_dates(NOW, NOW, DEADLINE, period)


@given(st.integers(1, 1_000_000))
def test_places_are_spread_evenly_and_none_is_lost(max_devices: int) -> None:
    buckets = rules.places_by_bucket(max_devices)
    assert sum(buckets) == max_devices
    assert max(buckets) - min(buckets) <= 1
    assert 1 <= len(buckets) <= 32
    assert min(buckets) >= 1


@given(st.integers(2, 20), st.integers(1, 5), st.integers(1, 200), st.integers(1, 200))
def test_a_step_leaves_nothing_or_places_of_enough_owners(
    min_owners: int, per_owner: int, max_devices: int, after: int
) -> None:
    after, least = min(after, max_devices), rules.least_devices(min_owners, per_owner)
    reaches = rules.step_reaches(after=after, max_devices=max_devices, least=least)
    assert reaches <= after
    left = max_devices - reaches
    assert left == 0 or -(-left // per_owner) >= min_owners


@given(st.integers(2, 20), st.integers(1, 5), st.integers(1, 200))
def test_a_job_is_refused_where_it_could_be_full_of_too_few_owners(
    min_owners: int, per_owner: int, max_devices: int
) -> None:
    if -(-max_devices // per_owner) >= min_owners:
        rules.require_enough_devices(max_devices, min_owners=min_owners, per_owner=per_owner)
    else:
        with pytest.raises(rules.TooFewDevices) as refused:
            rules.require_enough_devices(max_devices, min_owners=min_owners, per_owner=per_owner)
        assert refused.value.facts["least"] == (min_owners - 1) * per_owner + 1


def totals(folded: int, shown: int) -> JobTotals:
    return JobTotals(job_id=JobId(new_id()), folded=folded, shown_devices=shown)


def test_the_next_step_is_told_of_what_was_shown_alone() -> None:
    for shown, devices in [(0, 5), (5, 10)]:
        told = {rules.next_step(job(), totals(folded, shown)) for folded in range(shown, 11)}
        (only,) = told
        assert only is not None
        assert only[0] == devices
    assert rules.next_step(job(), totals(10, 10)) is None
    settling = rules.next_step(job(JobState.SETTLING), totals(7, 5))
    assert settling is not None
    assert settling[0] is None
    kept = rules.next_step(job(JobState.CANCELLED), totals(7, 5))
    assert kept is not None
    assert "2 counted devices are paid and not shown" in kept[1]
    assert rules.next_step(job(JobState.COMPLETED), totals(10, 10)) is None


def test_a_customer_knows_of_the_devices_of_steps_and_in_the_end_of_all() -> None:
    for state in JobState:
        known = 7 if state in rules.ENDED else 5
        assert rules.shown_devices(job(state), totals(7, 5)) == known


def test_a_job_that_settles_looks_again_ever_later() -> None:
    delays = [rules.settle_delay(attempt) for attempt in range(20)]
    assert delays[0] == timedelta(seconds=0.5)
    assert delays == sorted(delays)
    assert delays[-1] == timedelta(seconds=5)


def test_what_is_next_is_told_until_the_job_has_ended() -> None:
    assert rules.upcoming(job()) == [("expire", DEADLINE)]
    assert rules.upcoming(job(JobState.SETTLING))
    for state in rules.ENDED:
        assert rules.upcoming(job(state)) == []
