"""`dml org`: what people type about organisations."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dml.client import AsyncClient, Client
from dml.entrypoints.cli.main import app
from tests.accounts.organisations.societies import acting, code_to, enrich, found, prove
from tests.agent.market import Market
from tests.jobs.factories import make_version, order
from tests.world import PASSWORD, Person, World


@pytest.fixture
async def market(world: World) -> AsyncIterator[Market]:
    opened = Market(world)
    await opened.open()
    yield opened
    await opened.close()


async def typed(market: Market, home: Path, who: Person, *words: str, **more: str) -> Any:
    """Type a command, beside the server that answers it, and return what it prints as JSON."""
    environment = {
        "DML_SERVER": market.url,
        "HOME": str(home),
        "DML_TOKEN": who.token,
        "DML_PASSWORD": PASSWORD,
        **more,
    }
    ended = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--json"], env=environment)
    assert ended.exit_code == 0, ended.output
    (told,) = (it for it in ended.stdout.splitlines() if it.startswith(("{", "[")))
    return json.loads(told)  # Around it is what the server logs.


async def test_one_is_founded_joined_and_left(world: World, market: Market, tmp_path: Path) -> None:
    ada, grace = await world.person("ada"), await world.rich("grace", "5")

    async def by(who: Person, *words: str) -> Any:
        return await typed(market, tmp_path, who, "org", *words)

    made = await by(ada, "create", "Institute for Botany")
    assert (await by(ada, "show", "institute-for-botany"))["id"] == made["id"]
    assert (await by(ada, "rename", made["id"], "Botany"))["name"] == "Botany"
    await by(ada, "invite", "botany", "nobody@example.org")
    await by(ada, "invite", "botany", grace.email, "--owner")
    assert len(await by(ada, "invitations", "botany")) == 2
    left = await by(ada, "revoke", "botany", "nobody@example.org")
    assert [it["email"] for it in left] == [grace.email]
    await prove(world, grace)
    joined = await by(grace, "accept", await code_to(world, grace.email))
    assert (joined["id"], joined["role"]) == (made["id"], "owner")
    shown = await by(grace, "set-role", "botany", str(ada.id), "--member")
    assert {it["user_id"]: it["role"] for it in shown}[str(ada.id)] == "member"
    assert len(await by(grace, "members", "botany")) == 2
    assert len(await by(grace, "remove", "botany", str(ada.id), "--yes")) == 1
    assert (await by(grace, "put-in", "botany", "2.5"))["amount"] == "2.5"
    assert (await by(grace, "take-out", "botany", "2.5"))["amount"] == "2.5"
    assert await by(grace, "close", "botany", "--yes") == []
    assert await by(ada, "list") == []


async def test_commands_and_clients_ask_for_an_organisation(
    world: World, market: Market, tmp_path: Path
) -> None:
    ada = await world.rich("ada", "7")
    society = await found(ada, "Botany")
    await enrich(world, society, "500")
    version = await make_version(world, await world.person("developer"))
    made = await acting(ada, society).post("/v1/jobs", order(version, title="Ours"))
    job = made.json()["id"]

    async def by(*words: str, **more: str) -> Any:
        return await typed(market, tmp_path, ada, *words, **more)

    assert (await by("balance"))["total"] == "7"
    assert (await by("balance", "--for", "botany"))["total"] == "500"
    assert (await by("balance", DML_FOR=society))["total"] == "500"
    assert [it["id"] for it in await by("job", "list", "--for", "botany")] == [job]
    assert await by("job", "list") == []
    assert (await by("job", "pause", job, "--for", society))["state"] == "paused"

    def ask() -> str:
        with Client(market.url, token=ada.token, organisation=society) as client:
            return str(client.balance.get()["total"])

    assert await asyncio.to_thread(ask) == "500"
    async with AsyncClient(market.url, token=ada.token, organisation=society) as client:
        assert (await client.jobs.get(job))["state"] == "paused"
