"""Reading what is told of crowds."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.jobs.crowds import rules
from dml.jobs.crowds.models import EVERYWHERE, Crowd
from dml.jobs.crowds.rules import Counted


async def find_counted_at(tx: AsyncSession) -> datetime | None:
    """Return when crowds were counted last."""
    return await tx.scalar(select(func.max(Crowd.drawn_at)))


async def get_crowd(
    tx: AsyncSession, kind: str, countries: Sequence[str], *, is_exact: bool
) -> Counted:
    """Return the crowd of a job: of all countries, where it names none. O(countries)."""
    query = select(Crowd.country, Crowd.owners, Crowd.drawn_at).where(
        Crowd.kind == kind, Crowd.country.in_([EVERYWHERE, *countries])
    )
    found = {row.country: (row.owners, row.drawn_at) for row in await tx.execute(query)}
    everywhere = found.pop(EVERYWHERE, None)
    rows = list(found.values())
    if countries and not rows and everywhere is not None:
        rows = [([0, 0], everywhere[1])]  # Nobody is there.
    return rules.sum_up(rows, everywhere, is_exact=is_exact)
