"""Watching a job grow: one reader for each API process, fanned out to its streams in memory.

The reader asks once for all the jobs that anybody here watches, and only while somebody does, so
a thousand watchers of one job cost the database what one costs.
"""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Annotated, Final, Self

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.core.ids import JobId
from dml.jobs import queries, results
from dml.jobs.models import JobState
from dml.jobs.rules import ENDED
from dml.jobs.schemas import ResultsOut

EVERY_SECONDS: Final = 0.25  # Between looks; more, where there is much to send after each:
EVERY_SECONDS_A_WATCHER: Final = 0.0015
JOBS_AT_ONCE: Final = 50
COMMENT_SECONDS: Final = 15.0  # So that proxies keep a quiet stream open.
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class News:
    """An answer, and the event that tells it, written once for all who watch."""

    results: ResultsOut
    event: str

    @classmethod
    def of(cls, shown: ResultsOut) -> Self:
        return cls(shown, _event("results", shown))

    @property
    def stamp(self) -> tuple[int, JobState]:
        return self.results.version, self.results.state


class Watch:
    """The newest answer of each watched job, and who waits for it."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions
        self._watchers: defaultdict[JobId, set[asyncio.Event]] = defaultdict(set)
        self._newest: dict[JobId, News] = {}
        self._reader: asyncio.Task[None] | None = None
        self._closed = False

    async def stream(self, first: ResultsOut) -> AsyncGenerator[str]:
        """Yield server-sent events: `first`, each newer answer, and `end` when the job has ended.

        Its body runs after the request's transaction has ended, and touches none.
        """
        job_id, awake = first.job_id, asyncio.Event()
        self._watchers[job_id].add(awake)
        self._start()
        try:
            shown = News.of(first)
            yield shown.event
            while shown.results.state not in ENDED and not self._closed:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(awake.wait(), COMMENT_SECONDS)
                awake.clear()
                newest = self._newest.get(job_id, shown)
                if newest.stamp == shown.stamp:
                    yield ": still here\n\n"
                    continue
                shown = newest
                yield shown.event
            if shown.results.state in ENDED:
                yield _event("end", shown.results)
        finally:
            self._watchers[job_id].discard(awake)
            if not self._watchers[job_id]:
                del self._watchers[job_id]
                self._newest.pop(job_id, None)

    async def close(self) -> None:
        """End all streams: the server stops."""
        self._closed = True
        for watchers in self._watchers.values():
            for awake in watchers:
                awake.set()
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
            number = sum(map(len, self._watchers.values()))
            await asyncio.sleep(max(EVERY_SECONDS, number * EVERY_SECONDS_A_WATCHER))

    async def _look(self, tx: AsyncSession) -> None:
        """Read all that is new, some jobs at a time: an answer may be large."""
        known = await queries.watch(tx, list(self._watchers))
        new = [
            job_id
            for job_id, stamp in known.items()
            if (newest := self._newest.get(job_id)) is None or newest.stamp != stamp
        ]
        for first in range(0, len(new), JOBS_AT_ONCE):
            jobs = await queries.list_jobs(tx, new[first : first + JOBS_AT_ONCE])
            for shown in await results.results_of_all(tx, jobs):
                self._newest[shown.job_id] = News.of(shown)
                for awake in self._watchers.get(shown.job_id, ()):
                    awake.set()


def _of(request: Request) -> Watch:
    watch: Watch = request.app.state.watch
    return watch


Watching = Annotated[Watch, Depends(_of)]


def _event(name: str, shown: ResultsOut) -> str:
    return f"id: {shown.version}\nevent: {name}\ndata: {shown.model_dump_json()}\n\n"
