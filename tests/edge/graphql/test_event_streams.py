"""The graph by server-sent events, as graphql-sse has it: each question a connection of its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any

import httpx2
import pytest
from fastapi import Request
from sqlalchemy import text

from dml.core.context import Actor
from dml.core.events import user
from dml.edge import streams
from dml.edge.bodies import BODY, Body
from dml.edge.connection_limits import Limits
from dml.edge.graphql.late import Asker
from dml.edge.graphql.schemas import GraphQuestion
from dml.feed import watching
from dml.feed.watching import EventStreams
from tests.edge.graphql.asking import refusal
from tests.edge.serving import Running, serving
from tests.jobs.factories import make_job
from tests.world import Person, World, problem

ACCEPT = {"Accept": "text/event-stream"}
PAUSED = 'subscription { events(types: "job.paused") { type subject { id } } }'


@pytest.fixture
async def running(world: World) -> AsyncIterator[Running]:
    async with serving(Limits(), world.app) as made:
        yield made


@asynccontextmanager
async def asked(
    running: Running, person: Person | None, method: str = "POST", **request: Any
) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
    """Ask, and yield the events of the answer, each with its name and data."""
    token = {"Authorization": f"Bearer {person.token}"} if person else {}
    url = f"http://127.0.0.1:{running.port}/graphql"

    async def events() -> AsyncIterator[tuple[str, Any]]:
        name = ""
        async for line in answer.aiter_lines():
            field, _, value = line.partition(":")
            name = value.strip() if field == "event" else name
            if field == "data":
                yield name, json.loads(value) if value.strip() else None

    async with (
        asyncio.timeout(15),
        httpx2.AsyncClient(trust_env=False, timeout=15) as client,
        client.stream(method, url, headers=ACCEPT | token, **request) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield events()


async def test_a_subscription_comes_by_post_and_by_get(world: World, running: Running) -> None:
    job = await make_job(world)
    async with (
        asked(running, job.customer, json={"query": PAUSED}) as posted,
        asked(running, job.customer, "GET", params={"query": PAUSED}) as gotten,
    ):
        await asyncio.sleep(0.3)
        await job.customer.post(f"{job.path}/pause")
        for events in (posted, gotten):
            name, told = await anext(events)
            assert name == "next"
            assert told["data"]["events"]["subject"]["id"] == str(job.id)


async def test_a_query_has_one_answer_and_then_the_end(world: World, running: Running) -> None:
    somebody = await world.person()
    async with asked(running, somebody, json={"query": "{ me { id } }"}) as events:
        seen = [it async for it in events]
    assert [name for name, _ in seen] == ["next", "complete"]
    assert seen[0][1]["data"] == {"me": {"id": str(somebody.id)}}
    variables = json.dumps({"id": str(somebody.id)})
    named = {"query": "query($id: ID!) { user(id: $id) { id } }", "variables": variables}
    async with asked(running, None, "GET", params=named) as events:
        seen = [it async for it in events]
    assert seen[0][1]["data"]["user"]["id"] == str(somebody.id)


REFUSED = {
    "without a token": ({"query": PAUSED}, "core.not_signed_in"),
    "a mutation by GET": (
        {"query": 'mutation { jobsPause(jobId: "1") { id } }'},
        "edge.mutation_needs_post",
    ),
    "what is no query": ({"query": "{ nothing"}, "edge.query_wrong"),
    "nothing": ({}, "edge.query_missing"),
}


@pytest.mark.parametrize("asks", REFUSED.values(), ids=REFUSED)
async def test_what_is_refused_is_told_in_the_stream(
    world: World, running: Running, asks: tuple[dict[str, str], str]
) -> None:
    params, code = asks
    async with asked(running, None, "GET", params=params) as events:
        (name, told), last = [it async for it in events]
    assert (name, last) == ("next", ("complete", None))
    assert "data" not in told
    assert told["errors"][0]["extensions"]["code"] == code


async def test_variables_that_are_no_json_are_refused(world: World) -> None:
    params = {"query": PAUSED, "variables": "{"}
    answer = await world.client.get("/graphql", params=params, headers=ACCEPT)
    assert "variables" in problem(answer, 422, "http.422")["errors"][0]["pointer"]
    params = {"query": PAUSED, "variables": "[]"}
    answer = await world.client.get("/graphql", params=params, headers=ACCEPT)
    problem(answer, 422, "http.422")


async def test_an_answer_of_json_has_no_room_for_a_subscription(world: World) -> None:
    error = await refusal(await world.person(), PAUSED)
    assert error["code"] == "edge.subscription_needs_stream"
    assert "text/event-stream" in error["remedy"]


async def test_who_takes_too_little_is_dropped_with_a_reason(
    world: World, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "WAITING_MAX", 2)
    job = await make_job(world)
    answering = await world.app.state.graph.made()
    query = 'subscription { events(types: "job.*") { type } }'
    scope = {
        **{"type": "http", "method": "POST", "scheme": "http", "path": "/graphql"},
        **{"query_string": b"", "app": world.app, "asgi": {"spec_version": "2.4"}},
        "headers": [(b"authorization", f"Bearer {job.customer.token}".encode())],
        **{"fastapi_middleware_astack": AsyncExitStack(), BODY: Body(10_000, None)},
    }
    asker = Asker(job.customer.token, str(job.customer.id), Actor(job.customer.id))
    all_of_them: EventStreams = world.app.state.event_streams
    answers = answering.ask(Request(scope), asker, GraphQuestion(query=query))
    async with aclosing(answers):
        first = asyncio.ensure_future(anext(answers))
        await running.until(lambda: bool(all_of_them._streams))
        for verb in ("pause", "resume", "pause", "resume", "pause"):
            await job.customer.post(f"{job.path}/{verb}")
        assert "data" in await first
        following = all_of_them._by_name[user(job.customer.id)]
        await running.until(lambda: any(it.is_too_slow for it in following))
        rest = [it async for it in answers]
    assert rest[-1]["errors"][0]["extensions"]["code"] == "edge.subscription_too_slow"
    assert all("data" in it for it in rest[:-1])


async def test_a_stream_whose_session_ends_says_so(
    world: World, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.1)
    somebody = await world.person()
    async with asked(running, somebody, json={"query": PAUSED}) as events:
        async with world.parts.sessions.begin() as tx:
            ended = "UPDATE user_sessions SET ended_at = now() WHERE user_id = :id"
            await tx.execute(text(ended), {"id": somebody.id})
        (name, told), last = [it async for it in events]
    assert (name, last) == ("next", ("complete", None))
    assert told["errors"][0]["extensions"]["code"] == "core.not_signed_in"
    await running.until(lambda: not world.app.state.event_streams._streams)
