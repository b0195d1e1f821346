"""`dml account export` and `erase`, as they are typed."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from typer.testing import CliRunner

from dml.entrypoints.cli.main import app
from tests.accounts.privacy.test_exporting import ask, make
from tests.accounts.recovery.test_commands import typed
from tests.agent.market import Market
from tests.world import PASSWORD, World


@pytest.fixture
async def market(world: World) -> AsyncIterator[Market]:
    opened = Market(world)
    await opened.open()
    yield opened
    await opened.close()


async def test_an_export_is_written_for_its_user_alone(
    world: World, market: Market, tmp_path: Path
) -> None:
    ada = await world.person("ada")
    made, file = await ask(ada), tmp_path / "mine.zip"
    writing = asyncio.create_task(typed(market, tmp_path, ada, "export", str(file)))
    await asyncio.sleep(0.3)
    await make(world, ada, made["id"])
    told = await writing
    assert (told["id"], told["state"], told["file"]) == (made["id"], "ready", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    with ZipFile(file) as archive:
        assert json.loads(archive.read("users.json"))[0]["email"] == ada.email


async def test_an_account_is_erased_or_it_is_said_what_is_in_the_way(
    world: World, market: Market, tmp_path: Path
) -> None:
    ada, rich = await world.person("ada"), await world.rich("rich", "1")
    told = await typed(market, tmp_path, ada, "erase", "--yes", DML_PASSWORD=PASSWORD)
    assert told == {"erased": True}
    assert (await ada.get("/v1/users/me")).status_code == 401
    environment = {
        "DML_SERVER": market.url,
        "HOME": str(tmp_path),
        "DML_TOKEN": rich.token,
        "DML_PASSWORD": PASSWORD,
    }
    ended = await asyncio.to_thread(
        CliRunner().invoke, app, ["account", "erase", "--yes"], env=environment
    )
    assert ended.exit_code == 1
    assert "There are tokens in your accounts" in str(ended.exception)
