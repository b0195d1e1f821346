"""What is told of a crowd: bands, how soon its owners come, and whether it may be a target. Pure.

All of it follows from numbers that carry noise; nothing here looks at a true count.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dml.core.errors import Invalid

# By when a device was last seen, owners are told apart; who was not seen for longer is in no crowd.
SEEN: Final = (timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(days=30))
DEVIATION: Final = 10.0  # Of the noise on each number, in owners.
BAND: Final = 50  # The first number of owners that is told of; further ones are twice as large.
BANDS: Final = 15  # Up to 819,200 owners.


class TargetTooSmall(Invalid):
    code = "jobs.target_too_small"
    pointer = "/countries"
    reason = (
        "Too few owners of devices that may run this were seen in these countries lately: an "
        "answer would be about too few people, or would never come."
    )
    remedy = (
        "Name more countries, or none, so that devices anywhere take part. There must be about "
        "`least` owners; they are counted anew every `counted_every_hours` hours."
    )
    least: int
    counted_every_hours: float


@dataclass(frozen=True, slots=True)
class Counted:
    """A crowd as it is told: `owners` about, and `paces` of each group of SEEN, everywhere."""

    owners: int
    paces: Sequence[int]
    counted_at: datetime | None  # None: it was never counted.

    @property
    def band(self) -> tuple[int | None, int | None]:
        """Return between which numbers the owners are: at least the first, below the second."""
        if self.owners < BAND:
            return None, BAND
        least = BAND
        for _ in range(BANDS - 1):
            if self.owners < 2 * least:
                return least, 2 * least
            least *= 2
        return least, None

    def comes_within(self, owners: float) -> timedelta | None:
        """Return in what time so many owners of this crowd come; None where that is not known.

        Where devices come as they came before, the time until one comes next is as long as the
        time since it last came (of a stationary renewal process, the forward and the backward
        recurrence time have one distribution: Cox, Renewal Theory, 1962, chapter 5).
        """
        groups = [max(0, it) for it in self.paces]
        if self.owners < BAND or sum(groups) < BAND or owners > self.owners:
            return None
        left, began = owners / self.owners * sum(groups), timedelta(0)
        for group, until in zip(groups, SEEN, strict=True):
            if left <= group and group > 0:
                return began + (until - began) * (left / group)
            left, began = left - group, until
        return SEEN[-1]


UNCOUNTED: Final = Counted(0, (), None)


def sum_up(
    rows: Sequence[tuple[Sequence[int], datetime]],
    everywhere: tuple[Sequence[int], datetime] | None,
    *,
    is_exact: bool,
) -> Counted:
    """Return the crowd of these countries' rows; of EVERYWHERE, where there are none.

    An exact answer is for who agreed to such alone.
    """
    if everywhere is None:
        return UNCOUNTED
    groups, counted_at = everywhere
    agreed = groups[len(SEEN) :]
    paces = agreed if is_exact else [a + b for a, b in zip(groups, agreed, strict=False)]
    owners = sum(row[1] if is_exact else sum(row) for row, _ in rows) if rows else sum(paces)
    return Counted(max(0, owners), paces, counted_at)


def require_target(
    crowd: Counted, countries: Sequence[str], *, least: int, every: timedelta
) -> None:
    """Refuse a job for some countries where too few could take part. One for all is for all."""
    if not is_target(crowd, countries, least=least):
        hours = round(every / timedelta(hours=1), 2)
        raise TargetTooSmall(least=least, counted_every_hours=hours)


def is_target(crowd: Counted, countries: Sequence[str], *, least: int) -> bool:
    """Tell whether a job may be for these countries."""
    return not countries or crowd.owners >= least


def is_due(counted_at: datetime | None, now: datetime, every: timedelta) -> bool:
    return counted_at is None or counted_at <= now - every
