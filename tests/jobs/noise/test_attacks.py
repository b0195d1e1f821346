"""The ways by which answers were taken apart, against noisy ones, by whoever knows all others.

An attacker has ordered the job, holds all places but one, and knows to the last item what each of
its own devices handed in. It tells whether the one owner who is left had any data that counts, or
which of two kinds, by the best statistic there is: the ratio of the likelihoods. It sees what was
drawn, and all of it: months and cells too, whether they stand out or not. What a customer sees is
made of that, and tells less.

That the same attacker wins where there is no noise shows that it is one. When a step comes, and all
else that moves, is held to depend on no result's content by test_noisy_jobs.py.
"""

import math
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np
import pytest
from numpy.typing import NDArray

from dml.jobs import rules as job_rules
from dml.jobs.noise import drawing, rules

GAMES, ITEMS, NORM, OWNERS = 2_000, 100, rules.usual_norm(100, 2), 5
EPSILON, BUDGET = 1.0, 8.0
Vector = NDArray[np.float64]
# The counts of an answer: two labels and what is uncertain; two months; the cells of both; and how
# many results are as large as they may be. For each, the norm of what one owner adds at most.
PARTS = {
    "steps": (3, NORM),
    "labels": (3, NORM),
    "months": (2, ITEMS),
    "cells": (4, NORM),
    "clipped": (1, 1),
}


@dataclass(frozen=True)
class Data:
    """What an owner has: items by month and label, and uncertain ones; as much as it may add."""

    cells: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    uncertain: int = 0

    def part(self, name: str) -> Vector:
        cells = np.array(self.cells, float)
        match name:
            case "months":
                return np.asarray(cells.sum(axis=1))
            case "cells":
                return cells.ravel()
            case "clipped":
                return np.array([float(bool(cells.any()))])
            case _:
                return np.append(cells.sum(axis=0), self.uncertain)


NOTHING = Data()
ALL_IN_ONE = Data(((NORM, 0), (0, 0)))
SPREAD = Data(((25, 25), (25, 25)))
ANOTHER = Data(((0, 0), (0, NORM)))


@cache
def noise(epsilon: float) -> dict[str, tuple[Vector, float]]:
    """For each part, the noise of as many games, and its deviation."""
    rho, found = rules.rho_of(epsilon) / rules.BILLION, {}
    for name, (counts, norm) in PARTS.items():
        share = getattr(rules.WITH_MONTHS, name)
        drawn = drawing.draw([0] * (counts * GAMES), norm=norm, rho=share * rho)
        found[name] = (np.array(drawn.counts, float).reshape(GAMES, counts), drawn.scale)
    return found


def attack(
    with_it: Data, without: Data, *, epsilon: float | None, seen_twice: bool = False
) -> float:
    """The advantage of guessing which of two the owner had. `seen_twice`: what the others have is
    unknown, and taken off by a second job of them alone, whose noise comes on top.
    """
    half = GAMES // 2
    likelihood = np.zeros(GAMES)
    for name, (counts, norm) in PARTS.items():
        drawn, scale = noise(epsilon)[name] if epsilon else (np.zeros((GAMES, counts)), 1e-3)
        ahead, other = with_it.part(name), without.part(name)
        assert max(np.linalg.norm(ahead), np.linalg.norm(other)) <= norm
        seen = drawn + np.where(np.arange(GAMES)[:, None] < half, ahead, other)
        if seen_twice:
            seen, scale = seen - np.roll(drawn, 1, axis=0), scale * math.sqrt(2)
        to = (seen - (ahead + other) / 2) @ (ahead - other)
        likelihood += to / scale**2
    return float(np.mean(likelihood[:half] > 0) - np.mean(likelihood[half:] > 0))


def most(epsilon: float, *, times: float = 1) -> float:
    """The best advantage against so much rho, of data that differ by so many times the bound; and
    by chance, four deviations more.
    """
    distance = times * math.sqrt(2 * rules.rho_of(epsilon) / rules.BILLION)
    return 2 * NormalDist().cdf(distance / 2) - 1 + 4 * math.sqrt(1 / GAMES)


def allowed(epsilon: float) -> float:
    """What (epsilon, delta) allows at most."""
    return (math.exp(epsilon) - 1 + 2 * rules.DELTA) / (math.exp(epsilon) + 1)


ATTACKS = {
    "two jobs that differ by a country": (ALL_IN_ONE, True),
    "four devices with nothing to count beside a fifth": (ALL_IN_ONE, False),
    "each photo in a month of its own": (SPREAD, False),
    "all photos in one month, of two labels": (Data(((50, 50), (0, 0))), False),
    "own devices in all places but one": (Data(((60, 0), (0, 30)), 10), False),
    "one owner's five devices": (Data(((NORM // 5 * 5, 0), (0, 0))), False),
}


@pytest.mark.parametrize("named", ATTACKS)
def test_whether_an_owner_took_part_is_hidden(named: str) -> None:
    data, seen_twice = ATTACKS[named]
    won = attack(data, NOTHING, epsilon=EPSILON, seen_twice=seen_twice)
    assert won <= most(EPSILON) < allowed(EPSILON)


@pytest.mark.parametrize("named", ATTACKS)
def test_the_same_attacker_wins_where_there_is_no_noise(named: str) -> None:
    data, seen_twice = ATTACKS[named]
    assert attack(data, NOTHING, epsilon=None, seen_twice=seen_twice) == 1
    assert attack(data, ANOTHER, epsilon=None, seen_twice=seen_twice) == 1


def test_which_of_two_label_sets_an_owner_had_is_hidden() -> None:
    """They differ from each other by no more than two owners do: a model that encodes a person in a
    label learns so much, and no more.
    """
    won = attack(ALL_IN_ONE, ANOTHER, epsilon=EPSILON)
    assert won <= most(EPSILON, times=math.sqrt(2)) < allowed(2 * EPSILON)


def test_many_jobs_learn_together_what_one_budget_allows() -> None:
    """As many as the budget covers, of one day over and over, or of as many customers: all that is
    drawn is added up, with the weight that is best.
    """
    each = rules.rho_of(EPSILON)
    jobs = rules.rho_of(BUDGET) // each
    assert jobs == 43
    # The sum of so many Gaussian statistics is one, as of a single job that costs all their rho.
    won = attack(ALL_IN_ONE, NOTHING, epsilon=rules.epsilon_of(jobs * each))
    assert won <= most(BUDGET) < allowed(BUDGET)
    assert won > 0.3  # It learns much more than of one job: the attacker is one.


def test_a_job_for_one_device_is_refused_as_a_probe_of_presence() -> None:
    for devices in range(1, OWNERS):
        with pytest.raises(job_rules.TooFewDevices):
            job_rules.require_enough_devices(devices, min_owners=OWNERS, per_owner=1)
