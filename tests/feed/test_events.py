"""Events over HTTP: by pages and live, from any position, each for those whom they concern."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import event

from dml.core.context import Actor, Role
from dml.core.event_feed import Asked, Position
from dml.feed import rules, watching
from dml.feed.watching import EventStreams
from tests.core.engine_watch import until
from tests.jobs.factories import Ordered, make_job
from tests.world import Person, World, problem

EVENTS, STREAM = "/v1/events", "/v1/events/stream"
# Whoever follows from now on may hear of what was not settled yet, as where a job was created.
VERBS = ("job.paused", "job.resumed")
Event = dict[str, Any]


async def now(person: Person) -> str:
    """The position of this moment."""
    page = {"has_more": True, "position": None}
    while page["has_more"]:
        after = {"after": page["position"]} if page["position"] else {}
        answer = await person.get(EVENTS, params={"limit": 100, **after})
        assert answer.status_code == 200, answer.text
        page = answer.json()
    return str(page["position"])


async def page_of(person: Person, number: int, **asked: Any) -> Any:
    """Return a page, once it has so many events: other tests' transactions hold the log up, too."""
    page = dict[str, Any]()

    async def is_there() -> bool:
        answer = await person.get(EVENTS, params=asked)
        assert answer.status_code == 200, answer.text
        page.update(answer.json())
        return len(page["items"]) >= number

    await until(is_there)
    return page


async def since(job: Ordered) -> str:
    """The position at which a job was created."""
    page = await page_of(job.customer, 1, subject=f"job:{job.id}")
    return str(page["items"][0]["id"])


async def test_a_customer_reads_what_happens_to_their_job_and_nobody_elses(world: World) -> None:
    job, other = await make_job(world), await make_job(world)
    start = await since(job)
    await other.customer.post(f"{other.path}/pause")
    await job.customer.post(f"{job.path}/pause")
    await job.customer.post(f"{job.path}/resume")
    page = await page_of(job.customer, 2, after=start, types="job.*")
    assert [it["type"] for it in page["items"]] == ["job.paused", "job.resumed"]
    first = page["items"][0]
    assert first["subject"] == {"kind": "job", "id": str(job.id)}
    assert (first["from_state"], first["to_state"]) == ("open", "paused")
    assert first["data"] == {"job_id": str(job.id)}
    assert not page["has_more"]
    again = await page_of(job.customer, 1, after=first["id"], types="job.*")
    assert [it["type"] for it in again["items"]] == ["job.resumed"]
    rest = await page_of(job.customer, 0, after=page["position"], types="job.*")
    assert (rest["items"], rest["has_more"]) == ([], False)


async def test_the_list_can_be_narrowed(world: World) -> None:
    job = await make_job(world)
    await job.customer.post(f"{job.path}/pause")
    about = {"subject": f"job:{job.id}"}
    seen = (await page_of(job.customer, 2, **about))["items"]
    assert [it["type"] for it in seen] == ["job.created", "job.paused"]
    some = await page_of(job.customer, 1, types="job.paused", **about)
    assert [it["type"] for it in some["items"]] == ["job.paused"]
    kind = await page_of(job.customer, 1, after=await since(job), types="job.*", limit=1)
    assert [it["type"] for it in kind["items"]] == ["job.paused"]
    assert kind["has_more"]


async def test_an_admin_may_ask_for_all_and_nobody_else(world: World) -> None:
    job = await make_job(world)
    about = {"subject": f"job:{job.id}", "all": "true"}
    problem(await job.customer.get(EVENTS, params=about), 403, "feed.all_for_admins")
    problem(await job.customer.get(STREAM, params=about), 403, "feed.all_for_admins")
    admin = await world.person("admin", Role.ADMIN)
    seen = (await page_of(admin, 1, **about))["items"]
    assert [it["type"] for it in seen] == ["job.created"]
    own = {"subject": f"job:{job.id}"}
    assert (await admin.get(EVENTS, params=own)).json()["items"] == []


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"after": "nonsense"}, "must be a position"),
        ({"after": "A" * 4_000}, "must be a position"),
        ({"types": "job.complete"}, "did you mean job.completed?"),
        ({"types": "job.completed,"}, "has no type ''"),
        ({"types": "x" * 2_001}, "at most 2000"),
        ({"subject": "job"}, "pattern"),
        ({"subject": "job:'; DROP TABLE events"}, "pattern"),
        ({"limit": "0"}, "greater than or equal to 1"),
        ({"limit": "101"}, "less than or equal to 100"),
        ({"all": "1"}, "must be true or false"),
        ({"nothing": "x"}, "is no parameter here"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused(
    world: World, query: dict[str, str], told: str
) -> None:
    someone = await world.person()
    refused = problem(await someone.get(EVENTS, params=query), 422, "http.422")
    assert told in refused["errors"][0]["detail"]
    assert refused["errors"][0]["pointer"] == f"/{next(iter(query))}"


async def test_a_position_that_was_made_up_is_refused(world: World) -> None:
    someone = await world.person()
    position = await now(someone)
    log = await world.app.state.event_streams.find_log(None)
    ahead = log.position(10**15).write()
    for path in (EVENTS, STREAM):
        refused = await someone.get(path, params={"after": ahead})
        problem(refused, 409, "feed.position_unknown")
        other = (
            ("A" * 10 + position[10:]) if position[:10] != "A" * 10 else "B" * 10 + position[10:]
        )
        problem(await someone.get(path, params={"after": other}), 409, "feed.position_unknown")
    header = {"Last-Event-ID": ahead}
    problem(await someone.get(STREAM, headers=header), 409, "feed.position_unknown")
    problem(await world.client.get(EVENTS), 401, "core.not_signed_in")


@asynccontextmanager
async def following(
    world: World, person: Person, position: Position | None = None, **asked: Any
) -> AsyncIterator[Callable[[], Awaitable[tuple[str, str, Event]]]]:
    """Follow as a person: each call awaits the next event, as its name, its id and its data."""
    streams: EventStreams = world.app.state.event_streams
    log = await streams.find_log(position)
    readers = rules.readers_of(Actor(person.id), everything=False)
    pieces = streams.follow(log, Asked(readers, **asked), person.id, position)
    taken: asyncio.Queue[bytes] = asyncio.Queue()

    async def take() -> None:
        async with aclosing(pieces):
            async for piece in pieces:
                await taken.put(piece)

    async def following_one() -> tuple[str, str, Event]:
        async with asyncio.timeout(10):
            return parsed(await taken.get())

    taking = asyncio.create_task(take())
    try:
        assert (await following_one())[0] == "position"
        yield following_one
    finally:
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)


def parsed(piece: bytes) -> tuple[str, str, Event]:
    fields = dict(line.partition(": ")[::2] for line in piece.decode().splitlines() if line)
    return fields["event"], fields.get("id", ""), json.loads(fields["data"])


async def test_a_follower_sees_at_once_what_happens(world: World) -> None:
    job, other = await make_job(world), await make_job(world)
    async with following(world, job.customer, types=VERBS) as following_one:
        await other.customer.post(f"{other.path}/pause")
        await job.customer.post(f"{job.path}/pause")
        name, event_id, shown = await following_one()
        assert (name, shown["type"], shown["id"]) == ("job.paused", "job.paused", event_id)
        assert shown["subject"]["id"] == str(job.id)
        await job.customer.post(f"{job.path}/resume")
        assert (await following_one())[0] == "job.resumed"
    listed = await page_of(job.customer, 1, after=event_id, types="job.*")
    assert [it["type"] for it in listed["items"]] == ["job.resumed"]


async def test_who_comes_back_with_a_position_misses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "PAGE", 2)
    job = await make_job(world)
    start = Position.read(await since(job))
    for verb in ("pause", "resume", "pause", "resume", "pause"):
        await job.customer.post(f"{job.path}/{verb}")
    async with following(world, job.customer, start, types=VERBS) as following_one:
        seen = [await following_one() for _ in range(5)]
        await job.customer.post(f"{job.path}/resume")
        seen.append(await following_one())
    assert [it[0] for it in seen] == ["job.paused", "job.resumed"] * 3
    assert len({it[1] for it in seen}) == 6
    third = Position.read(seen[2][1])
    async with following(world, job.customer, third, types=["job.paused"]) as following_one:
        assert (await following_one())[1] == seen[4][1]


async def test_many_who_follow_cost_one_query_a_look(world: World) -> None:
    job = await make_job(world)
    asked = list[str]()

    def count(_: Any, __: Any, sql: str, *___: Any) -> None:
        asked.append(sql)

    engine = world.app.state.sessions.kw["bind"].sync_engine
    async with AsyncExitStack() as stack:
        followers = [
            await stack.enter_async_context(following(world, job.customer, types=VERBS))
            for _ in range(world.parts.settings.streams_of_one_user)
        ]
        event.listen(engine, "before_cursor_execute", count)
        await asyncio.sleep(0.5)
        event.remove(engine, "before_cursor_execute", count)
        assert 0 < len(asked) <= 60  # Two for each look; with one for each who follows, hundreds.
        await job.customer.post(f"{job.path}/pause")
        for it in followers:
            assert (await it())[0] == "job.paused"
        refused = await job.customer.get(STREAM)
        problem(refused, 429, "feed.too_many_streams")
    streams: EventStreams = world.app.state.event_streams
    assert not streams._streams
    assert not streams._by_name


async def test_who_takes_nothing_is_dropped_with_a_reason_and_may_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "WAITING_MAX", 2)
    job = await make_job(world)
    streams: EventStreams = world.app.state.event_streams
    log = await streams.find_log(None)
    asked = Asked(rules.readers_of(Actor(job.customer.id), everything=False), VERBS)
    slow = streams.follow(log, asked, job.customer.id, None)
    async with following(world, job.customer, types=VERBS) as quick, aclosing(slow):
        assert parsed(await anext(slow))[0] == "position"
        waiting = asyncio.ensure_future(anext(slow))
        await asyncio.sleep(0)
        for verb in ("pause", "resume", "pause", "resume"):
            await job.customer.post(f"{job.path}/{verb}")
            last = await quick()
        first = parsed(await waiting)
        seen = [parsed(await anext(slow)) for _ in range(3)]
        name, _, told = seen[-1]
        assert (name, told["code"]) == ("dropped", "feed.stream_too_slow")
        with pytest.raises(StopAsyncIteration):
            await anext(slow)
    start = Position.read(first[1])
    async with following(world, job.customer, start, types=VERBS) as following_one:
        later = [await following_one() for _ in range(3)]
    assert [it[0] for it in later] == ["job.resumed", "job.paused", "job.resumed"]
    assert later[-1][1] == last[1]


async def test_to_ask_for_the_head_of_a_stream_opens_none(world: World) -> None:
    someone = await world.person()
    for _ in range(world.parts.settings.streams_of_one_user + 1):
        async with asyncio.timeout(5):
            head = await someone.ask("HEAD", STREAM)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"].startswith("text/event-stream")
    await asyncio.sleep(0.2)  # A stream is closed just after its answer has ended.
    streams: EventStreams = world.app.state.event_streams
    assert not streams._streams
