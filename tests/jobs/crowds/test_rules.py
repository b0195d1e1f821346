"""What is told of a crowd follows from noisy numbers, in bands; and how soon its owners come."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import NormalDist

import numpy as np
import pytest

from dml.core.errors import DmlError
from dml.jobs.crowds import rules, service
from dml.jobs.crowds.rules import Counted
from dml.jobs.noise import drawing

NOW = datetime(2026, 11, 30, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def crowd(owners: int, paces: Sequence[int] = (0, 0, 0, 0)) -> Counted:
    return Counted(owners, paces, NOW)


@pytest.mark.parametrize(
    ("owners", "told"),
    [
        *((-7, (None, 50)), (0, (None, 50)), (49, (None, 50)), (50, (50, 100))),
        *((99, (50, 100)), (100, (100, 200)), (5_000_000, (819_200, None))),
    ],
)
def test_owners_are_told_in_bands(owners: int, told: tuple[int | None, int | None]) -> None:
    assert crowd(owners).band == told


def test_owners_come_as_soon_as_they_came_lately() -> None:
    everywhere = crowd(1_000, (100, 400, 300, 200))
    assert everywhere.comes_within(100) == HOUR
    assert everywhere.comes_within(50) == HOUR / 2
    assert everywhere.comes_within(500) == DAY
    assert everywhere.comes_within(1_000) == timedelta(days=30)
    assert everywhere.comes_within(1_001) is None, "there are not so many"
    one_country = crowd(100, everywhere.paces)
    assert one_country.comes_within(50) == DAY, "half of it, as half of all"
    assert crowd(49, everywhere.paces).comes_within(1) is None, "too few to tell anything"


def test_noise_below_zero_is_nobody() -> None:
    rows = [([-4, -9], NOW), ([3, 2], NOW)]
    told = rules.sum_up(rows, ([60, -3, 1, 2, -5, 5, 5, 5], NOW), is_exact=False)
    assert (told.owners, told.band) == (0, (None, 50))
    everywhere = rules.sum_up([], ([60, -3, 1, 2, -5, 5, 5, 5], NOW), is_exact=False)
    assert everywhere.owners == 70
    assert rules.sum_up([], everywhere=None, is_exact=False) is rules.UNCOUNTED
    assert rules.sum_up([], ([60, -3, 1, 2, -5, 5, 5, 5], NOW), is_exact=True).owners == 10


def test_a_job_for_few_people_is_refused_and_one_for_all_is_not() -> None:
    rules.require_target(crowd(50), ["PT"], least=50, every=DAY)
    rules.require_target(crowd(0), [], least=50, every=DAY)
    rules.require_target(crowd(0), ["PT"], least=0, every=DAY)
    for few in (crowd(49), rules.UNCOUNTED):
        with pytest.raises(DmlError) as refused:
            rules.require_target(few, ["PT"], least=50, every=DAY)
        assert refused.value.code == "jobs.target_too_small"


def test_what_is_told_says_little_of_one_owner() -> None:
    """The best an attacker can do who knows all others, and asks at the edge of a band: told is
    the noisy number itself, which says more. Of one owner, once a day.
    """
    games = 4_000
    drawn = np.array(drawing.draw([0] * games, norm=1, rho=service.RHO * 1.001).counts)
    assert math.isclose(np.std(drawn), rules.DEVIATION, rel_tol=0.1)
    there, not_there = drawn[::2] + 50 >= 50, drawn[1::2] + 49 >= 50
    advantage = abs(np.mean(there) - np.mean(not_there))
    allowed = 2 * NormalDist().cdf(1 / (2 * rules.DEVIATION)) - 1
    assert allowed < 0.04
    assert advantage <= allowed + 4 * math.sqrt(1 / games)


def test_a_crowd_of_a_few_is_no_target_by_chance() -> None:
    drawn = np.array(drawing.draw([0] * 20_000, norm=1, rho=service.RHO * 1.001).counts)
    told = drawn[::2] + drawn[1::2] + 5  # Who agreed to exact answers, and who did not.
    assert np.mean(told >= 50) < 0.003
