"""One marketplace for all tests of agents, with a database of its own: agents do all open jobs."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr

from dml.core.db import connect
from dml.core.settings import Settings
from dml.entrypoints.server import create_app
from tests.agent.market import Device, Market, make_owner
from tests.world import World


@pytest.fixture(scope="session")
async def listening(
    settings: Settings, make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Market]:
    url = make_database()
    home = tmp_path_factory.mktemp("market")
    settings = settings.model_copy(update={"home": home, "database_url": SecretStr(url)})
    app = create_app(settings, connect(url, name="test market", connections=20))
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        market = Market(World(app, client))
        yield market
        await market.close()


@pytest.fixture
async def market(listening: Market) -> Market:
    """A marketplace that is open when the test begins."""
    await listening.open()
    return listening


@pytest.fixture
async def device(market: Market, tmp_path: Path) -> Device:
    """A device that is not paired yet, of an owner who permits photos."""
    data = tmp_path / "photos"
    data.mkdir()
    return Device(market, await make_owner(market.world), data, tmp_path / "home")
