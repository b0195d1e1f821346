"""A server of one small application, to be asked over raw sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from dml.edge.bodies import BODY, Body
from dml.edge.connection_limits import Limits
from dml.edge.connections import Connections

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

    async def until(self, holds: Callable[[], bool], *, seconds: float = 5) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while not holds():
            assert asyncio.get_running_loop().time() < deadline, f"not within {seconds} seconds"
            await asyncio.sleep(0.02)

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
async def serving(
    limits: Limits, application: ASGIApp = app, *, sockets_at: bytes = b""
) -> AsyncIterator[Running]:
    connections = Connections(limits, sockets_at)
    config = uvicorn.Config(
        application,
        lifespan="off",
        log_config=None,
        timeout_keep_alive=5,
        ws_max_size=1_000_000,
        ws_per_message_deflate=False,
    )
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
        for socket in [*connections.sockets]:
            socket.transport.abort()
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
