"""What one connection may take, over raw sockets: slow to ask, slow to listen, too many, gone."""

import asyncio
import contextlib
import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from dml.core import metrics
from dml.edge.connections import LEFT_OVER_MAX
from tests.edge.serving import HEAD, SHORT, answer, hung_up, serving


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
