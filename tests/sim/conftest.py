"""The API of the tests' world, on a real port, and an operator's view of it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn

from dml.sim.engine import Address
from dml.sim.population import Operator
from tests.kill.marketplace import until
from tests.world import World


@pytest.fixture(scope="session")
async def address(world: World) -> AsyncIterator[Address]:
    """Where the API listens, in this very event loop: clients belong into a thread."""
    config = uvicorn.Config(world.app, port=0, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started, seconds=10, what="the server listens")
    yield server.servers[0].sockets[0].getsockname()
    server.should_exit = True
    await serving


@pytest.fixture
def operator(world: World) -> Operator:
    parts = world.parts
    return Operator(parts.sessions, parts.keys, parts.blobs, parts.settings)
