"""Watching a job grow: one reader for each API process, fanned out to its streams in memory.

The reader asks once for all the jobs that anybody here watches, and only while somebody does, so
a thousand watchers of one job cost the database what one costs.
"""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.core.ids import JobId
from dml.jobs import queries, results
from dml.jobs.rules import ENDED
from dml.jobs.schemas import ResultsOut

EVERY_SECONDS: Final = 0.25
COMMENT_SECONDS: Final = 15.0  # So that proxies keep a quiet stream open.
log = logging.getLogger(__name__)


class Watch:
    """The newest answer of each watched job, and who waits for it."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions
        self._watchers: defaultdict[JobId, set[asyncio.Event]] = defaultdict(set)
        self._newest: dict[JobId, ResultsOut] = {}
        self._reader: asyncio.Task[None] | None = None
        self._closed = False

    async def stream(self, first: ResultsOut) -> AsyncIterator[str]:
        """Yield server-sent events: `first`, each newer answer, and `end` when the job has ended.

        Its body runs after the request's transaction has ended, and touches none.
        """
        job_id, news = first.job_id, asyncio.Event()
        self._watchers[job_id].add(news)
        self._start()
        try:
            shown = first
            yield _event("results", shown)
            while shown.state not in ENDED and not self._closed:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), COMMENT_SECONDS)
                news.clear()
                newest = self._newest.get(job_id, shown)
                if (newest.version, newest.state) == (shown.version, shown.state):
                    yield ": still here\n\n"
                    continue
                shown = newest
                yield _event("results", shown)
            if shown.state in ENDED:
                yield _event("end", shown)
        finally:
            self._watchers[job_id].discard(news)
            if not self._watchers[job_id]:
                del self._watchers[job_id]
                self._newest.pop(job_id, None)

    async def close(self) -> None:
        """End all streams: the server stops."""
        self._closed = True
        for watchers in self._watchers.values():
            for news in watchers:
                news.set()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    def _start(self) -> None:
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        """Look for news, until nobody watches."""
        while self._watchers:
            try:
                async with self._sessions() as tx:
                    await self._look(tx)
            except Exception as error:  # The database is away: the next look is the remedy.
                log.warning("cannot look for news of jobs: %s", error)
            await asyncio.sleep(EVERY_SECONDS)

    async def _look(self, tx: AsyncSession) -> None:
        known = await queries.watch(tx, list(self._watchers))
        for job_id, (version, state) in known.items():
            newest = self._newest.get(job_id)
            if newest is not None and (newest.version, newest.state) == (version, state):
                continue
            self._newest[job_id] = await results.results_of(tx, await queries.get(tx, job_id))
            for news in self._watchers.get(job_id, ()):
                news.set()


def _of(request: Request) -> Watch:
    watch: Watch = request.app.state.watch
    return watch


Watching = Annotated[Watch, Depends(_of)]


def _event(name: str, shown: ResultsOut) -> str:
    return f"id: {shown.version}\nevent: {name}\ndata: {shown.model_dump_json()}\n\n"
