"""The API as a process of its own: it stops when it is told to, with streams open too."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from dml.core.settings import Settings
from dml.entrypoints.embedded import free_ports
from tests.jobs.factories import make_job
from tests.world import World

START_SECONDS = 30


@dataclass(frozen=True)
class Running:
    url: str
    process: asyncio.subprocess.Process


@pytest.fixture
async def server(settings: Settings) -> AsyncIterator[Running]:
    """`dml server` over the database of the tests."""
    port = free_ports.lasting("127.0.0.1")
    assert settings.database_url is not None
    assert settings.redis_url is not None
    environment = {
        "DML_DATABASE_URL": settings.database_url.get_secret_value(),
        "DML_REDIS_URL": settings.redis_url.get_secret_value(),
        "DML_HOME": str(settings.home),
        "DML_PORT": str(port),
        "DML_CORS_ORIGINS": '["https://app.example.org"]',
        "DML_SHUTDOWN_SECONDS": "30",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dml.entrypoints.cli", "server", env=os.environ | environment
    )
    url = f"http://127.0.0.1:{port}"
    async with httpx2.AsyncClient() as client, asyncio.timeout(START_SECONDS):
        while True:
            try:
                await client.get(f"{url}/healthz")
                break
            except httpx2.TransportError:
                await asyncio.sleep(0.1)
    yield Running(url, process)
    if process.returncode is None:
        process.kill()
        await process.wait()


async def test_it_ends_open_streams_and_stops(world: World, server: Running) -> None:
    job = await make_job(world)
    headers = {"Authorization": f"Bearer {job.customer.token}"}
    path = f"{server.url}{job.path}/events"
    url, protocol = server.url.replace("http", "ws"), Subprotocol("graphql-transport-ws")
    async with (
        httpx2.AsyncClient(timeout=30) as client,
        client.stream("GET", path, headers=headers) as stream,
        connect(
            f"{url}/graphql", subprotocols=[protocol], additional_headers=headers, proxy=None
        ) as socket,
    ):
        lines = stream.aiter_lines()
        assert (await anext(lines)).startswith("id: ")
        query = f'subscription {{ job(id: "{job.id}") {{ state }} }}'
        for message in (
            {"type": "connection_init"},
            {"type": "subscribe", "id": "1", "payload": {"query": query}},
        ):
            await socket.send(json.dumps(message))
        told = [json.loads(await socket.recv())["type"] for _ in range(2)]
        assert told == ["connection_ack", "next"]
        server.process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(socket.wait_closed(), 5)
        assert socket.close_code == 1012
        async with asyncio.timeout(10):
            async for _ in lines:
                pass
            assert await server.process.wait() in (0, -signal.SIGTERM)


async def test_events_are_followed_over_http_until_the_server_stops(
    world: World, server: Running
) -> None:
    job = await make_job(world)
    headers = {"Authorization": f"Bearer {job.customer.token}"}
    async with (
        httpx2.AsyncClient(timeout=30) as client,
        client.stream("GET", f"{server.url}/v1/events/stream", headers=headers) as stream,
        asyncio.timeout(20),
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.aiter_lines()
        assert (await anext(lines)).startswith("id: ")
        assert await anext(lines) == "event: position"
        await job.customer.post(f"{job.path}/pause")
        while await anext(lines) != "event: job.paused":
            pass
        server.process.send_signal(signal.SIGTERM)
        async for _ in lines:
            pass
        assert await server.process.wait() in (0, -signal.SIGTERM)


async def test_pages_of_origins_in_the_settings_may_call_it(server: Running) -> None:
    async with httpx2.AsyncClient(base_url=server.url) as client:
        for origin, allowed in [("https://app.example.org", True), ("https://evil.org", False)]:
            asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            preflight = await client.options("/v1/jobs", headers=asked)
            told = preflight.headers.get("access-control-allow-origin")
            assert told == (origin if allowed else None)
