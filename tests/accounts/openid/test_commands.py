"""`dml login --by`: who types it signs in at the provider in a browser, and is signed in here."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dml.accounts.openid.late import Openid
from dml.core.ids import new_id
from tests.accounts.openid.browser import Browser
from tests.agent.market import Market
from tests.client.test_marketplace import dml
from tests.world import PASSWORD, World


@pytest.fixture
async def market(world: World, real: Openid) -> AsyncIterator[Market]:
    """The API on a port; the provider knows it as a program of this machine."""
    real.providers = [replace(it, client_id="tool") for it in real.providers]
    opened = Market(world)
    await opened.open()
    yield opened
    await opened.close()


async def typed(
    world: World, market: Market, home: Path, name: str, *words: str, **more: str
) -> Any:
    """Type a command, do in a browser what it asks for, and return what it prints as JSON."""
    environment = {"DML_SERVER": market.url, "HOME": str(home), **more}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dml.entrypoints.cli", *words, "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": "src", **environment},
    )
    assert process.stderr is not None
    url = ""
    while not url.startswith("http"):
        line = await process.stderr.readline()
        assert line, "it ended"
        url = line.decode().strip()
    async with httpx2.AsyncClient(trust_env=False) as ours:
        sent_on = await ours.get(url)
        assert sent_on.status_code == 303, sent_on.text
        back = await Browser(world).sign_in_there(sent_on.headers["location"], name)
        page = await ours.get(back, follow_redirects=True)
        assert "go back to your terminal" in page.text
    out, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    return json.loads(out)


async def test_who_signs_in_by_a_provider_is_signed_in_and_can_link_another_account(
    world: World, market: Market, tmp_path: Path
) -> None:
    name = f"ada-{new_id()}"
    shown = await typed(world, market, tmp_path, name, "login", "--by", "openid")
    assert shown["email"] == f"{name}@example.com"
    kept = next((tmp_path / ".config").rglob("*.json")).read_text()
    assert shown["id"] in kept
    bob, other = await world.person(), f"bob-{new_id()}"
    secrets = {"DML_TOKEN": bob.token, "DML_PASSWORD": PASSWORD}
    linked = await typed(world, market, tmp_path, other, "account", "link", "openid", **secrets)
    assert (linked["kind"], linked["provider"]) == ("openid", "openid")
    assert linked["id"] in (await bob.get("/v1/users/me/identities")).text
    left = await dml(
        *("account", "identities", "remove", "openid", "--yes", "--json"),
        DML_SERVER=market.url,
        HOME=str(tmp_path),
        DML_TOKEN=bob.token,
        DML_PASSWORD=PASSWORD,
    )
    assert left.code == 0, left
    assert [it["kind"] for it in json.loads(left.out)] == ["password"]


async def test_who_has_nothing_but_a_provider_proves_there_that_it_is_them(
    world: World, market: Market, tmp_path: Path
) -> None:
    name = f"ada-{new_id()}"
    await typed(world, market, tmp_path, name, "login", "--by", "openid")
    create = ("account", "tokens", "create", "nightly", "--scope", "jobs:write")
    made = await typed(world, market, tmp_path, name, *create)
    assert made["scopes"] == ["jobs:write"]
