"""How precise the shares of a noisy answer are: as is expected before, and as is reached. Pure.

A job may name a `precision`: it ends at the first step from which on the whole answer surely has
shares whose intervals are, to each side, no wider. Two things keep that honest, however often a job
is looked at (docs/decisions/0056):

- What is told when a job ends carries noise that is drawn only then. So its intervals hold the
  truth in 95 of 100 cases, whatever was seen before, and whatever made it end.
- How wide they will be depends on that noise's deviation, which is known, and on how many items
  there are, which steps tell with noise. That is bounded for all looks, labels and sums together,
  by a union bound: there are few looks, as each step holds as many results as all before.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

from dml.core.errors import Invalid
from dml.jobs.models import Answers
from dml.jobs.noise.rules import GROWTH, SURE, WIDTH

DEVICES_MAX: Final = 1_000_000  # Of one job.
PRECISION_MIN: Final = 0.0001
PRECISION_MAX: Final = 0.5


class PrecisionOfExact(Invalid):
    code = "jobs.exact_has_no_precision"
    pointer = "/precision"
    reason = "An exact answer has no noise: there is nothing that could become more precise."
    remedy = "Leave out `precision`, or order a `noisy` answer."


def require_noise(precision: float | None, answers: Answers) -> None:
    if precision is not None and answers is Answers.EXACT:
        raise PrecisionOfExact


def half_width(share: float, *, labels: int, deviation: float, items: float) -> float:
    """Return how far a label's share of so many items may be off, in 95 of 100 cases.

    Of `labels` counts and those of uncertain items, each with noise of this deviation. First order
    in the noise: it moves a share by 1 - share on its own count, and by -share on each other one.
    """
    if items <= 0:
        return 1.0
    spread = (1 - share) ** 2 + labels * share**2
    return min(1.0, WIDTH * deviation * math.sqrt(spread) / items)


def looks_of(min_owners: int) -> int:
    """Return how many steps a job can have, however far it is raised: with each, GROWTH times as
    many results are in as with the last.
    """
    return 1 + math.floor(math.log(DEVICES_MAX / min_owners, GROWTH))


def is_reached(
    precision: float, counts: Sequence[int], deviation: float, *, final: float, looks: int
) -> bool:
    """Tell whether all shares of the whole answer, told now, would surely be so precise.

    `counts`: what steps told of each label, uncertain items last, with noise of this `deviation`.
    `final` is that of the noise of the whole answer. Wrong in 5 of 100 jobs at most, for all its
    looks together; and then a little wider than was asked for.
    """
    labels = len(counts) - 1
    bounded = looks * (labels + 1)  # Two-sided, of each label; and of their sum, on one side.
    times = NormalDist().inv_cdf(1 - (1 - SURE) / (2 * bounded))
    items = sum(counts) - times * deviation * math.sqrt(len(counts))
    if items <= 0:
        return False
    for count in counts[:-1]:
        least = max(0.0, min(1.0, (count - times * deviation) / items))
        most = max(0.0, min(1.0, (count + times * deviation) / items))
        for share in (least, most):  # The width is convex in the share.
            width = half_width(share, labels=labels, deviation=final, items=items)
            if width > precision:
                return False
    return True
