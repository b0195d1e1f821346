"""Watching a job grow: one reader for each API process, fanned out to its streams in memory.

It stands on the event log, of which a process has one reader (`feed/watching.py`): that rings where
something happened to a job, and then all jobs that were rung for are asked for at once. So a
thousand watchers of one job cost the database what one costs, and those of a quiet one next to
nothing. An answer is written once for each of its versions, for all who watch or ask; each stream
hands it on in small pieces, so that somebody who does not read holds next to nothing.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final

from cachetools import LRUCache
from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.core.errors import TooMany
from dml.core.ids import JobId, UserId
from dml.feed.watching import EventStreams
from dml.jobs import counting, queries, results
from dml.jobs.models import Job, JobState
from dml.jobs.results import Answer
from dml.jobs.rules import ENDED

EVERY_SECONDS: Final = 0.1  # Between looks; more, where there is much to send after each:
EVERY_SECONDS_A_WATCHER: Final = 0.0015
SURE_SECONDS: Final = 5.0  # A step is not told in the log where its worker died at that moment.
JOBS_AT_ONCE: Final = 50
COUNTS_AT_ONCE: Final = 500_000  # That the answers which are read at once may have in all.
COMMENT_SECONDS: Final = 15.0  # So that proxies keep a quiet stream open.
TAKE_SECONDS: Final = 60.0  # In which a watcher has to take one answer.
PIECE_BYTES: Final = 64 * 1024
KEPT_BYTES: Final = 32 * 1024 * 1024  # Of answers that nobody watches.
log = logging.getLogger(__name__)


class TooManyStreams(TooMany):
    code = "jobs.too_many_streams"
    reason = "You watch as many jobs at once as one user may."
    remedy = "Close a stream that you read no more, or ask for the results from time to time."
    most: int


@dataclass(frozen=True, slots=True)
class News:
    """A version of an answer, written once for all who want it."""

    version: int
    state: JobState
    json: bytes

    @property
    def stamp(self) -> tuple[int, JobState]:
        return self.version, self.state

    def event(self, name: str) -> AsyncIterator[bytes]:
        return _in_pieces(f"id: {self.version}\nevent: {name}\ndata: ".encode(), self.json)


class Watch:
    """The newest answer of each watched job, and who waits for it."""

    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        log: EventStreams | None = None,
        *,
        streams_of_one_user: int = 20,
    ) -> None:
        self._sessions = sessions
        self._log = log or EventStreams(sessions, streams_of_one_user=streams_of_one_user)
        self._rung: set[JobId] = set()
        self._ringing = asyncio.Event()
        self._most = streams_of_one_user
        self._streams: Counter[UserId] = Counter()
        self._watchers: defaultdict[JobId, set[asyncio.Event]] = defaultdict(set)
        self._newest: dict[JobId, News] = {}
        self._asked: LRUCache[JobId, News] = LRUCache(KEPT_BYTES, lambda news: len(news.json))
        self._writing: defaultdict[JobId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._reader: asyncio.Task[None] | None = None
        self._closed = False

    def require_room(self, user_id: UserId) -> None:
        """Refuse a stream beyond those that one user may have in this process."""
        if self._streams[user_id] >= self._most:
            raise TooManyStreams(most=self._most, retry_after_seconds=15)

    async def find(self, tx: AsyncSession, job: Job) -> News | Answer:
        """Return the answer of a job, written already or to be written by `write`."""
        totals = await queries.get_totals(tx, job.id)
        for known in (self._newest.get(job.id), self._asked.get(job.id)):
            if known is not None and known.stamp == (totals.version, job.state):
                return known
        return await results.read(tx, job)

    async def write(self, found: News | Answer) -> News:
        """Write an answer, if that was not done meanwhile. No transaction is open."""
        if isinstance(found, News):
            return found
        job_id, stamp = found.job.id, (found.totals.version, found.job.state)
        async with self._writing[job_id]:
            known = self._asked.get(job_id)
            if known is None or known.stamp != stamp:
                known = News(*stamp, await asyncio.to_thread(found.as_json))
                with contextlib.suppress(ValueError):  # Larger than all that may be kept.
                    self._asked[job_id] = known
        if not self._writing[job_id].locked():
            self._writing.pop(job_id, None)
        return known

    async def stream(self, job_id: JobId, user_id: UserId, first: News) -> AsyncGenerator[bytes]:
        """Yield server-sent events: `first`, each newer answer, and `end` when the job has ended.

        Its body runs after the request's transaction has ended, and touches none. Who takes an
        answer too slowly is dropped, with an event that says so.
        """
        awake = asyncio.Event()
        self._streams[user_id] += 1
        self._watchers[job_id].add(awake)
        try:
            shown = first
            async for piece in self._tell(shown, "results"):
                yield piece
            async with self._log.ringing(f"job:{job_id}", partial(self._ring, job_id)):
                self._ring(job_id)  # For what happened since `first` was read.
                self._start()
                while shown.state not in ENDED and not self._closed:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(COMMENT_SECONDS):
                            await awake.wait()
                    is_quiet = not awake.is_set()
                    awake.clear()
                    newest = self._newest.get(job_id, shown)
                    if newest.stamp == shown.stamp:
                        if is_quiet:
                            yield b": still here\n\n"
                        continue
                    shown = newest
                    async for piece in self._tell(shown, "results"):
                        yield piece
            if shown.state in ENDED:
                async for piece in self._tell(shown, "end"):
                    yield piece
        except _TooSlow:
            log.info("a watcher of job:%s took an answer too slowly, and was dropped", job_id)
            yield _DROPPED
        finally:
            self._leave(job_id, user_id, awake)

    async def close(self) -> None:
        """End all streams: the server stops."""
        self._closed = True
        for watchers in self._watchers.values():
            for awake in watchers:
                awake.set()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    def _ring(self, job_id: JobId) -> None:
        """Note that something happened to a job."""
        self._rung.add(job_id)
        self._ringing.set()

    async def _tell(self, news: News, name: str) -> AsyncIterator[bytes]:
        until = time.monotonic() + TAKE_SECONDS
        async for piece in news.event(name):
            if time.monotonic() > until:
                raise _TooSlow
            yield piece

    def _leave(self, job_id: JobId, user_id: UserId, awake: asyncio.Event) -> None:
        self._streams[user_id] -= 1
        if not self._streams[user_id]:
            del self._streams[user_id]
        self._watchers[job_id].discard(awake)
        if not self._watchers[job_id]:
            del self._watchers[job_id]
            self._newest.pop(job_id, None)

    def _start(self) -> None:
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        """Look for news of the jobs that were rung for, until nobody watches."""
        while self._watchers:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SURE_SECONDS):
                    await self._ringing.wait()
            rung = self._rung if self._ringing.is_set() else set(self._watchers)
            self._rung = set()
            self._ringing.clear()
            try:
                await self._look(rung)
            except Exception as error:  # The database is away: the next look is the remedy.
                log.warning("cannot look for news of jobs: %s", error)
                for job_id in rung:
                    self._ring(job_id)
            number = sum(map(len, self._watchers.values()))
            await asyncio.sleep(max(EVERY_SECONDS, number * EVERY_SECONDS_A_WATCHER))

    async def _look(self, job_ids: Iterable[JobId] | None = None) -> None:
        """Read all that is new of these jobs, or of all, some at a time: an answer may be large."""
        watched = [it for it in job_ids or self._watchers if it in self._watchers]
        if not watched:
            return
        async with self._sessions() as tx:
            known = await queries.watch(tx, watched)
            new = [
                job_id
                for job_id, stamp in known.items()
                if (newest := self._newest.get(job_id)) is None or newest.stamp != stamp
            ]
            jobs = await queries.list_jobs(tx, new)
        for some in _by_size(jobs):
            async with self._sessions() as tx:
                found = await results.read_all(tx, some)
            for news, it in zip(await asyncio.to_thread(_write_all, found), found, strict=True):
                self._publish(it.job.id, news)

    def _publish(self, job_id: JobId, news: News) -> None:
        """Tell who watches; nobody may do so any more."""
        if job_id in self._watchers:
            self._newest[job_id] = news
            for awake in self._watchers[job_id]:
                awake.set()


def _write_all(found: Sequence[Answer]) -> list[News]:
    """Write answers, all in one go: to come back to a busy loop after each takes longer."""
    return [News(it.totals.version, it.job.state, it.as_json()) for it in found]


class _TooSlow(Exception):
    """A watcher does not take what it is sent."""


_DROPPED: Final = (
    b"\n\nevent: dropped\n"
    b'data: {"code":"jobs.stream_too_slow","reason":"You did not take an answer in time.",'
    b'"remedy":"Ask for the results, or watch again."}\n\n'
)


async def _in_pieces(head: bytes, json: bytes) -> AsyncIterator[bytes]:
    """Yield an event in pieces, each sent when the one before was taken."""
    if len(json) <= PIECE_BYTES:
        yield b"%b%b\n\n" % (head, json)
        return
    yield head
    for start in range(0, len(json), PIECE_BYTES):
        yield json[start : start + PIECE_BYTES]
    yield b"\n\n"


def _by_size(jobs: Sequence[Job]) -> list[list[Job]]:
    """Part jobs so that the answers of each part are not too large together."""
    parts: list[list[Job]] = []
    room = 0
    for job in jobs:
        period = counting.period_of(job.date_from, job.date_to, job.deadline)
        counts = counting.count_cells(len(job.labels), *period)
        if not parts or counts > room or len(parts[-1]) == JOBS_AT_ONCE:
            parts.append([])
            room = COUNTS_AT_ONCE
        parts[-1].append(job)
        room -= counts
    return parts


async def _of(request: Request) -> Watch:
    watch: Watch = request.app.state.watch
    return watch


Watching = Annotated[Watch, Depends(_of)]
