"""How much noise an answer has, and when a step of it comes. Pure.

`rho` is the unit of zero-concentrated differential privacy (Bun and Steinke, 2016), in which what
several releases of one owner's data cost adds up. In columns it is a whole number of billionths.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Final

from dml.core.errors import Forbidden, Invalid
from dml.jobs.models import Answers

DELTA: Final = 1e-6  # How often `epsilon` may not hold: one time in a million.
BILLION: Final = 1_000_000_000
SURE: Final = 0.95  # How often an interval holds what was counted.
EPSILON_MIN: Final = 0.01
EPSILON_MAX: Final = 100.0
WIDTH: Final = NormalDist().inv_cdf((1 + SURE) / 2)  # Of an interval to each side, in deviations.
GROWTH: Final = 2  # Each step holds as many results as all before it.


class EpsilonOutOfBounds(Invalid):
    code = "jobs.epsilon_out_of_bounds"
    pointer = "/epsilon"
    reason = "No job may learn so much of an owner here, or none so little."
    remedy = "Choose an `epsilon` from `least` to `most`."
    least: float
    most: float


class ItemsOutOfBounds(Invalid):
    code = "jobs.max_items_out_of_bounds"
    pointer = "/max_items"
    reason = "An owner's devices share `max_items`, and each of them adds at least one item."
    remedy = "Choose `max_items` from `least` to `most`."
    least: int
    most: int


class NormOutOfBounds(Invalid):
    code = "jobs.max_norm_out_of_bounds"
    pointer = "/max_norm"
    reason = "An owner's devices share `max_norm`, each at least 1; and `max_items` bounds it, too."
    remedy = "Choose `max_norm` from `least` to `most`, or leave it out."
    least: int
    most: int


class ExactWithEpsilon(Invalid):
    code = "jobs.exact_has_no_epsilon"
    pointer = "/epsilon"
    reason = "An exact answer has no noise, and so no `epsilon`."
    remedy = "Leave out `epsilon`, or order a `noisy` answer."


class ExactWithNorm(Invalid):
    code = "jobs.exact_has_no_max_norm"
    pointer = "/max_norm"
    reason = "An exact answer has no noise, and so no `max_norm`."
    remedy = "Leave out `max_norm`, or order a `noisy` answer."


class ExactNotAllowed(Forbidden):
    code = "jobs.exact_not_allowed"
    reason = "This marketplace gives no exact answers."
    remedy = "Order a `noisy` answer: each number comes with how sure it is."


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an operator lets jobs learn of an owner; and what they do, where they do not say."""

    epsilon: float = 1.0
    epsilon_max: float = 8.0
    max_items: int = 100
    max_items_max: int = 10_000
    allows_exact: bool = True


USUAL: Final = Bounds()


@dataclass(frozen=True, slots=True)
class Wish:
    """What an order says of the privacy of owners; `None` where it leaves that to the operator."""

    answers: Answers = Answers.NOISY
    epsilon: float | None = None
    max_items: int | None = None
    max_norm: int | None = None


@dataclass(frozen=True, slots=True)
class Privacy:
    """What a job learns of each of its owners. An exact one has no epsilon, no norm, and rho 0."""

    answers: Answers
    epsilon: float | None
    rho: int
    max_items: int | None
    max_norm: int | None

    def deviation(self, months: int) -> float:
        """Return the deviation of the noise on the totals of labels, when the job has ended."""
        if self.max_norm is None:
            return 0.0
        return scale_of(self.max_norm, shares_of(months).labels * self.rho / BILLION)


@dataclass(frozen=True, slots=True)
class Shares:
    """How much of a job's rho each part of its answer costs. They add up to 1.

    Most goes to the totals of labels, told when the job has ended: what a customer asks for. What
    is told before is a first look; months and cells tell how labels are spread over time, and
    `clipped` how many results are as large as they may be.
    """

    steps: float
    labels: float
    months: float
    cells: float
    clipped: float


WITH_MONTHS: Final = Shares(steps=0.1, labels=0.74, months=0.08, cells=0.05, clipped=0.03)
ONE_MONTH: Final = Shares(steps=0.1, labels=0.87, months=0.0, cells=0.0, clipped=0.03)


@lru_cache(maxsize=1_000)
def rho_of(epsilon: float) -> int:
    """Return the most rho, in billionths, that is `epsilon` but for one time in a million.

    By Proposition 12 of Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential
    Privacy" (2020). A test compares it with OpenDP's own.
    """
    low, high = 0.0, epsilon  # Rho is never above epsilon: delta would be a half and more.
    for _ in range(100):
        rho = (low + high) / 2
        low, high = (rho, high) if _delta_of(rho, epsilon) <= DELTA else (low, rho)
    return int(low * BILLION)


def _delta_of(rho: float, epsilon: float) -> float:
    """Return a delta with which `rho` is surely `epsilon`: the best of those for any order > 1."""
    if rho <= 0:
        return 0.0
    low, high = 1.0 + 1e-9, max(2.0, (epsilon + 1) / (2 * rho) + 2)
    for _ in range(200):  # The exponent is convex in the order: its derivative grows.
        order = (low + high) / 2
        slope = (2 * order - 1) * rho - epsilon + math.log1p(-1 / order)
        low, high = (order, high) if slope < 0 else (low, order)
    order = (low + high) / 2
    exponent = (order - 1) * (order * rho - epsilon) + order * math.log1p(-1 / order)
    return min(1.0, math.exp(exponent) / (order - 1))


@lru_cache(maxsize=1_000)
def epsilon_of(rho: int) -> float:
    """Return the epsilon that this rho, in billionths, is at most: the other way round."""
    low, high = 0.0, 1.0
    while _delta_of(rho / BILLION, high) > DELTA:
        high *= 2
    for _ in range(40):
        epsilon = (low + high) / 2
        low, high = (
            (low, epsilon) if _delta_of(rho / BILLION, epsilon) <= DELTA else (epsilon, high)
        )
    return high


def shares_of(months: int) -> Shares:
    """Tell how a job's rho is shared, by how many months its items can be of."""
    return WITH_MONTHS if months > 1 else ONE_MONTH


def scale_of(norm: int, rho: float) -> float:
    """Return the deviation of the noise on counts, of which one owner's have at most this norm."""
    return norm / math.sqrt(2 * rho)


def usual_norm(max_items: int, labels: int) -> int:
    """Return the most that the norm of an owner's counts of labels is, where an order is silent.

    That of `max_items` items whose shares are any with the same chance, in the mean of squares: 2
    of `counts` + 1. Who has as many, and most of one label, is clipped; who has half as many,
    nearly nobody. With many labels it stays at a quarter, as few of them are used then
    (docs/decisions/0076).
    """
    counts = labels + 1  # What is uncertain is one of them.
    return math.ceil(max_items * max(1 / 4, math.sqrt(2 / (counts + 1))))


def items_of_a_device(max_items: int, max_devices_per_owner: int) -> int:
    """Return how many items one device may add, so that its owner's add `max_items` at most."""
    return max_items // max_devices_per_owner


def norm_of_a_device(max_norm: int, max_devices_per_owner: int) -> int:
    """Return the most that the norm of one device's counts is, so that the norm of the sum of its
    owner's is at most `max_norm`: no sum is longer than its parts together.
    """
    return max_norm // max_devices_per_owner


def cost_of_a_result(rho: int, max_devices_per_owner: int) -> int:
    """Return what one result costs its owner, in billionths of rho: all of them together `rho`.

    A device with its share of the items alone costs less; so this is never too little.
    """
    return -(-rho // max_devices_per_owner)


def choose_privacy(
    wish: Wish, *, bounds: Bounds, labels: int, max_devices_per_owner: int
) -> Privacy:
    """Return what a job learns of each owner: what it asks for, where its operator allows that."""
    devices, max_items = max_devices_per_owner, wish.max_items
    if wish.answers is Answers.EXACT:
        if not bounds.allows_exact:
            raise ExactNotAllowed
        if wish.epsilon is not None:
            raise ExactWithEpsilon
        if wish.max_norm is not None:
            raise ExactWithNorm
        if max_items is not None:
            _require_items(max_items, devices, bounds.max_items_max)
        return Privacy(wish.answers, None, 0, max_items, None)
    epsilon = bounds.epsilon if wish.epsilon is None else wish.epsilon
    if not EPSILON_MIN <= epsilon <= bounds.epsilon_max:
        raise EpsilonOutOfBounds(least=EPSILON_MIN, most=bounds.epsilon_max)
    if max_items is None:
        max_items = max(bounds.max_items, devices)
    _require_items(max_items, devices, bounds.max_items_max)
    max_norm = wish.max_norm
    if max_norm is None:
        max_norm = max(usual_norm(max_items, labels), devices)
    if not devices <= max_norm <= max_items:
        raise NormOutOfBounds(least=devices, most=max_items)
    return Privacy(wish.answers, epsilon, rho_of(epsilon), max_items, max_norm)


def _require_items(max_items: int, max_devices_per_owner: int, most: int) -> None:
    if not max_devices_per_owner <= max_items <= most:
        raise ItemsOutOfBounds(least=max_devices_per_owner, most=most)


def step_is_due(*, owners: int, after: int, shown: int, max_devices: int, min_owners: int) -> bool:
    """Tell whether a step of a noisy answer comes, once `after` results are in.

    It depends on who handed in a result, and never on what: so that when a step comes tells nothing
    of anybody's data. Each step holds as many results as those before it, so that there are few,
    and the noise of all of them is small. The last results wait for the end.
    """
    return owners >= min_owners and after < max_devices and after >= GROWTH * shown


def stands_out(counts: int) -> float:
    """Return how many deviations a count must be above zero, so that noise alone seldom is.

    Of `counts` counts of nothing, none is above it in 95 of 100 answers.
    """
    return NormalDist().inv_cdf(1 - (1 - SURE) / max(1, counts))


def interval(value: float, deviation: float) -> tuple[int, int]:
    """Return between which counts the truth lies, 95 times of 100. No count is below zero."""
    low, high = value - WIDTH * deviation, value + WIDTH * deviation
    return max(0, math.ceil(low)), max(0, math.floor(high))


def project(values: Sequence[float], total: float) -> list[float]:
    """Return the nearest values that are none below zero and add up to `total`.

    Noise takes counts of nothing below zero. To raise each to zero alone would make their sum too
    large; the nearest point with the right sum is nearer to the truth.
    """
    if total <= 0 or not values:
        return [0.0] * len(values)
    taken, left = 0.0, sorted(values, reverse=True)
    surplus = 0.0
    for count, value in enumerate(left, 1):
        taken += value
        candidate = (taken - total) / count
        if value <= candidate:
            break
        surplus = candidate
    return [max(0.0, value - surplus) for value in values]


def whole(values: Sequence[float], total: int) -> list[int]:
    """Round values that are none below zero, so that they add up to `total`, their own sum."""
    made = [math.floor(value) for value in values]
    short = total - sum(made)
    nearest = sorted(range(len(values)), key=lambda it: made[it] - values[it])
    for place in nearest[: max(0, short)]:
        made[place] += 1
    return made
