"""`dml account photo`, as it is typed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.accounts.photos import files
from tests.accounts.recovery.test_commands import typed
from tests.agent.market import Market
from tests.world import World


@pytest.fixture
async def market(world: World) -> AsyncIterator[Market]:
    opened = Market(world)
    await opened.open()
    yield opened
    await opened.close()


async def test_a_photo_is_set_whatever_its_file_is_called_shown_and_removed(
    world: World, market: Market, tmp_path: Path
) -> None:
    ada, file = await world.person("ada"), tmp_path / "me.gif"
    file.write_bytes(files.plain("navy"))
    made = await typed(market, tmp_path, ada, "photo", "set", str(file))
    assert (await world.client.get(made["thumbnail_url"])).status_code == 200
    assert (await typed(market, tmp_path, ada, "show"))["photo"] == made
    assert await typed(market, tmp_path, ada, "photo", "remove") == {"removed": True}
    assert (await typed(market, tmp_path, ada, "show"))["photo"] is None
