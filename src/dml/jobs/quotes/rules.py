"""What is expected of an order: when its results come, and how precise their answer is. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dml.jobs.crowds.rules import Counted
from dml.jobs.noise.rules import Privacy
from dml.jobs.precision import half_width

HALF, MOST = 0.5, 0.9
ITEMS_PART: Final = 0.5  # Of what owners may add, most have less: so much is taken to come.
_UP_TO: Final = timedelta(hours=1)

NEVER_COUNTED: Final = "Owners were not counted yet: that is done once a day."
TOO_FEW_SEEN: Final = "Too few owners were seen lately to tell how soon they come."
FEWER_THAN_PLACES: Final = "Fewer owners were seen in 30 days than would have to take part."
AFTER_DEADLINE: Final = "As they came lately, so many owners would come after the deadline only."


@dataclass(frozen=True, slots=True)
class Arrival:
    """When so many of a job's results should be in; or why that is not known."""

    at: datetime | None
    unknown_because: str | None


@dataclass(frozen=True, slots=True)
class Precision:
    """Expected half-widths of a label's share, of 1, where all labels are alike."""

    items_of_an_owner: int
    as_ordered: float
    with_twice_the_devices: float
    with_twice_the_epsilon: float | None


def arrival(
    crowd: Counted, part: float, *, devices: int, starts_at: datetime, deadline: datetime
) -> Arrival:
    """Tell when this part of so many devices should have answered, in whole hours from the start.

    Taken that each owner has one device, which does what it is offered when it comes by.
    """
    if crowd.counted_at is None:
        return Arrival(None, NEVER_COUNTED)
    if crowd.band[0] is None:
        return Arrival(None, TOO_FEW_SEEN)
    if part * devices > crowd.owners:
        return Arrival(None, FEWER_THAN_PLACES)
    takes = crowd.comes_within(math.ceil(part * devices))
    if takes is None:
        return Arrival(None, TOO_FEW_SEEN)
    at = starts_at + _UP_TO * math.ceil(takes / _UP_TO)
    return Arrival(at, None) if at < deadline else Arrival(None, AFTER_DEADLINE)


def _items_within(privacy: Privacy, labels: int) -> int:
    """Return how many items, of labels that are all alike, the norm of an owner's counts allows."""
    norm = privacy.max_norm or privacy.max_items or 0
    return math.floor(norm * min(norm, math.sqrt(labels + 1)))


def expect_precision(
    privacy: Privacy,
    twice_as_open: Privacy | None,
    *,
    labels: int,
    months: Sequence[int],
    devices: int,
    max_devices_per_owner: int,
) -> Precision | None:
    """Tell how precise shares will be; None for an exact answer, whose counts carry no noise."""
    if privacy.max_items is None or not privacy.rho:
        return None
    each = max(1, min(round(ITEMS_PART * privacy.max_items), _items_within(privacy, labels)))

    def expect(learns: Privacy, devices: int) -> float:
        width = half_width(
            1 / (labels + 1),
            labels=labels,
            deviation=learns.deviation(len(months)),
            items=devices * each / max_devices_per_owner,
        )
        return float(f"{width:.2g}")

    return Precision(
        items_of_an_owner=each,
        as_ordered=expect(privacy, devices),
        with_twice_the_devices=expect(privacy, 2 * devices),
        with_twice_the_epsilon=None if twice_as_open is None else expect(twice_as_open, devices),
    )
