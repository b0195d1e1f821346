"""`dml account`: a password and an address are changed by who types it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dml.entrypoints.cli.main import app
from dml.refused import Refused
from dml.tool.recovery import token_of
from tests.accounts.recovery.mailbox import STRONG, last_token, letters, somebody, url_in, work
from tests.agent.market import Market
from tests.world import PASSWORD, Person, World


@pytest.fixture
async def market(world: World) -> AsyncIterator[Market]:
    opened = Market(world)
    await opened.open()
    yield opened
    await opened.close()


async def typed(market: Market, home: Path, who: Person | None, *words: str, **more: str) -> Any:
    """Type a command, beside the server that answers it, and return what it prints as JSON."""
    token = {} if who is None else {"DML_TOKEN": who.token}
    environment = {"DML_SERVER": market.url, "HOME": str(home), **token, **more}
    ended = await asyncio.to_thread(
        CliRunner().invoke, app, ["account", *words, "--json"], env=environment
    )
    assert ended.exit_code == 0, ended.output
    (told,) = (it for it in ended.stdout.splitlines() if it.startswith("{"))
    return json.loads(told)  # Around it is what the server logs.


async def test_a_password_and_an_address_are_changed(
    world: World, market: Market, tmp_path: Path
) -> None:
    ada, new, old = await world.person(), somebody(), {"DML_PASSWORD": PASSWORD}
    await typed(market, tmp_path, ada, "change-email", new, **old)
    await work(world)
    link = url_in((await letters(world, new))[-1])
    await typed(market, tmp_path, None, "verify-email", link)
    assert (await ada.get("/v1/users/me")).json()["email"] == new
    await typed(market, tmp_path, ada, "change-password", **old, DML_NEW_PASSWORD=STRONG)
    await typed(market, tmp_path, None, "reset-password", "--email", new)
    token, other = await last_token(world, new), {"DML_NEW_PASSWORD": f"{STRONG} again"}
    await typed(market, tmp_path, None, "reset-password", token, **other)
    body = {"email": new, "password": f"{STRONG} again"}
    assert (await world.client.post("/v1/users/authenticate", json=body)).status_code == 200


def test_a_link_is_taken_as_it_is_or_by_its_token() -> None:
    assert token_of("https://market.example.org/links?token=abc") == "abc"
    assert token_of("abc") == "abc"
    with pytest.raises(Refused):
        token_of("https://market.example.org/links")
