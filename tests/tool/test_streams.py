"""Streams that end while somebody follows: opened again where they were, or refused for good."""

import asyncio
import json
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest

from dml.client.marketplace import ApiRefused, Marketplace
from dml.tool import following, watching
from tests.feed.webhooks.sink import Sink, listening

# What a stream ends with once an access token has expired: the next one may go on.
EXPIRED: Final = b"event: refused\ndata: {}\n\n"


def stream(events: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + events


def refusal(number: int, title: str) -> bytes:
    body = json.dumps({"title": title})
    return f"HTTP/1.1 {number} No\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


NO_MORE: Final = refusal(401, "Sign in again.")


@asynccontextmanager
async def answering(answers: Sequence[bytes]) -> AsyncIterator[tuple[Sink, Marketplace]]:
    """Somebody at a server that gives these answers, one after the other."""
    async with listening() as sink:

        async def answer(writer: asyncio.StreamWriter) -> None:
            writer.write(answers[len(sink.calls) - 1])
            await writer.drain()
            writer.close()

        sink.answer = answer
        with Marketplace(f"http://127.0.0.1:{sink.port}") as market:
            yield sink, market.use("a.b.c", "token")


async def until_refused(told: Generator[Any]) -> tuple[list[Any], str]:
    """What was told until the server said no, and what it said then."""
    found = list[Any]()
    try:
        while True:
            found.append(await asyncio.to_thread(next, told))
    except ApiRefused as refused:
        return found, str(refused)


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("following", "watching"):
        monkeypatch.setattr(f"dml.tool.{module}.time.sleep", lambda _: None)


async def test_events_are_followed_from_where_the_stream_ended() -> None:
    answers = [
        stream(b"id: 1\nevent: position\ndata: {}\n\n" + EXPIRED),
        refusal(503, "The server is busy."),
        stream(b'id: 2\nevent: user.created\ndata: {"id": "2"}\n\n'),
        NO_MORE,
    ]
    async with answering(answers) as (sink, market):
        events = following.follow(market, {"types": "user.*"}, None)
        told, last = await until_refused(events)
        assert ([it.read() for it in told], last) == ([{"id": "2"}], "Sign in again.")
        path = "/v1/events/stream?types=user.%2A"
        assert [it.path for it in sink.calls] == [path, *[f"{path}&after=1"] * 2, f"{path}&after=2"]


async def test_who_may_not_follow_is_told_at_once() -> None:
    async with answering([NO_MORE]) as (sink, market):
        assert await until_refused(following.follow(market, {}, "1")) == ([], "Sign in again.")
        assert len(sink.calls) == 1


async def test_a_job_is_watched_on_where_its_token_has_expired() -> None:
    first, second = (f'event: results\ndata: {{"version": {it}}}\n\n'.encode() for it in (1, 2))
    async with answering([stream(first + EXPIRED), stream(first + second), NO_MORE]) as (_, market):
        told, last = await until_refused(watching.changes(market, "1"))
        assert ([it["version"] for it in told], last) == ([1, 2], "Sign in again.")
