"""What becomes of the event log when a user is erased: what happened stays, without their data.

Emptied are the fields of which their event says that they are personal, and, where not everybody
could read them, words and facts. The rows of who may follow them go.
"""

import json
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core import events
from dml.core.ids import UserId

NUMBERS_AT_ONCE: Final = 20_000
READERS_AT_ONCE: Final = 10_000

_BEGIN: Final = text(
    "SELECT coalesce(min(number), 0) AS first, coalesce(max(number), 0) FROM events"
)
# Promises: of a range of numbers, no event keeps what is personal of this user.
_EMPTY: Final = text("""
    UPDATE events SET
        body = CASE WHEN :reader = ANY (readers)
            THEN body || coalesce(CAST(:personal AS jsonb) -> type, '{}') ELSE body END,
        reason = CASE WHEN 'everyone' = ANY (readers) THEN reason END,
        facts = CASE WHEN 'everyone' = ANY (readers) THEN facts END
    WHERE number >= :first AND number < :following
        AND (actor_id = :user_id OR :reader = ANY (readers))
""")
_FORGET: Final = text("""
    WITH forgotten AS (
        DELETE FROM event_readers WHERE reader = :reader AND number IN (
            SELECT number FROM event_readers WHERE reader = :reader ORDER BY number LIMIT :most
        )
        RETURNING number
    )
    SELECT count(*) > 0 FROM forgotten
""")


async def erase_some(tx: AsyncSession, user_id: UserId, first: int) -> int | None:
    """Erase a user from some events, from a number on. Return from where to go on, None at the end.

    The whole log is read, in its order: nothing else finds all that somebody did.
    """
    begin, last = (await tx.execute(_BEGIN)).one()
    first = max(first, begin)
    personal = {
        name: dict.fromkeys(sorted(it.PERSONAL), "")
        for name, it in events.types().items()
        if it.PERSONAL
    }
    values = {
        "user_id": user_id,
        "reader": events.user(user_id),
        "personal": json.dumps(personal),
        "first": first,
        "following": first + NUMBERS_AT_ONCE,
    }
    await tx.execute(_EMPTY, values)
    return first + NUMBERS_AT_ONCE if first + NUMBERS_AT_ONCE <= last else None


async def forget_some_readers(tx: AsyncSession, user_id: UserId) -> bool:
    """Delete some of the rows that let a user follow events. Tell whether there were any."""
    values = {"reader": events.user(user_id), "most": READERS_AT_ONCE}
    return bool(await tx.scalar(_FORGET, values))
