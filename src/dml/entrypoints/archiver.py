"""The archiver: moves ended jobs out of the hot tables, and ends when nothing is due.

A worker starts one when something is due. It is a process of its own, so that Arrow's memory is
taken only while there is work, and so that it can give way to all that serves people: by its
niceness, and by a rest as long as each batch took. It may be killed at any moment.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from dml import ending
from dml.core import logs
from dml.core.ids import JobId
from dml.core.settings import Settings
from dml.entrypoints import wiring
from dml.jobs.archive import queries, service as archive_service
from dml.jobs.archive.reading import ARCHIVER_LOCK

log = logging.getLogger("dml.archiver")
NICENESS: Final = 10
REST_MAX_SECONDS: Final = 2.0


class ArchiverPace:
    """Works half of the time at most, so that the disk and the database have time for others."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    async def rest(self) -> None:
        await asyncio.sleep(min(time.monotonic() - self._since, REST_MAX_SECONDS))
        self._since = time.monotonic()


@asynccontextmanager
async def alone(engine: AsyncEngine) -> AsyncIterator[bool]:
    """Tell whether this is the only archiver, and keep it so. The lock dies with the process."""
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        first = bool(await connection.scalar(select(func.pg_try_advisory_lock(ARCHIVER_LOCK))))
        yield first
        if first:
            await connection.execute(select(func.pg_advisory_unlock(ARCHIVER_LOCK)))


async def archive_due(settings: Settings) -> int:
    """Archive every job that is due. Return how many files were written.

    A job that cannot be archived is logged, and left for the next archiver: others go on.
    """
    engine = wiring.make_engine(settings, "dml archiver")
    sessions, blobs = wiring.make_sessions(engine), wiring.make_blobs(settings)
    keep = timedelta(hours=settings.keep_ended_jobs_hours)
    failed: set[JobId] = set()
    files = 0
    try:
        async with alone(engine) as first:
            while first:
                async with sessions() as tx:
                    due = await queries.list_to_archive(
                        tx, datetime.now(UTC), keep=keep, besides=failed
                    )
                if not due:
                    break
                for job_id in due:
                    try:
                        rest = ArchiverPace().rest
                        files += await archive_service.archive(sessions, blobs, job_id, rest=rest)
                    except Exception:  # One job that cannot be must not keep the others.
                        log.exception("job:%s cannot be archived", job_id)
                        failed.add(job_id)
    finally:
        await engine.dispose()
    return files


def end_with_parent() -> None:
    """End at once when whoever holds the other end of standard input is gone."""

    def wait() -> None:
        while os.read(0, 1_024):  # A thread inside Python's own reader could not be left behind.
            pass
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    settings = Settings()
    logs.configure(settings)
    end_with_parent()
    os.nice(NICENESS)
    files = asyncio.run(archive_due(settings))
    if files:
        log.info("wrote %d archives", files)


if __name__ == "__main__":
    ending.run(main)
