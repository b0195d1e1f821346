"""One browser and one listening server for all tests of the console."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.agent.market import Market
from tests.algorithms.conftest import sandbox, worker_parts  # noqa: F401 - fixtures of ours, too
from tests.bounties.browser import running_browser
from tests.console.browsing import served
from tests.world import World


@pytest.fixture(scope="package")
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as browser:
        yield browser


@pytest.fixture(scope="package")
async def market(world: World) -> AsyncIterator[Market]:
    async with served(world) as market:
        yield market
