"""Whose turn it is in the sandbox, and how much of it a user may have.

Each user has a clock that runs ahead of the time by what they had run there: a piece of work is due
at its user's clock, or now where that is past, and the queues take first what is due first. So
however many pieces somebody leaves there, who comes seldom waits for one of them at most (this is
VirtualClock, Zhang 1990; docs/decisions/0023). A clock that is an hour ahead has used up its hour.
What fails through our fault is given back.

What a piece may take is cut off soon at first. What needs more waits for a place among its like,
with all its time: however many files run out of time, they hold up one another and no other.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.models import SandboxClock
from dml.core import worker
from dml.core.context import Context
from dml.core.errors import TooMany
from dml.core.ids import UserId

# Of processor time. An ordinary file takes some hundredths of a second, and a large network one.
QUICK_SECONDS: Final = 2.0
AHEAD_MOST: Final = timedelta(hours=1)
# What a piece of work is thought to take until it is known.
THOUGHT: Final = timedelta(seconds=5)
TIMEOUTS_A_DAY: Final = (
    20  # Of one user. An honest file seldom runs out of time, and once is enough.
)
TOO_SLOW: Final = ("model.too_slow", "file.too_slow")
_DAY: Final = timedelta(days=1)
_NONE: Final = timedelta(0)


class SandboxTimeUsed(TooMany):
    code = "accounts.sandbox_time_used"
    reason = "Checking and scoring your files took all the time that a user has in an hour."
    remedy = "Come back after `retry_after_seconds`."


class TooManyTimeouts(TooMany):
    code = "accounts.too_many_timeouts"
    reason = "Too many of your files ran out of time in the last 24 hours."
    remedy = "Make the model smaller; come back after `retry_after_seconds`."


async def require_room(ctx: Context, user_id: UserId) -> None:
    """Refuse more work to a user who has used up their hour, or ran out of time too often."""
    clock = await ctx.tx.get(SandboxClock, user_id)
    if clock is None:
        return
    if (beyond := clock.ahead_until - ctx.now - AHEAD_MOST) > _NONE:
        raise SandboxTimeUsed(retry_after_seconds=_seconds(beyond))
    if clock.timeouts >= TIMEOUTS_A_DAY and (left := clock.timeouts_since + _DAY - ctx.now) > _NONE:
        raise TooManyTimeouts(retry_after_seconds=_seconds(left))


async def take_turn(ctx: Context, user_id: UserId) -> datetime:
    """Return when a user's next piece of work is due, and hold their clock.

    Their row is locked last: whoever holds it takes no other lock.
    """
    clock = await _lock(ctx.tx, user_id, ctx.now)
    due = max(ctx.now, clock.ahead_until)
    clock.ahead_until = due + THOUGHT
    return due


async def charge(
    ctx: Context,
    user_id: UserId,
    seconds: float,
    refusals: Sequence[dict[str, Any]] = (),
    *,
    seconds_an_hour: int | None = None,
) -> None:
    """Put on a user's clock what a piece of work took, in the place of what it was thought to take.

    Nothing, where we failed at it. Who is no worker says how many `seconds_an_hour` a user has.
    """
    if seconds_an_hour is None:
        seconds_an_hour = worker.parts().settings.sandbox_seconds_an_hour
    clock = await _lock(ctx.tx, user_id, ctx.now)
    took = timedelta(seconds=seconds) * (AHEAD_MOST.total_seconds() / seconds_an_hour)
    clock.ahead_until += took - THOUGHT
    if any(it.get("code") in TOO_SLOW for it in refusals):
        if ctx.now >= clock.timeouts_since + _DAY:
            clock.timeouts, clock.timeouts_since = 0, ctx.now
        clock.timeouts += 1


def is_too_slow(refusals: Sequence[dict[str, Any]]) -> bool:
    """Whether it is refused because it ran out of time, and for nothing else."""
    return bool(refusals) and all(it["code"] in TOO_SLOW for it in refusals)


async def _lock(tx: AsyncSession, user_id: UserId, now: datetime) -> SandboxClock:
    row = insert(SandboxClock).values(user_id=user_id, ahead_until=now, timeouts_since=now)
    await tx.execute(row.on_conflict_do_nothing())
    return await tx.get_one(SandboxClock, user_id, with_for_update=True, populate_existing=True)


def _seconds(left: timedelta) -> int:
    return max(1, math.ceil(left.total_seconds()))
