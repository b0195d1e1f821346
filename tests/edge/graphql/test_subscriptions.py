"""Subscriptions over both ways that carry them: who may have them, what comes, and how they end."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from dml.bounties.events import SubmissionScored
from dml.core import events
from dml.core.context import SYSTEM, Context
from dml.core.ids import SubmissionId, new_id
from dml.edge.connection_limits import Limits
from dml.edge.graphql import sockets
from tests.bounties.boards import enter, make_bounty
from tests.edge.serving import Running, serving
from tests.jobs.factories import make_job, settle
from tests.world import Person, World

PROTOCOL = Subprotocol(sockets.PROTOCOL)
EVENTS = '{ events(types: "job.*") { id type subject { id } } }'


@pytest.fixture
async def running(world: World) -> AsyncIterator[Running]:
    async with serving(Limits(), world.app, sockets_at=b"/graphql") as made:
        yield made


class Client:
    """A client of the protocol, message by message."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, kind: str, **rest: Any) -> None:
        await self.connection.send(json.dumps({"type": kind, **rest}))

    async def subscribe(self, its_id: str, query: str, **variables: Any) -> None:
        payload = {"query": query, "variables": variables}
        await self.send("subscribe", id=its_id, payload=payload)

    async def receive(self) -> Any:
        async with asyncio.timeout(10):
            return json.loads(await self.connection.recv())

    async def next(self, its_id: str) -> Any:
        """Return the data of the next message, which must be one of this question."""
        message = await self.receive()
        assert (message["type"], message.get("id")) == ("next", its_id), message
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]

    async def error(self, its_id: str) -> Any:
        message = await self.receive()
        assert (message["type"], message["id"]) == ("error", its_id), message
        (told,) = message["payload"]
        return told["extensions"]

    async def closed(self) -> tuple[int, str]:
        """Wait until the server closes the connection, and return how."""
        async with asyncio.timeout(10):
            await self.connection.wait_closed()
        assert self.connection.close_code is not None
        return self.connection.close_code, self.connection.close_reason or ""


@asynccontextmanager
async def opened(running: Running, **options: Any) -> AsyncIterator[Client]:
    options = {"subprotocols": [PROTOCOL], **options}
    url = f"ws://127.0.0.1:{running.port}/graphql"
    async with connect(url, proxy=None, **options) as connection:
        yield Client(connection)


@asynccontextmanager
async def signed_in(running: Running, person: Person) -> AsyncIterator[Client]:
    async with opened(running) as client:
        await client.send("connection_init", payload={"Authorization": f"Bearer {person.token}"})
        assert await client.receive() == {"type": "connection_ack"}
        yield client


async def test_events_come_as_they_happen_to_whom_they_concern(
    world: World, running: Running
) -> None:
    job, other = await make_job(world), await make_job(world)
    async with signed_in(running, job.customer) as client:
        await client.subscribe("1", "subscription " + EVENTS.replace("job.*", "job.paused"))
        await client.send("ping")
        assert await client.receive() == {"type": "pong"}
        await asyncio.sleep(0.3)
        await other.customer.post(f"{other.path}/pause")
        await job.customer.post(f"{job.path}/pause")
        shown = (await client.next("1"))["events"]
        assert (shown["type"], shown["subject"]["id"]) == ("job.paused", str(job.id))
        await client.send("complete", id="1")
        query = (
            'subscription($after: String) { events(after: $after, types: "job.resumed") { type } }'
        )
        await job.customer.post(f"{job.path}/resume")
        await client.subscribe("1", query, after=shown["id"])
        assert await client.next("1") == {"events": {"type": "job.resumed"}}


async def test_a_job_is_told_now_and_after_each_change_until_it_has_ended(
    world: World, running: Running
) -> None:
    job, other = await make_job(world), await make_job(world)
    query = "subscription($id: ID!) { job(id: $id) { state timeline { entries { action } } } }"
    async with signed_in(running, job.customer) as client:
        await client.subscribe("a", query, id=str(job.id))
        assert (await client.next("a"))["job"]["state"] == "OPEN"
        await job.customer.post(f"{job.path}/pause")
        shown = (await client.next("a"))["job"]
        assert shown["state"] == "PAUSED"
        assert [it["action"] for it in shown["timeline"]["entries"]] == ["created", "paused"]
        await client.subscribe("b", query, id=str(other.id))
        assert (await client.error("b"))["code"] == "jobs.not_found"
        await job.customer.post(f"{job.path}/close")
        await settle(world, job)
        last = await client.receive()
        while last["type"] == "next":
            state, last = last["payload"]["data"]["job"]["state"], await client.receive()
        assert (state, last) == ("CANCELLED", {"type": "complete", "id": "a"})


async def test_a_leaderboard_is_told_to_who_may_not_see_what_changed_it(
    world: World, running: Running
) -> None:
    ada, eve, stranger = [await world.person(it) for it in ("ada", "eve", "stranger")]
    async with world.parts.sessions.begin() as tx:
        bounty = make_bounty(tx, ada.id)
        await tx.flush()
        await enter(tx, bounty, ada.id, "Ada", 0.7)
    query = "subscription($id: ID!) { leaderboard(bountyId: $id) { nodes { name } } }"
    async with signed_in(running, stranger) as client:
        await client.subscribe("1", query, id=str(bounty.id))
        assert (await client.next("1"))["leaderboard"]["nodes"] == [{"name": "Ada"}]
        async with world.parts.sessions.begin() as tx:
            await enter(tx, bounty, eve.id, "Eve", 0.9)
            happened = SubmissionScored(SubmissionId(new_id()), bounty.id)
            ctx = Context(tx, SYSTEM, datetime.now(UTC))
            await events.record(ctx, happened, [events.user(eve.id)])
        shown = (await client.next("1"))["leaderboard"]["nodes"]
        assert [it["name"] for it in shown] == ["Eve", "Ada"]
        await client.subscribe("2", query, id=str(new_id()))
        assert (await client.error("2"))["code"] == "bounties.not_found"


async def test_queries_and_mutations_go_by_a_socket_too(world: World, running: Running) -> None:
    job = await make_job(world)
    async with signed_in(running, job.customer) as client:
        await client.subscribe("q", "{ me { id } }")
        assert await client.next("q") == {"me": {"id": str(job.customer.id)}}
        assert await client.receive() == {"type": "complete", "id": "q"}
        await client.subscribe(
            "m", "mutation($id: ID!) { jobsPause(jobId: $id) { state } }", id=str(job.id)
        )
        assert await client.next("m") == {"jobsPause": {"state": "PAUSED"}}
        assert await client.receive() == {"type": "complete", "id": "m"}
        await client.subscribe("w", "subscription { nothing { id } }")
        assert (await client.error("w"))["code"] == "edge.query_wrong"
        await client.subscribe("w", 'subscription { events { id } job(id: "1") { id } }')
        assert (await client.error("w"))["code"] == "edge.query_wrong"


async def test_a_user_has_so_many_subscriptions_and_no_more(world: World, running: Running) -> None:
    somebody = await world.person()
    most = world.parts.settings.streams_of_one_user
    answering = await world.app.state.graph.made()
    async with signed_in(running, somebody) as client, signed_in(running, somebody) as second:
        for it in range(1_000):
            await client.subscribe(str(it), "subscription " + EVENTS)
        refused = [await client.receive() for _ in range(1_000 - most)]
        assert {it["payload"][0]["extensions"]["code"] for it in refused} == {
            "edge.too_many_subscriptions"
        }
        await running.until(lambda: answering._subscriptions._of.total() == most)
        await second.subscribe("1", "subscription " + EVENTS)
        told = await second.error("1")
        assert (told["code"], told["most"]) == ("edge.too_many_subscriptions", most)
        await second.subscribe("2", "{ me { id } }")
        assert await second.next("2")
    await running.until(lambda: not answering._subscriptions._of)
    assert not world.app.state.event_streams._streams


async def test_what_is_completed_at_once_is_over(world: World, running: Running) -> None:
    """Whatever it waits for at that moment: a limit that is asked for, a first page, a bell."""
    job = await make_job(world)
    query = f'subscription {{ job(id: "{job.id}") {{ state }} }}'
    answering = await world.app.state.graph.made()
    async with signed_in(running, job.customer) as client:
        for it in range(8):
            await client.subscribe(str(it), query if it % 2 else "subscription " + EVENTS)
            await asyncio.sleep(0.002 * it)
            await client.send("complete", id=str(it))
        await client.subscribe("last", "{ me { id } }")
        while (await client.receive())["type"] != "complete":
            pass
        await running.until(lambda: not answering._subscriptions._of)
        streams = world.app.state.event_streams
        await running.until(lambda: not streams._streams and not streams._bells)


INVALID = {
    "no JSON": ("nonsense", 4400, "no JSON"),
    "a list": ("[]", 4400, "an object"),
    "no type": ("{}", 4400, "an object with a `type`"),
    "an unknown type": ('{"type": "start"}', 4400, "none that a client sends"),
    "no id": ('{"type": "subscribe", "payload": {"query": "{ me { id } }"}}', 4400, "`id` must"),
    "no question": ('{"type": "subscribe", "id": "1", "payload": 1}', 4400, "payload"),
    "twice": ('{"type": "connection_init"}', 4429, "once"),
    "too large": ('{"type": "' + "x" * 1_100_000 + '"}', 1009, ""),
}


@pytest.mark.parametrize("sent", INVALID.values(), ids=INVALID)
async def test_what_the_protocol_has_not_ends_the_socket_with_a_reason(
    world: World, running: Running, sent: tuple[str, int, str]
) -> None:
    content, code, reason = sent
    async with signed_in(running, await world.person()) as client:
        await client.connection.send(content)
        closed = await client.closed()
    assert closed[0] == code
    assert reason in closed[1]


async def test_an_id_is_used_once_at_a_time(world: World, running: Running) -> None:
    async with signed_in(running, await world.person()) as client:
        for _ in range(2):
            await client.subscribe("1", "subscription " + EVENTS)
        assert await client.closed() == (4409, "Subscriber for 1 already exists")


async def test_who_does_not_say_who_they_are_is_told_so(
    world: World, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    somebody = await world.person()
    async with opened(running) as client:
        await client.send("connection_init")
        assert await client.closed() == (4401, sockets.NO_TOKEN)
    async with opened(running) as client:
        await client.send("connection_init", payload={"authorization": "Bearer nonsense"})
        assert await client.closed() == (4403, sockets.NOT_VALID)
    async with opened(running) as client:
        await client.subscribe("1", "{ me { id } }")
        assert (await client.closed())[0] == 4401
    header = {"Authorization": f"Bearer {somebody.token}"}
    async with opened(running, additional_headers=header) as client:
        await client.send("connection_init")
        assert await client.receive() == {"type": "connection_ack"}
    monkeypatch.setattr(sockets, "INIT_SECONDS", 0.1)
    async with opened(running) as client:
        code, reason = await client.closed()
        assert (code, "connection_init" in reason) == (4408, True)


async def test_a_socket_whose_session_ends_is_closed_with_a_reason(
    world: World, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "LOOK_SECONDS", 0.1)
    somebody = await world.person()
    async with signed_in(running, somebody) as client:
        await client.subscribe("1", "subscription " + EVENTS)
        async with world.parts.sessions.begin() as tx:
            ended = "UPDATE user_sessions SET ended_at = now() WHERE user_id = :id"
            await tx.execute(text(ended), {"id": somebody.id})
        assert await client.closed() == (4403, sockets.NOT_VALID)


async def test_only_the_protocol_that_is_spoken_is_taken_and_from_pages_that_may(
    world: World, running: Running
) -> None:
    for others in ([Subprotocol("graphql-ws")], None):
        async with opened(running, subprotocols=others) as client:
            assert await client.closed() == (4406, "Ask for the protocol `graphql-transport-ws`.")
    same = Origin(f"http://127.0.0.1:{running.port}")
    async with opened(running, origin=same) as client:
        await client.send("ping")
        assert await client.receive() == {"type": "pong"}
    with pytest.raises(InvalidStatus) as refused:
        async with opened(running, origin=Origin("https://elsewhere.example")):
            pass
    assert refused.value.response.status_code == 403
    assert json.loads(refused.value.response.body)["code"] == "edge.origin_refused"


async def test_the_server_says_goodbye_when_it_stops(world: World, running: Running) -> None:
    async with signed_in(running, await world.person()) as client:
        await client.subscribe("1", "subscription " + EVENTS)
        running.connections.drain()
        assert await client.closed() == (1012, "The server restarts. Connect again in a moment.")
    await running.until(lambda: not running.connections.sockets)
