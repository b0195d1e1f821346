"""`dml model list` and `search`, as they are typed."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dml.entrypoints.cli.main import app
from tests.agent.market import Market
from tests.algorithms.offers import offer
from tests.algorithms.test_search import lists, made_up
from tests.world import World


@pytest.fixture
async def market(world: World) -> AsyncIterator[Market]:
    opened = Market(world)
    await opened.open()
    yield opened
    await opened.close()


async def test_models_are_listed_and_searched(world: World, market: Market, tmp_path: Path) -> None:
    ada, word = await world.person("ada"), made_up()
    cheap = await lists(world, ada, title=word, tags=["cheap"], device_fee="0.1")
    dear = await lists(world, ada, title=word, tags=["dear"], device_fee="3")
    environment = {"DML_SERVER": market.url, "HOME": str(tmp_path), "DML_TOKEN": ada.token}

    async def typed(*words: str) -> Any:
        command = ["model", *words]
        ended = await asyncio.to_thread(
            CliRunner().invoke, app, command, env=environment, catch_exceptions=False
        )
        assert ended.exit_code == 0, ended.output
        return ended

    async def shown(verb: str, *words: str) -> list[str]:
        return [it["id"] for it in json.loads((await typed(verb, "--json", *words)).stdout)]

    by = ("--developer", str(ada.id))
    assert await shown("list", *by) == [dear, cheap]
    assert await shown("list", *by, "--sort", "device_fee") == [cheap, dear]
    assert await shown("list", *by, "--most", "1", "--state", "listed") == [dear]
    assert await shown("list", "--mine", "--tag", "dear") == [dear]
    assert await shown("list", *by, "--fee-max", "1", "--kind", "image") == [cheap]
    assert await shown("search", word, "--fee-min", "1", "--data", "photo") == [dear]
    assert await shown("search", "--tag", "cheap", "--", word, "-letters") == [cheap]

    wrong = await typed("search", f"{word[:4]}{word[5:]}")
    assert f"Looked for: {word}" in wrong.stderr.replace("\n", "")
    assert "0.1" in wrong.stdout
    assert "nothing yet" in (await typed("search", word, "no" + made_up())).stdout


async def test_its_developer_edits_suspends_and_deletes_a_model(
    world: World, market: Market, tmp_path: Path
) -> None:
    ada, word = await world.person("ada"), made_up()
    listed = await lists(world, ada, title=word)
    draft = (await ada.post("/v1/algorithms", offer(title=f"{word} draft"))).json()["id"]
    environment = {"DML_SERVER": market.url, "HOME": str(tmp_path), "DML_TOKEN": ada.token}

    async def typed(*words: str) -> Any:
        command = ["model", *words]
        return await asyncio.to_thread(CliRunner().invoke, app, command, env=environment)

    card = tmp_path / "card.md"
    card.write_text("# Better")
    changes = ("--device-fee", "0.5", "--tag", "a", "--tag", "b", "--card", str(card))
    edited = json.loads((await typed("edit", listed, *changes, "--json")).stdout)
    assert (edited["device_fee"], edited["tags"]) == ("0.5", ["a", "b"])
    assert (edited["model_card"], edited["title"]) == ("# Better", word)
    assert "say what to change" in str((await typed("edit", listed)).exception)
    assert "can't be read" in str((await typed("edit", listed, "--card", "/nowhere")).exception)
    for verb, state in (("suspend", "suspended"), ("resume", "listed")):
        told = (await typed(verb, listed, "--reason", "a fault", "--json")).stdout
        assert json.loads(told)["state"] == state
    assert "no version yet" in str((await typed("withdraw", draft)).exception)
    assert (await typed("delete", draft)).exit_code == 0
    assert (await ada.get(f"/v1/algorithms/{draft}")).status_code == 404
