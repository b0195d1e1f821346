"""Many who watch one large answer: it is written once, and who does not read holds nothing."""

import asyncio
import tracemalloc
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from dml.core.ids import JobId
from dml.jobs import watching
from dml.jobs.models import JobState
from dml.jobs.watching import News, Watch
from tests.jobs.factories import fold, make_job, work
from tests.world import World, problem

LARGE = b'{"counts":"' + b"1" * 3_000_000 + b'"}'


async def test_an_answer_is_written_once_for_all_who_watch_and_ask(world: World) -> None:
    job = await make_job(world)
    await work(world, job, 5)
    await fold(world)
    watch: Watch = world.app.state.watch
    await asyncio.gather(*(job.results() for _ in range(5)))
    kept = watch._asked[JobId(UUID(str(job.id)))]
    assert (await job.results())["items"] == 20
    assert watch._asked[JobId(UUID(str(job.id)))] is kept
    assert not watch._writing


async def test_a_user_has_so_many_streams_at_once(world: World) -> None:
    job = await make_job(world)
    watch: Watch = world.app.state.watch
    most = world.parts.settings.streams_of_one_user
    first = News(0, JobState.OPEN, b"{}")
    streams = [watch.stream(job.id, job.customer.id, first) for _ in range(most)]
    for stream in streams:
        assert b"event: results" in await anext(stream)
    refused = await job.customer.get(f"{job.path}/events")
    assert problem(refused, 429, "jobs.too_many_streams")["most"] == most
    await streams.pop().aclose()
    watch.require_room(job.customer.id)
    for stream in streams:
        await stream.aclose()
    assert not watch._streams


async def test_to_ask_for_the_head_of_a_stream_opens_none(world: World) -> None:
    job = await make_job(world)
    for _ in range(world.parts.settings.streams_of_one_user + 1):
        async with asyncio.timeout(5):
            head = await job.customer.ask("HEAD", f"{job.path}/events")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"].startswith("text/event-stream")
    await asyncio.sleep(0.2)  # A stream is closed just after its answer has ended.
    assert not world.app.state.watch._streams


async def test_twenty_who_read_nothing_hold_one_copy_of_a_large_answer(world: World) -> None:
    job = await make_job(world)
    watch: Watch = world.app.state.watch
    tracemalloc.start()
    try:
        news = News(1, JobState.OPEN, LARGE)
        streams = [watch.stream(job.id, job.customer.id, news) for _ in range(20)]
        pieces = [[await anext(it), await anext(it)] for it in streams]
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert max(len(it) for some in pieces for it in some) <= watching.PIECE_BYTES
    assert held < len(LARGE)  # 20 pieces of 64 KiB, and no copy of it.
    for stream in streams:
        await stream.aclose()


async def test_an_event_in_pieces_is_the_event_whole() -> None:
    news = News(7, JobState.OPEN, LARGE)
    whole = b"".join([it async for it in news.event("results")])
    assert whole == b"id: 7\nevent: results\ndata: " + LARGE + b"\n\n"


async def test_who_takes_an_answer_too_slowly_is_dropped_and_told_why(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "TAKE_SECONDS", 0.05)
    job = await make_job(world)
    watch: Watch = world.app.state.watch
    stream: Any = watch.stream(job.id, job.customer.id, News(1, JobState.OPEN, LARGE))
    await anext(stream)
    await asyncio.sleep(0.1)
    rest = [it async for it in stream]
    assert b"event: dropped" in rest[-1]
    assert b"jobs.stream_too_slow" in rest[-1]
    assert JobId(job.id) not in watch._watchers


async def test_a_look_at_many_jobs_asks_the_database_no_more_than_a_look_at_one(
    world: World,
) -> None:
    """One after the other, twenty jobs took so long that their watchers lagged by seconds."""
    jobs = [await make_job(world) for _ in range(6)]
    asked: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    engine = world.parts.sessions.kw["bind"].sync_engine
    event.listen(engine, "before_cursor_execute", listen)
    try:
        counts = []
        for some in (jobs[:1], jobs):
            watch = Watch(world.parts.sessions)
            for job in some:
                watch._watchers[JobId(UUID(str(job.id)))].add(asyncio.Event())
            asked.clear()
            await watch._look()
            counts.append(len(asked))
            assert len(watch._newest) == len(some)
    finally:
        event.remove(engine, "before_cursor_execute", listen)
    assert counts[0] == counts[1] <= 5


async def test_a_watcher_hears_by_the_event_log_and_asks_nothing_while_it_is_quiet(
    world: World,
) -> None:
    job = await make_job(world)
    watch: Watch = world.app.state.watch
    asked: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "job_totals" in statement:
            asked.append(statement)

    engine = world.parts.sessions.kw["bind"].sync_engine
    job_id = JobId(UUID(str(job.id)))
    stream = watch.stream(job_id, job.customer.id, News(0, JobState.OPEN, b"{}"))
    assert b"event: results" in await anext(stream)
    following = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0.3)  # It looks once, for what happened before it heard.
    event.listen(engine, "before_cursor_execute", listen)
    try:
        await asyncio.sleep(0.5)
        assert asked == []
        await job.customer.post(f"{job.path}/pause")
        async with asyncio.timeout(10):
            assert b'"state":"paused"' in await following
    finally:
        event.remove(engine, "before_cursor_execute", listen)
        await stream.aclose()
    assert not world.app.state.event_streams._bells
