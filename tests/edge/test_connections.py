"""What one connection may take, over raw sockets: slow to ask, slow to listen, too many, gone."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from dml.core import metrics
from dml.edge.bodies import BODY, Body
from dml.edge.connections import LEFT_OVER_MAX, PIPELINED_MAX, Connections, Limits
from dml.edge.heads import UNFRAMED_MAX

SHORT: Final = Limits(
    head_seconds=0.4,
    body_seconds=0.8,
    progress_seconds=0.4,
    reading_seconds=0.4,
    trusted="",
    upload_bytes=2,
)
HEAD: Final = b"%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers how long the body was; at `/endless`, with 300 MB before."""
    length, more = 0, True
    if scope["path"] == "/long":
        scope[BODY] = Body(limit=100, declared=None, is_upload=True)
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length, more = length + len(message["body"]), message["more_body"]
    if scope["path"] == "/later":
        await asyncio.sleep(1.5)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(3_000 if scope["path"] == "/endless" else 0):
        await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
        await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": b"%d bytes" % length})


@dataclass
class Running:
    connections: Connections
    port: int

    async def until(self, holds: Callable[[], bool]) -> None:
        for _ in range(250):
            if holds():
                return
            await asyncio.sleep(0.02)
        raise AssertionError("not within five seconds")

    @asynccontextmanager
    async def connect(
        self, **options: Any
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, **options)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def serving(limits: Limits, application: ASGIApp = app) -> AsyncIterator[Running]:
    connections = Connections(limits)
    config = uvicorn.Config(application, lifespan="off", log_config=None, timeout_keep_alive=5)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: connections(config, state, {}), "127.0.0.1", 0)
    sweep = asyncio.create_task(connections.sweep())
    try:
        yield Running(connections, server.sockets[0].getsockname()[1])
    finally:
        server.close()
        sweep.cancel()
        for connection in [*connections.open, *connections.refused]:
            connection.transport.abort()
        await asyncio.gather(sweep, *state.tasks, return_exceptions=True)


async def hung_up(reader: asyncio.StreamReader, seconds: float = 3) -> bytes:
    """What was still sent until the other side hung up, as it must within that time."""
    async with asyncio.timeout(seconds):
        try:
            return await reader.read()
        except ConnectionError:
            return b""


async def answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    return (await reader.readuntil(b"\r\n0\r\n\r\n")).split(b"\r\n")[1]


@pytest.mark.parametrize("sent", [b"", b"GE", b"GET / HTTP/1.1\r\nHost: local"])
async def test_who_does_not_finish_a_head_is_hung_up_on(sent: bytes) -> None:
    async with serving(SHORT) as running, running.connect() as (reader, writer):
        writer.write(sent)
        assert await hung_up(reader) == b""


async def test_a_byte_now_and_then_does_not_keep_a_head_alive() -> None:
    async with serving(SHORT) as running, running.connect() as (reader, writer):
        begun = asyncio.get_running_loop().time()
        writer.write(b"GET / HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(b"X: y\r\n")
                await writer.drain()
                await asyncio.sleep(0.05)
        assert asyncio.get_running_loop().time() - begun < 2


async def test_a_second_request_has_the_same_time_as_the_first() -> None:
    async with serving(SHORT) as running, running.connect() as (reader, writer):
        writer.write(HEAD % (b"GET", b"/", 0))
        assert await answer(reader) == b"0 bytes"
        await asyncio.sleep(1)  # Idle, it has all the time that uvicorn gives it.
        writer.write(HEAD % (b"GET", b"/", 0))
        assert await answer(reader) == b"0 bytes"
        writer.write(b"GET / HT")
        assert await hung_up(reader) == b""


async def test_our_own_slowness_is_not_held_against_the_client() -> None:
    async with serving(SHORT) as running, running.connect() as (reader, writer):
        writer.write(HEAD % (b"POST", b"/later", 3) + b"abc")
        assert await answer(reader) == b"3 bytes"


async def test_a_slow_body_is_hung_up_on_but_a_long_one_that_comes_on_is_not() -> None:
    async def send(path: bytes) -> bytes:
        async with running.connect() as (reader, writer):
            writer.write(HEAD % (b"POST", path, 16))
            with contextlib.suppress(ConnectionError):
                for _ in range(16):
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0.12)
            return await answer(reader) if path == b"/long" else await hung_up(reader)

    async with serving(SHORT) as running:
        long, short = await asyncio.gather(send(b"/long"), send(b"/short"))
        assert (long, short) == (b"16 bytes", b"")


@pytest.mark.parametrize("path", [b"/long", b"/short"])
async def test_a_body_that_stops_is_hung_up_on(path: bytes) -> None:
    async with serving(SHORT) as running, running.connect() as (reader, writer):
        writer.write(HEAD % (b"POST", path, 16) + b"half")
        assert await hung_up(reader, 2) == b""


async def test_who_does_not_read_is_dropped() -> None:
    async with serving(SHORT) as running, running.connect(limit=1) as (_, writer):
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(HEAD % (b"GET", b"/endless", 0))
        await asyncio.sleep(0.2)
        await running.until(lambda: not running.connections.open)


async def test_who_reads_steadily_is_not() -> None:
    async with serving(SHORT) as running, running.connect() as (reader, writer):
        writer.write(HEAD % (b"GET", b"/endless", 0))
        for _ in range(15):
            assert await reader.read(3_000_000)
            await asyncio.sleep(0.1)
        assert running.connections.open


async def test_beyond_the_limit_503_says_when_to_come_back(tmp_path: Path) -> None:
    async with serving(replace(SHORT, connections=1, head_seconds=9)) as running:
        async with running.connect() as (reader, writer), running.connect() as (other, its):
            its.write(HEAD % (b"GET", b"/", 0))
            head, _, body = (await hung_up(other)).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nretry-after: 2\r\n" in head
            assert b"\r\nconnection: close\r\n" in head
            assert json.loads(body)["code"] == "http.503"
            writer.write(HEAD % (b"GET", b"/", 0))
            assert await answer(reader) == b"0 bytes"
        await running.until(lambda: not (running.connections.open or running.connections.refused))
        async with running.connect() as (reader, writer):
            writer.write(HEAD % (b"GET", b"/", 0))
            assert await answer(reader) == b"0 bytes"
    metrics.write(tmp_path, "test")
    assert 'dml_refused_for_overload_total{what="connection"}' in metrics.render(tmp_path)


async def test_who_is_refused_and_says_nothing_does_not_stay() -> None:
    limits = replace(SHORT, connections=1, head_seconds=9)
    async with serving(limits) as running, running.connect(), running.connect() as (reader, _):
        assert await hung_up(reader, 5) == b""


@pytest.mark.parametrize(
    ("trusted", "admitted"), [("", 2), ("127.0.0.1", 3), ("127.0.0.0/8, ::1", 3), ("*", 3)]
)
async def test_one_address_has_a_limit_of_its_own_but_a_trusted_proxy_has_none(
    trusted: str, admitted: int
) -> None:
    limits = replace(SHORT, of_one_address=2, trusted=trusted, head_seconds=9)
    async with serving(limits) as running:
        async with running.connect(), running.connect(), running.connect():
            await asyncio.sleep(0.05)
            assert len(running.connections.open) == admitted
            assert len(running.connections.refused) == 3 - admitted
        await running.until(lambda: not running.connections.open)
        assert not running.connections.by_address


async def test_the_kernel_ends_what_is_gone_without_a_word() -> None:
    async with serving(SHORT) as running, running.connect():
        await asyncio.sleep(0.05)
        (connection,) = running.connections.open
        ours = connection.transport.get_extra_info("socket")
        assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 20
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 400


async def test_a_connection_that_drains_answers_once_more_and_says_that_it_closes() -> None:
    async with serving(SHORT) as running, running.connect() as (reader, writer):
        writer.write(HEAD % (b"GET", b"/", 0))
        assert await answer(reader) == b"0 bytes"
        running.connections.drain()
        writer.write(HEAD % (b"GET", b"/", 0))
        assert b"\r\nconnection: close\r\n" in await hung_up(reader)


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


async def early(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"done"})


async def test_a_body_that_nobody_reads_is_taken_to_its_near_end_alone() -> None:
    limits = replace(SHORT, body_seconds=9)
    async with serving(limits, early) as running, running.connect() as (reader, writer):
        writer.write(HEAD % (b"POST", b"/", 10))
        assert await answer(reader) == b"done"
        writer.write(b"0123456789" + HEAD % (b"GET", b"/", 0))
        assert await answer(reader) == b"done"
    async with serving(limits, early) as running, running.connect() as (reader, writer):
        writer.write(HEAD % (b"POST", b"/", 10**9))
        with contextlib.suppress(ConnectionError):
            for _ in range(1_000):
                writer.write(b"x" * LEFT_OVER_MAX)
                await writer.drain()
        await running.until(lambda: not running.connections.open)
    async with serving(SHORT, early) as running, running.connect() as (reader, writer):
        writer.write(HEAD % (b"POST", b"/", 10))
        await running.until(lambda: not running.connections.open)


async def test_an_upload_that_trickles_is_hung_up_on() -> None:
    limits = replace(SHORT, upload_bytes=10)
    async with serving(limits) as running, running.connect() as (reader, writer):
        writer.write(HEAD % (b"POST", b"/long", 100))
        with contextlib.suppress(ConnectionError):
            for _ in range(30):
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.1)
        assert await hung_up(reader) == b""
