"""The API as a process of its own: it stops when it is told to, with streams open too."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
import pytest

from dml.core.settings import Settings
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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
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
    async with (
        httpx2.AsyncClient(timeout=30) as client,
        client.stream("GET", path, headers=headers) as stream,
    ):
        lines = stream.aiter_lines()
        assert (await anext(lines)).startswith("id: ")
        server.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
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
