"""`dml moderate`, and what developers type of announcing and appealing."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dml.core.context import Role
from dml.entrypoints.cli.main import app
from tests.agent.market import Market
from tests.algorithms.moderation.test_queue import id_of, submitted
from tests.algorithms.offers import offer
from tests.algorithms.test_search import made_up
from tests.inference.linear import linear_model, weights
from tests.world import Person, World

pytestmark = pytest.mark.usefixtures("worker_parts")


@pytest.fixture
async def market(world: World) -> AsyncIterator[Market]:
    opened = Market(world)
    await opened.open()
    yield opened
    await opened.close()


async def test_a_moderator_looks_decides_and_another_hears_the_appeal(
    world: World, market: Market, tmp_path: Path
) -> None:
    ada, eve = await world.person("ada"), await world.person("eve")
    mia = await world.person("mia", Role.MODERATOR)
    lin = await world.person("lin", Role.MODERATOR)
    word = made_up()
    await submitted(world, eve, linear_model(weights(21)), title=f"{word} original")
    path = await submitted(world, ada, linear_model(weights(21)), title=word)
    version, algorithm = id_of(path), path.split("/")[3]

    async def typed(person: Person, *words: str) -> Any:
        environment = {"DML_SERVER": market.url, "HOME": str(tmp_path), "DML_TOKEN": person.token}
        return await asyncio.to_thread(
            CliRunner().invoke, app, list(words), env=environment, catch_exceptions=False
        )

    async def told(person: Person, *words: str) -> Any:
        return json.loads((await typed(person, *words, "--json")).stdout)

    waiting = await told(mia, "moderate", "list", "--developer", str(ada.id))
    assert [it["id"] for it in waiting] == [version]
    shown = (await typed(mia, "moderate", "show", version)).stdout.replace("\n", " ")
    assert "the same file as version 1 (in_review) of" in shown
    assert "landscape: " in shown
    assert "# Digits" in shown
    assert "data_not_named" in (await typed(mia, "moderate", "reasons")).stdout

    rejected = await told(mia, "moderate", "reject", version, "--code", "copy")
    assert (rejected["state"], rejected["review_code"]) == ("rejected", "copy")
    appeal = await told(ada, "model", "appeal", algorithm, "--text", "It was mine first.")
    assert appeal["state"] == "open"
    assert [it["id"] for it in await told(ada, "model", "appeals", algorithm)] == [appeal["id"]]
    assert appeal["id"] in [it["id"] for it in await told(lin, "moderate", "appeals", "list")]
    why = ("--reason", "It was.")
    settled = await told(lin, "moderate", "appeals", "overturn", appeal["id"], *why)
    assert settled["state"] == "overturned"

    suspended = await told(mia, "moderate", "suspend", algorithm, "--code", "misleading")
    assert suspended["state"] == "suspended"
    again = await told(ada, "model", "appeal", algorithm, "--text", "It does not.")
    assert again["decision"] == "suspension"
    upheld = await told(lin, "moderate", "appeals", "uphold", again["id"], *why)
    assert upheld["state"] == "upheld"
    resumed = await told(mia, "moderate", "resume", algorithm, "--reason", "mended")
    assert resumed["state"] == "listed"
    recalled = await told(mia, "moderate", "recall", version, "--reason", "harm")
    assert recalled["state"] == "recalled"


async def test_a_developer_announces_and_takes_it_back(
    world: World, market: Market, tmp_path: Path
) -> None:
    ada = await world.person("ada")
    draft = (await ada.post("/v1/algorithms", offer(title=made_up()))).json()["id"]
    environment = {"DML_SERVER": market.url, "HOME": str(tmp_path), "DML_TOKEN": ada.token}
    for verb, state in (("announce", "announced"), ("unannounce", "draft")):
        words = ["model", verb, draft, "--json"]
        ended = await asyncio.to_thread(CliRunner().invoke, app, words, env=environment)
        assert json.loads(ended.stdout)["state"] == state
