"""A marketplace of its own where a worker's processes run: one reader of files for all tests."""

from collections.abc import AsyncIterator, Callable, Iterator

import httpx2
import pytest

from dml.core import worker
from dml.core.db import connect
from dml.core.engine import Engine
from dml.core.settings import Settings
from dml.core.worker import WorkerParts
from dml.entrypoints.server import create_app
from dml.scoring.reader import Reader
from tests.core.engine_watch import running_node
from tests.worker_parts import make_parts
from tests.world import World


@pytest.fixture(scope="session")
def reader() -> Iterator[Reader]:
    with Reader() as reader:
        yield reader


@pytest.fixture(scope="session")
def judged_database(make_database: Callable[[], str]) -> str:
    return make_database()


@pytest.fixture(scope="session")
async def judged(settings: Settings, judged_database: str) -> AsyncIterator[World]:
    """An API over a database of its own, so that the node there does no other test's work."""
    app = create_app(settings, connect(judged_database, name="test api", connections=20))
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield World(app, client)


@pytest.fixture(scope="session")
def parts(judged: World, settings: Settings, reader: Reader) -> WorkerParts:
    return make_parts(settings, judged.parts, reader=reader)


@pytest.fixture
def at_work(parts: WorkerParts) -> WorkerParts:
    """Let processes use the reader again, whatever the test before gave them."""
    worker.provide(parts)
    return parts


@pytest.fixture(scope="module")  # There may be one engine at a time in a process.
def node(parts: WorkerParts, judged_database: str) -> Iterator[Engine]:
    """A worker that runs processes while the tests go on, and looks for them more often."""
    worker.provide(parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dml.core.engine_dispatcher.LOOK_SECONDS", 0.05)
        with running_node(judged_database) as node:
            yield node
