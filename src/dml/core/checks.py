"""Checks that `dml doctor` makes, each asked of the database. Reads only.

A check is SQL that finds what must never be. It answers a line of text for each offender, and the
database counts them: however many there are, no more than OFFENDERS_MAX reach this process.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.sqlstates import UNREADABLE, is_one_of

OFFENDERS_MAX: Final = 20

_NAMED: Final = "SELECT what, count(*) OVER () AS many FROM ({}) AS offenders (what) LIMIT :most"


@dataclass(frozen=True, slots=True)
class Check:
    """What is wrong where `offenders` finds anything, and what it costs to look."""

    wrong: str
    cost: str
    offenders: str


async def look(tx: AsyncSession, checks: Sequence[Check]) -> list[str]:
    """Make each check, and say in words what it found: a sentence for each that found anything."""
    complaints = [await _offenders_of(tx, check) for check in checks]
    return [it for it in complaints if it]


async def count(tx: AsyncSession, check: Check) -> int:
    """Return how many offend against this check."""
    found = await tx.scalar(text(f"SELECT count(*) FROM ({check.offenders}) AS offenders"))  # noqa: S608 - checks are constants
    return int(found or 0)


async def _offenders_of(tx: AsyncSession, check: Check) -> str:
    query = text(_NAMED.format(check.offenders))
    try:
        async with tx.begin_nested():
            rows = (await tx.execute(query, {"most": OFFENDERS_MAX})).all()
    except DBAPIError as error:
        if not is_one_of(error, UNREADABLE):
            raise
        return f"{check.wrong}, perhaps: what is kept cannot be read ({error.orig})."
    if not rows:
        return ""
    more = rows[0].many - len(rows)
    end = f"; and {more} more." if more else "."
    return f"{check.wrong}: {'; '.join(row.what for row in rows)}{end}"
