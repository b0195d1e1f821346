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
