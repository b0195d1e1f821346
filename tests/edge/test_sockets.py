"""What may become a WebSocket, over raw connections: nothing else, and none without an end."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.types import Receive, Scope, Send

from dml.edge import websockets
from tests.edge.serving import SHORT, Running, hung_up, serving

HEAD = (
    b"GET %b HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%b\r\n"
)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Takes every WebSocket and reads it; says of a request that it is one."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a request"})
        return
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": f"{len(message.get('text') or '')}"})


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    async with serving(SHORT, app, sockets_at=b"/socket") as made:
        yield made


def frame(opcode: int, content: bytes, *, is_last: bool = True) -> bytes:
    """A frame as a client sends it, masked with zeros."""
    assert len(content) < 126
    return bytes([opcode | (0x80 if is_last else 0), 0x80 | len(content)]) + bytes(4) + content


async def test_what_comes_with_the_head_is_read_as_frames(running: Running) -> None:
    async with running.connect() as (reader, writer):
        writer.write(HEAD % (b"/socket?x=1", b"") + frame(1, b"four"))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        assert await reader.readexactly(3) == b"\x81\x014"
        assert len(running.connections.sockets) == 1
        assert not running.connections.open
    await running.until(lambda: not running.connections.sockets)


NOT_TAKEN = {
    "elsewhere": HEAD % (b"/other", b""),
    "with a body": HEAD % (b"/socket", b"Content-Length: 4\r\n") + b"body",
    "with pieces": HEAD % (b"/socket", b"Transfer-Encoding: chunked\r\n") + b"0\r\n\r\n",
    "another protocol": (HEAD % (b"/socket", b"")).replace(b"websocket", b"h2c"),
    "a long line": HEAD % (b"/socket", b"X-Long: " + b"x" * 9_000 + b"\r\n"),
    "an old version": (HEAD % (b"/socket", b"")).replace(b"HTTP/1.1", b"HTTP/1.0"),
}


@pytest.mark.parametrize("head", NOT_TAKEN.values(), ids=NOT_TAKEN)
async def test_any_other_offer_is_read_as_a_request(running: Running, head: bytes) -> None:
    async with running.connect() as (reader, writer):
        writer.write(head)
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        assert not running.connections.sockets


async def test_a_head_that_is_refused_becomes_no_socket(running: Running) -> None:
    async with running.connect() as (reader, writer):
        writer.write(HEAD % (b"/socket", b"Host: elsewhere\r\n"))
        assert (await hung_up(reader)).startswith(b"HTTP/1.1 400 ")
        assert not running.connections.sockets


async def test_who_pings_and_reads_nothing_is_read_no_more_and_ended(running: Running) -> None:
    async with running.connect(limit=1) as (reader, writer):
        writer.write(HEAD % (b"/socket", b""))
        await running.until(lambda: bool(running.connections.sockets))
        (socket,) = running.connections.sockets
        pings = frame(9, b"x" * 125) * 500

        async def flood() -> None:
            while True:
                writer.write(pings)
                await writer.drain()

        flooding = asyncio.create_task(flood())
        await running.until(lambda: socket._paused_at is not None)
        assert socket.transport.get_write_buffer_size() < 2_000_000
        await running.until(lambda: not running.connections.sockets)
        flooding.cancel()
        await asyncio.gather(flooding, return_exceptions=True)
        assert reader.exception() is None or isinstance(reader.exception(), ConnectionError)


async def test_a_message_has_so_many_pieces_at_most(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websockets, "FRAGMENTS_MAX", 5)
    async with running.connect() as (reader, writer):
        writer.write(HEAD % (b"/socket", b""))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        writer.write(frame(1, b"", is_last=False) + frame(0, b"", is_last=False) * 10)
        assert b"Send a message in fewer pieces." in await hung_up(reader)


@pytest.mark.parametrize(
    "content", [b"\xff" * 50, frame(1, b"", is_last=False) + frame(0, b"", is_last=False) * 2_000]
)
async def test_what_is_no_frame_before_the_handshake_is_over_ends_it_without_a_fault(
    running: Running, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with running.connect() as (reader, writer):
        writer.write(HEAD % (b"/socket", b"") + content)
        await hung_up(reader)
    await running.until(lambda: not running.connections.sockets)
    assert caplog.records == []
