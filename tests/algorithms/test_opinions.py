"""`dml model try`, `rate`, `reply` and the like, as they are typed."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dml.core.context import Role
from dml.entrypoints.cli.main import app
from tests.agent.market import Market
from tests.algorithms.test_demos import LABELS, photo
from tests.algorithms.test_ratings import path_of, run
from tests.inference.models import IMAGE_SPEC, digits_like_model
from tests.jobs.factories import make_version
from tests.world import Person, World


@pytest.fixture
async def market(world: World) -> AsyncIterator[Market]:
    opened = Market(world)
    await opened.open()
    yield opened
    await opened.close()


async def typed(market: Market, who: Person | None, *words: str) -> Result:
    token = {} if who is None else {"DML_TOKEN": who.token}
    environment = {"DML_SERVER": market.url, "HOME": "/nonexistent", **token}
    ended = await asyncio.to_thread(
        CliRunner().invoke, app, words, env=environment, catch_exceptions=False
    )
    assert ended.exit_code == 0, ended.output
    return ended


async def told(market: Market, who: Person | None, *words: str) -> Any:
    return json.loads((await typed(market, who, *words, "--json")).stdout)


async def test_a_model_is_tried_on_a_photo(world: World, market: Market, tmp_path: Path) -> None:
    dev, ada = await world.person("dev"), await world.person("ada")
    version = await make_version(
        world, dev, model=digits_like_model(10), spec=IMAGE_SPEC, labels=LABELS
    )
    listed = (await world.client.get(f"/v1/algorithms?developer_id={dev.id}")).json()["items"]
    name, file, seen = listed[0]["id"], tmp_path / "one.png", tmp_path / "seen.png"
    file.write_bytes(photo(255))
    tried = await told(market, ada, "model", "try", name, str(file), "--seen", str(seen))
    assert (tried["version_id"], tried["counted_as"]) == (str(version), "digit-9")
    assert seen.read_bytes().startswith(b"\x89PNG")
    tensor = tmp_path / "one.json"
    tensor.write_text(json.dumps({"tensor": [1.0] * 64}))
    words = ("--labels", "2", "--min-confidence", "1")
    shown = (await typed(market, ada, "model", "try", name, str(tensor), *words)).stdout
    assert "digit-9" in shown
    assert "would count it as uncertain" in " ".join(shown.split())


async def test_a_model_is_rated_answered_hidden_and_published(world: World, market: Market) -> None:
    mia = await world.person("mia", Role.MODERATOR)
    job = await run(world)
    name = (await path_of(job))[-36:]
    given = ("model", "rate", name, "4", "--text", "Good at cats.")
    rating = await told(market, job.customer, *given)
    assert (rating["stars"], rating["text"]) == (4, "Good at cats.")
    reply = ("model", "reply", name, rating["id"][-8:], "Thank you.")
    assert (await told(market, job.developer, *reply))["reply"]["text"] == "Thank you."
    shown = (await typed(market, None, "model", "ratings", name)).stdout
    assert "Thank you." in " ".join(shown.split())
    days = (await told(market, job.developer, "model", "statistics", name))["days"]
    assert [(it["devices"], it["rating"]) for it in days] == [(5, 4.0)]
    assert "0.05" in (await typed(market, job.developer, "model", "statistics", name)).stdout
    why = ("--reason", "an insult")
    its = (name, rating["id"])
    assert (await told(market, mia, "moderate", "hide-rating", *its, *why))["hidden_at"]
    assert await told(market, None, "model", "ratings", name) == []
    restored = await told(market, mia, "moderate", "restore-rating", *its, *why)
    assert restored["hidden_at"] is None
    assert await told(market, job.customer, "model", "unrate", name) == {"deleted": True}

    made = ("job", "publish", str(job.id), "--title", "Pets", "--yes")
    published = await told(market, job.customer, *made)
    assert await told(market, None, "model", "answers", name) == [published]
    gone = await told(market, job.customer, "job", "unpublish", str(job.id))
    assert gone == {"unpublished": True}
