"""`dml account passkeys`: what a terminal can do with what a browser made."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dml.entrypoints.cli.main import app
from tests.accounts.passkeys.authenticator import Authenticator, add, as_person, sign_in, sign_up
from tests.agent.market import Market
from tests.world import PASSWORD, World, problem


@pytest.fixture
async def market(world: World) -> AsyncIterator[Market]:
    opened = Market(world)
    await opened.open()
    yield opened
    await opened.close()


async def typed(market: Market, home: Path, token: str, *words: str, **more: str) -> Result:
    environment = {"DML_SERVER": market.url, "HOME": str(home), "DML_TOKEN": token, **more}
    return await asyncio.to_thread(
        CliRunner().invoke, app, ["account", "passkeys", *words], env=environment
    )


def told(ended: Result) -> Any:
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout.splitlines()[-1])


async def test_passkeys_are_listed_renamed_and_removed(
    world: World, market: Market, tmp_path: Path
) -> None:
    ada, held = await world.person(), Authenticator()
    (await add(ada, held, name="My phone")).raise_for_status()
    at = (market, tmp_path, ada.token)
    (one,) = told(await typed(*at, "list", "--json"))
    assert one["name"] == "My phone"
    shown = await typed(*at, "list")
    assert "My phone" in shown.stdout
    renamed = told(await typed(*at, "rename", "My phone", "Old phone", "--json"))
    assert renamed["name"] == "Old phone"
    left = await typed(*at, "remove", one["id"][-8:], "--json", DML_PASSWORD=PASSWORD)
    assert told(left) == []
    problem(await sign_in(world, held), 403, "accounts.unknown_passkey")


async def test_who_has_nothing_but_passkeys_is_told_to_go_to_a_browser(
    world: World, market: Market, tmp_path: Path
) -> None:
    ada = as_person(world, await sign_up(world, Authenticator()))
    ended = await typed(market, tmp_path, ada.token, "remove", "Phone", DML_PASSWORD="")
    assert ended.exit_code == 1
    assert "in a browser alone" in str(ended.exception)
