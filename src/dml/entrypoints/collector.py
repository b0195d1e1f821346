"""Deletes uploaded files that no row names: what was replaced, turned down long ago, or cut off;
and what lies in quarantine of uploads that are over.

What is replaced or deleted goes at once: else whoever does so all day would fill the disk. The rest
goes in rounds, and with it what was missed.

Each domain says which files its rows name. A file is taken only when it is older than any upload
that could still be under way; it is put aside first, looked up once more, and only then deleted.
Whoever is killed half-way leaves it aside, where the next round finds it: back or gone.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.algorithms.resumable import queries as uploads
from dml.core import kept_files, worker
from dml.core.blobs import Blobs
from dml.core.context import Context
from dml.core.events import on
from dml.core.kept_files import FileGivenUp, FileQuota
from dml.core.settings import Settings
from dml.entrypoints import domains

log = logging.getLogger(__name__)
COLLECTOR_LOCK: Final = 0x646D6C_636F6C
_ALL_NAMED: Final = " UNION ALL ".join(f"({it})" for it in domains.load_named_files())
_NAMED: Final = text(f"""
    SELECT DISTINCT sha256 FROM ({_ALL_NAMED}) AS named (sha256) WHERE sha256 = ANY (:hashes)
""")  # noqa: S608 - only constants of the domains are inserted
_SOME_NAMED: Final = text(f"""
    SELECT sha256 FROM (SELECT DISTINCT sha256 FROM ({_ALL_NAMED}) AS named (sha256)) AS once
    WHERE sha256 IS NOT NULL ORDER BY random() LIMIT :most
""")  # noqa: S608 - only constants of the domains are inserted
# All of them, for a backup. A NULL names nothing.
ALL_NAMED: Final = text(f"""
    SELECT DISTINCT sha256 FROM ({_ALL_NAMED}) AS named (sha256) WHERE sha256 IS NOT NULL ORDER BY 1
""")  # noqa: S608 - only constants of the domains are inserted
# Whoever copies what rows name holds it alone meanwhile: then nothing of that is deleted.
FILES_LOCK: Final = 0x646D6C_66696C
NAMES_MAX: Final = 10_000
NAMES_AT_ONCE: Final = 100
_HAVE_PATIENCE: Final = text("SET LOCAL idle_in_transaction_session_timeout = 0")
_LOCK: Final = text(f"SELECT pg_try_advisory_xact_lock({COLLECTOR_LOCK})")
_MAY_DELETE: Final = text(f"SELECT pg_try_advisory_xact_lock_shared({FILES_LOCK})")


def make_quota(settings: Settings) -> FileQuota:
    """Return what says how much room each user has for files."""
    return FileQuota(
        domains.load_kept_files(),
        most_bytes=settings.files_of_one_user_bytes,
        refused_days=settings.keep_refused_versions_days,
    )


@on(FileGivenUp, name="files.forget.v1")
async def forget(ctx: Context, event: FileGivenUp) -> None:
    """Delete a blob that a row has given up, unless another one names it, or is about to.

    While a backup is made it stays, as its snapshot may name it: it goes in one of the rounds.
    """
    parts = worker.parts()
    if not await ctx.tx.scalar(_MAY_DELETE):
        return
    if await kept_files.have_alone(ctx.tx, event.sha256) and not await find_named_in(
        ctx.tx, [event.sha256], parts.settings, ctx.now
    ):
        await parts.blobs.forget(event.sha256)


async def collect(
    sessions: async_sessionmaker[AsyncSession], blobs: Blobs, settings: Settings, now: datetime
) -> int:
    """Delete what nobody needs, unless another worker is at it, or a backup is made meanwhile.

    Return how many files that were.
    """
    before = now - timedelta(hours=settings.keep_unnamed_files_hours)
    refused_since = now - timedelta(days=settings.keep_refused_versions_days)
    async with sessions.begin() as lock:
        await lock.execute(_HAVE_PATIENCE)
        if not (await lock.scalar(_MAY_DELETE) and await lock.scalar(_LOCK)):
            return 0  # A backup is made, or another worker is at it.
        done = await blobs.forget_cut_off(before)
        done += await empty_quarantine(sessions, blobs)
        done += await _decide(sessions, blobs, await blobs.list_condemned(), refused_since)
        async for old in blobs.list_old(before):
            needed = await find_named(sessions, old, refused_since)
            aside = [it for it in old if it not in needed and await blobs.condemn(it, before)]
            done += await _decide(sessions, blobs, aside, refused_since)
    if done:
        log.info("deleted %d files that nothing names", done)
    return done


async def empty_quarantine(sessions: async_sessionmaker[AsyncSession], blobs: Blobs) -> int:
    """Delete what lies in quarantine of uploads that are over. Return of how many that was.

    It is deleted as they end; this is for what came later, to a URL that was still good. An upload
    has its row before there is anything of it, and no id is given again.
    """
    done = 0
    async for there in blobs.quarantine.list_uploads():
        async with sessions() as tx:
            under_way = await uploads.find_under_way(tx, there)
        for upload_id in there - under_way:
            await blobs.quarantine.forget(upload_id)
            done += 1
    return done


async def find_named(
    sessions: async_sessionmaker[AsyncSession], hashes: Sequence[str], refused_since: datetime
) -> set[str]:
    """Return those of these blobs that a row names."""
    async with sessions() as tx:
        return await _find_named(tx, hashes, refused_since)


async def find_named_in(
    tx: AsyncSession, hashes: Sequence[str], settings: Settings, now: datetime
) -> set[str]:
    """Return those of these blobs that a row names, as this transaction sees it."""
    return await _find_named(tx, hashes, now - timedelta(days=settings.keep_refused_versions_days))


async def _find_named(tx: AsyncSession, hashes: Sequence[str], refused_since: datetime) -> set[str]:
    values = {"hashes": list(hashes), "refused_since": refused_since}
    return set(await tx.scalars(_NAMED, values))


async def _decide(
    sessions: async_sessionmaker[AsyncSession],
    blobs: Blobs,
    aside: Sequence[str],
    refused_since: datetime,
) -> int:
    """Delete what was put aside, or put it back where a row names it by now."""
    needed = await find_named(sessions, aside, refused_since) if aside else set()
    for sha256 in aside:
        if sha256 in needed:
            await blobs.restore(sha256)
        else:
            await blobs.delete(sha256)
    return len(aside) - len(needed)


async def find_missing(
    tx: AsyncSession, blobs: Blobs, settings: Settings, now: datetime
) -> list[str]:
    """Return those files that rows name and that are not there, of 10,000 at random at most."""
    refused_since = now - timedelta(days=settings.keep_refused_versions_days)
    values = {"most": NAMES_MAX, "refused_since": refused_since}
    named = (await tx.scalars(_SOME_NAMED, values)).all()
    missing = list[str]()
    for start in range(0, len(named), NAMES_AT_ONCE):
        some = named[start : start + NAMES_AT_ONCE]
        there = await asyncio.gather(*(blobs.has(it) for it in some))
        missing += [it for it, is_there in zip(some, there, strict=True) if not is_there]
    return missing
