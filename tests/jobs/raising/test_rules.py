"""A job is only raised, within the bounds of an order."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from dml.core.errors import DmlError
from dml.core.money import MAX, MicroTokens
from dml.jobs.models import Job, JobState
from dml.jobs.raising import rules
from dml.jobs.raising.rules import Raise

NOW = datetime(2026, 11, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def job(**changes: Any) -> Job:
    """Only what these rules look at."""
    made: Any = Job.__new__(Job)
    told = {
        "reward": 100,
        "device_fee": 10,
        "platform_fee": 11,
        "max_devices": 20,
        "deadline": NOW + DAY,
        "state": JobState.OPEN,
    }
    for name, value in (told | changes).items():
        made.__dict__[name] = value
    return made  # type: ignore[no-any-return] # as built above


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({}, "jobs.not_raised"),
        ({"reward": MicroTokens(99)}, "jobs.not_raised"),
        ({"reward": MicroTokens(100), "max_devices": 20}, "jobs.not_raised"),
        ({"reward": MicroTokens(101), "max_devices": 19}, "jobs.not_raised"),
        ({"deadline": NOW + DAY / 2}, "jobs.not_raised"),
        ({"deadline": NOW + 367 * DAY}, "jobs.deadline_not_ahead"),
    ],
)
def test_nothing_goes_down(wanted: Any, code: str) -> None:
    with pytest.raises(DmlError) as refused:
        rules.raised(job(), Raise(**wanted), platform_fee_bps=1_000, now=NOW)
    assert refused.value.code == code


def test_the_platforms_fee_follows_the_reward_and_never_falls() -> None:
    higher = rules.raised(job(), Raise(MicroTokens(200)), platform_fee_bps=1_000, now=NOW)
    assert (higher.reward, higher.platform_fee) == (200, 21)
    cheaper = rules.raised(job(), Raise(MicroTokens(200)), platform_fee_bps=0, now=NOW)
    assert cheaper.platform_fee == 11
    longer = rules.raised(job(), Raise(max_devices=30), platform_fee_bps=9_000, now=NOW)
    assert (longer.platform_fee, longer.cost(10)) == (11, 30 * 121)


def test_what_cannot_exist_is_not_paid() -> None:
    terms = rules.raised(job(), Raise(MicroTokens(MAX)), platform_fee_bps=0, now=NOW)
    with pytest.raises(DmlError) as refused:
        terms.cost(10)
    assert refused.value.code == "jobs.cost_too_large"


@pytest.mark.parametrize(
    ("changes", "folded", "at"),
    [
        *(({"state": it}, 0, NOW) for it in JobState if it not in ("open", "paused")),
        ({}, 20, NOW),
        ({}, 0, NOW + DAY),
    ],
)
def test_a_job_that_ends_is_not_raised(changes: Any, folded: int, at: datetime) -> None:
    with pytest.raises(DmlError) as refused:
        rules.require_running(job(**changes), folded=folded, now=at)
    assert refused.value.code == "jobs.not_running"
    rules.require_running(job(state=JobState.PAUSED), folded=19, now=NOW)


@given(st.integers(0, 1_000_000), st.integers(1, 32))
def test_further_places_are_spread_evenly(more: int, buckets: int) -> None:
    found = rules.places_by_bucket(more, buckets)
    assert (sum(found), len(found)) == (more, buckets)
    assert max(found) - min(found) <= 1


def test_many_who_answered_are_not_paid_at_once() -> None:
    rules.require_few_shown(rules.SHOWN_MAX)
    rules.require_few_owners(rules.OWNERS_MAX)
    for check in (rules.require_few_shown, rules.require_few_owners):
        with pytest.raises(DmlError) as refused:
            check(rules.OWNERS_MAX + 1)
        assert refused.value.code == "jobs.too_many_to_pay"
