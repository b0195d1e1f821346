"""When tokens were last used, to the hour: so that a request writes nothing by itself.

What a process notes goes to the database soon, in one statement; a process that is killed
meanwhile forgets it, and the next use is noted instead.
"""

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.core.db import raw
from dml.core.ids import TokenId

log = logging.getLogger(__name__)
NOTED_AGAIN_AFTER: Final = timedelta(hours=1)
SECONDS: Final = 5.0
_NOTE: Final = """
    UPDATE personal_tokens t SET last_used_at = u.at
    FROM unnest($1::uuid[], $2::timestamptz[]) AS u (id, at)
    WHERE t.id = u.id AND (t.last_used_at IS NULL OR t.last_used_at < u.at)
"""
_used: Final[dict[TokenId, datetime]] = {}


def note(token_id: TokenId, last: datetime | None, now: datetime) -> None:
    """Remember that a token is used now, unless that is known for this hour."""
    if last is None or now - last >= NOTED_AGAIN_AFTER:
        _used[token_id] = now


async def write(sessions: async_sessionmaker[AsyncSession]) -> None:
    """Write down which tokens were used."""
    if not _used:
        return
    used = dict(_used)
    _used.clear()
    async with sessions.begin() as tx:
        ids = sorted(used)  # In one order: two processes do not wait for each other.
        await (await raw(tx)).execute(_NOTE, ids, [used[it] for it in ids])


async def keep_writing(sessions: async_sessionmaker[AsyncSession]) -> None:
    """Write it down every few seconds, until cancelled."""
    while True:
        await asyncio.sleep(SECONDS)
        try:
            await write(sessions)
        except Exception as error:  # The database is away: a use is not worth a retry.
            log.warning("cannot note the uses of tokens: %s", error)
