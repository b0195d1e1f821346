"""Heads without an end, of two meanings, or none at all; and offers of another protocol."""

import asyncio
import contextlib
import json
from dataclasses import replace
from typing import Final

import pytest
from starlette.types import Receive, Scope, Send

from dml.edge.connections import PIPELINED_MAX
from dml.edge.heads import UNFRAMED_MAX
from tests.edge.serving import HEAD, SHORT, answer, app, hung_up, serving


def chunked(extension: bytes = b"", trailer: bytes = b"") -> bytes:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"3" + extension + b"\r\nabc\r\n0\r\n" + trailer


BEGINNINGS: Final = {
    "a path": b"GET /",
    "a query": b"GET /?",
    "a method": b"",
    "a version": b"GET / HTTP/1.",
    "a name of a header": b"GET / HTTP/1.1\r\nHost: localhost\r\nX",
    "a value of a header": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ",
    "an offer": b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade, ",
    "an extension of a chunk": chunked(b";x=")[: chunked(b";x=").index(b";x=") + 3],
    "a name of a trailer": chunked() + b"X",
    "a value of a trailer": chunked() + b"X: ",
}


@pytest.mark.parametrize("name", BEGINNINGS)
async def test_what_has_no_end_is_refused_before_it_costs_anybody(name: str) -> None:
    limits = replace(SHORT, head_seconds=9, body_seconds=9)
    async with serving(limits) as running, running.connect() as (reader, writer):
        writer.write(BEGINNINGS[name])
        filler = b"1" * 8_192 if name != "a method" else b"\r\n" * 4_096
        answered = asyncio.create_task(hung_up(reader, 5))
        with contextlib.suppress(ConnectionError):
            while not answered.done():
                writer.write(filler)
                drained = asyncio.create_task(writer.drain())
                await asyncio.wait((drained, answered), return_when=asyncio.FIRST_COMPLETED)
                await asyncio.sleep(0)
        told = await answered
        assert told.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 ")), told
        if name not in ("a version", "a name of a header", "an extension of a chunk"):
            assert told.startswith(b"HTTP/1.1 431 ")
        assert told.count(b"HTTP/1.1 4") + told.count(b"HTTP/1.1 5") == 1
        for connection in running.connections.open:
            assert connection.unframed <= 2 * UNFRAMED_MAX


async def test_a_head_that_is_too_large_is_refused_though_it_came_whole() -> None:
    for more in (b"X: " + b"y" * UNFRAMED_MAX + b"\r\n", b"X: y\r\n" * 200):
        async with serving(SHORT) as running, running.connect() as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + more + b"\r\n")
            assert (await hung_up(reader)).startswith(b"HTTP/1.1 431 ")


async def test_a_large_body_is_no_head() -> None:
    async with serving(SHORT) as running, running.connect() as (reader, writer):
        size = 5 * UNFRAMED_MAX
        writer.write(HEAD % (b"POST", b"/", size) + b"x" * size + HEAD % (b"GET", b"/", 0))
        assert await answer(reader) == b"%d bytes" % size
        assert await answer(reader) == b"0 bytes"


async def test_trailers_are_none_of_the_headers() -> None:
    seen = list[tuple[bytes, bytes]]()

    async def look(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)
        seen.extend(scope["headers"])

    async with serving(SHORT, look) as running, running.connect() as (reader, writer):
        writer.write(chunked(trailer=b"X-Forwarded-For: 10.0.0.1\r\n\r\n"))
        assert await answer(reader) == b"3 bytes"
    assert [name for name, _ in seen] == [b"host", b"transfer-encoding"]


async def test_a_flood_of_requests_in_one_line_is_hung_up_on() -> None:
    async with serving(SHORT) as running, running.connect() as (reader, writer):
        writer.write(HEAD % (b"GET", b"/later", 0) + HEAD % (b"GET", b"/", 0) * 5_000)
        assert await hung_up(reader) == b""
    async with serving(SHORT) as running, running.connect() as (reader, writer):
        writer.write(HEAD % (b"GET", b"/", 0) * PIPELINED_MAX)
        for _ in range(PIPELINED_MAX):
            assert await answer(reader) == b"0 bytes"


OFFERS: Final = {
    "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAA\r\n",
    "websocket": b"connection:upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    "anything": b"Upgrade: tea\r\nConnection: keep-alive,UPGRADE\r\n",
    "two": b"Upgrade: a\r\nUpgrade: b\r\nConnection: upgrade\r\nConnection: upgrade\r\n",
}
INNER: Final = b"GET /later HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("name", OFFERS)
@pytest.mark.parametrize("method", [b"POST", b"GET", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"])
@pytest.mark.parametrize("form", ["with its head", "later", "byte by byte", "in chunks"])
async def test_an_offer_of_another_protocol_is_not_taken(
    name: str, method: bytes, form: str
) -> None:
    head = b"%s /a HTTP/1.1\r\nHost: localhost\r\n" % method + OFFERS[name]
    if form == "in chunks":
        head += b"Transfer-Encoding: chunked\r\n\r\n"
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(INNER), INNER)
    else:
        head, body = head + b"Content-Length: %d\r\n\r\n" % len(INNER), INNER
    limits = replace(SHORT, head_seconds=9, body_seconds=9)
    async with serving(limits) as running, running.connect() as (reader, writer):
        after = HEAD % (b"POST", b"/", 2) + b"ab"
        if form == "later":
            writer.write(head)
            await asyncio.sleep(0.05)
            writer.write(body + after)
        elif form == "byte by byte":
            for byte in head + body + after:
                writer.write(bytes([byte]))
                await writer.drain()
        else:
            writer.write(head + body + after)
        assert await answer(reader) == b"%d bytes" % len(INNER)
        assert await answer(reader) == b"2 bytes"


async def test_a_tunnel_is_refused_and_what_follows_is_not_read() -> None:
    async with serving(SHORT) as running, running.connect() as (reader, writer):
        writer.write(b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n" + HEAD % (b"GET", b"/", 0))
        told = await hung_up(reader)
        assert told.startswith(b"HTTP/1.1 501 ")
        assert told.count(b"HTTP/1.1 4") + told.count(b"HTTP/1.1 5") == 1


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n",
        b"GET / HTTP/1.1\r\nHost:\r\n",
        b"GET / HTTP/1.1\r\nHost: a b\r\n",
        b"GET / HTTP/1.1\r\nHost: a/b\r\n",
        b"GET / HTTP/1.1\r\nHost: u@a\r\n",
        b"GET / HTTP/1.1\r\nHost: a:port\r\n",
        b"GET / HTTP/1.1\r\nHost: \xff\r\n",
        b"GET http://b/ HTTP/1.1\r\nHost: a\r\n",
        b"GET http://b HTTP/1.1\r\nHost: b\r\nHost: b\r\n",
        b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n",
        b"GET / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: upgrade\r\n",
    ],
)
async def test_who_does_not_say_once_whom_it_asks_is_refused(head: bytes) -> None:
    async with serving(SHORT) as running, running.connect() as (reader, writer):
        writer.write(head + b"\r\n" + HEAD % (b"GET", b"/", 0))
        told, _, body = (await hung_up(reader)).partition(b"\r\n\r\n")
        assert told.startswith(b"HTTP/1.1 400 ")
        assert b"content-type: application/problem+json" in told.lower()
        assert json.loads(body)["code"] == "http.400"


ONCE: Final = (b"Authorization", b"Content-Type", b"Content-Encoding", b"Idempotency-Key")


@pytest.mark.parametrize("name", ONCE)
async def test_what_may_be_there_once_is_refused_twice(name: bytes) -> None:
    start = b"GET / HTTP/1.1\r\nHost: localhost\r\n" + name + b": a\r\n"
    async with serving(SHORT) as running, running.connect() as (reader, writer):
        writer.write(start + b"\r\n")
        assert await answer(reader) == b"0 bytes"
        writer.write(start + name.lower() + b": a\r\n\r\n")
        assert (await hung_up(reader)).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("host", [b"a", b"a.example:80", b"[::1]:80", b"127.0.0.1", b"a-b"])
async def test_any_host_may_be_asked_for(host: bytes) -> None:
    async with serving(SHORT) as running, running.connect() as (reader, writer):
        for target in (b"/", b"http://%s/" % host, b"http://%s/?a=http://b/" % host):
            writer.write(b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (target, host))
            assert await answer(reader) == b"0 bytes"


async def test_what_is_no_request_is_refused_after_the_answer_that_is_owed() -> None:
    async with serving(SHORT) as running, running.connect() as (reader, writer):
        writer.write(HEAD % (b"POST", b"/later", 3) + b"abc" + b"\x00garbage\r\n\r\n")
        assert await answer(reader) == b"3 bytes"
        assert await hung_up(reader) == b""
    async with serving(SHORT) as running, running.connect() as (reader, writer):
        writer.write(b"\x00garbage\r\n\r\n")
        told = await hung_up(reader)
        assert told.startswith(b"HTTP/1.1 400 ")
        assert b"application/problem+json" in told
