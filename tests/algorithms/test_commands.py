"""`dml model list` and `search`, as they are typed."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import onnx
import pytest
from typer.testing import CliRunner

from dml.client import Client
from dml.client.marketplace import Marketplace, Unreached
from dml.core.context import Role
from dml.core.worker import WorkerParts
from dml.entrypoints.cli.main import app
from dml.tool import finding, uploading
from tests.agent.market import Market
from tests.algorithms.offers import (
    GOOD,
    LABELS,
    accept_agreement,
    check,
    make_algorithm,
    offer,
    upload,
)
from tests.algorithms.test_search import lists, made_up
from tests.algorithms.uploading import LEAST, MODEL, announce, append, told
from tests.inference.models import IMAGE_SPEC
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
        shown = (await typed(verb, listed, "--reason", "a fault", "--json")).stdout
        assert json.loads(shown)["state"] == state
    assert "no version yet" in str((await typed("withdraw", draft)).exception)
    assert (await typed("delete", draft)).exit_code == 0
    assert (await ada.get(f"/v1/algorithms/{draft}")).status_code == 404


async def test_a_model_of_others_is_found_without_reading_all_of_them(
    world: World, market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, eve, word = await world.person("ada"), await world.person("eve"), made_up()
    listed = await lists(world, ada, title=f"{word} listed, or not")
    path = await make_algorithm(ada, title=f"{word} soon")
    announced = (await ada.post(f"{path}/announce")).json()
    environment = {"DML_SERVER": market.url, "HOME": str(tmp_path), "DML_TOKEN": eve.token}
    read: list[str] = []
    all_of = Marketplace.all_of

    def noting(self: Marketplace, path: str, **filters: str) -> Any:
        read.extend([] if "mine" in filters else [path])
        return all_of(self, path, **filters)

    monkeypatch.setattr(Marketplace, "all_of", noting)

    async def shown(named: str) -> str:
        command = ["model", "show", "--json", named]
        ended = await asyncio.to_thread(CliRunner().invoke, app, command, env=environment)
        return str(json.loads(ended.stdout)["id"] if ended.exit_code == 0 else ended.exception)

    soon = str(announced["id"])
    ways = [soon[-12:], announced["slug"], f"an-old-title-{soon[-12:]}", f"{word} SOON"]
    assert [await shown(it) for it in ways] == [soon] * len(ways)
    assert await shown(f"{word}-listed-or-not") == listed
    assert "no algorithm is called" in await shown("0" * 12 + "zz")
    assert set(read) <= {f"/v1/algorithms/{it}/versions" for it in (soon, listed)}
    assert await shown(soon[-8:]) == soon
    monkeypatch.setattr(finding, "LOOKED_THROUGH_MOST", 0)
    assert "no algorithm is called" in await shown(soon[-8:])


async def test_a_large_model_is_sent_in_parts_and_goes_on_where_it_was(
    world: World, market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line breaks in the middle of a part: once it waits, and once somebody types it again."""
    ada, word = await world.person("ada"), made_up()
    await accept_agreement(ada)
    monkeypatch.setattr(uploading, "IN_ONE_GO_BYTES", 100_000)
    monkeypatch.setattr(uploading, "PART_BYTES", 300_000)
    monkeypatch.setattr(uploading, "BREAKS_MAX", 1)
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    file = tmp_path / "digits.onnx"
    model = onnx.load_from_string(GOOD)
    model.doc_string = "x" * 1_000_000
    file.write_bytes(model.SerializeToString())
    described = {"title": word, "summary": "Digits.", "device_fee": "0.1", "labels": LABELS}
    about = tmp_path / "model.yaml"
    about.write_text(json.dumps({**described, "input_spec": IMAGE_SPEC}))
    environment = {"DML_SERVER": market.url, "HOME": str(tmp_path), "DML_TOKEN": ada.token}
    sent: list[tuple[int, int]] = []

    async def publish(*breaks_at: int) -> Any:
        """Publish, where the requests of these numbers never reach the marketplace."""
        ask = Marketplace.ask

        def unreliable(self: Marketplace, method: str, path: str, **request: Any) -> Any:
            if method == "PATCH":
                offset = int(request["headers"]["Upload-Offset"])
                sent.append((offset, len(request["content"])))
                if len(sent) in breaks_at:
                    raise Unreached("the line broke")
            return ask(self, method, path, **request)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Marketplace, "ask", unreliable)
            command = ["model", "publish", str(file), "--wait", "0"]
            return await asyncio.to_thread(CliRunner().invoke, app, command, env=environment)

    ended = await publish(2, 4, 5)
    assert "the line broke" in str(ended.exception)
    assert [it[0] for it in sent] == [0, 300_000, 300_000, 600_000, 600_000]
    assert pauses == [1.0, 1.0]
    ended = await publish()
    assert "Going on at 0.6 MB" in ended.stderr
    assert "its check takes long" in str(ended.exception)  # There is no worker here.
    assert sent[5] == (600_000, 300_000)
    (algorithm,) = (await ada.get("/v1/algorithms", params={"mine": "true"})).json()["items"]
    path = f"/v1/algorithms/{algorithm['id']}"
    (version,) = (await ada.get(f"{path}/versions")).json()["items"]
    assert version["size"] == file.stat().st_size
    before = len(sent)
    ended = await publish()
    assert "its check takes long" in str(ended.exception)  # It is the same version.
    assert "dml model edit" not in ended.stderr
    otherwise = {"summary": "Numbers.", "device_fee": 0.10, "tags": ["new"], "labels": ["x"]}
    about.write_text(json.dumps({**described, **otherwise, "input_spec": IMAGE_SPEC}))
    said = " ".join((await publish()).stderr.split())
    assert "differs from the marketplace in: summary, tags. Publishing" in said
    assert "use `dml model edit`" in said
    assert "differs from the marketplace in: labels. That never changes" in said
    assert len(sent) == before

    link = await asyncio.to_thread(
        CliRunner().invoke, app, ["model", "link", word], env=environment
    )
    assert link.exit_code == 0, link.output
    url = link.stdout.strip()
    assert url.startswith(f"{market.url}{path}/versions/{version['id']}/linked-file?")
    fetched = await world.client.get(url.removeprefix(market.url))
    assert fetched.content == file.read_bytes()


async def test_a_link_is_to_the_approved_version_else_to_the_newest_with_a_file(
    world: World, market: Market, tmp_path: Path, worker_parts: WorkerParts
) -> None:
    ada, moderator = await world.person("ada"), await world.person("moderator", Role.MODERATOR)
    path = await make_algorithm(ada)
    environment = {"DML_SERVER": market.url, "HOME": str(tmp_path), "DML_TOKEN": ada.token}

    async def link(*options: str) -> Any:
        command = ["model", "link", path.rpartition("/")[2], *options]
        return await asyncio.to_thread(CliRunner().invoke, app, command, env=environment)

    assert "no version whose file is kept" in str((await link()).exception)
    first = await upload(ada, path)
    await check(world, ada, first)
    second = await upload(ada, path, scale=2)
    await check(world, ada, second)
    assert (await ada.ask("DELETE", second)).status_code == 204
    made = await link()
    assert f"{first}/linked-file?" in made.stdout
    assert "Version 1 (checked), good until" in made.stderr

    assert (await ada.post(f"{first}/submit")).status_code == 200
    assert (await moderator.post(f"{first}/approve")).status_code == 200
    third = await upload(ada, path, scale=3)
    made = await link()
    assert f"{first}/linked-file?" in made.stdout
    assert "Version 1 (approved), good until" in made.stderr
    assert json.loads((await link("--json")).stdout)["version"] == 1
    assert f"{third}/linked-file?" in (await link("--version", "3")).stdout
    assert "no such version" in str((await link("--version", "4")).exception)


async def test_the_typed_client_sends_a_file_from_an_offset_on(
    world: World, market: Market, tmp_path: Path
) -> None:
    ada = await world.person("ada")
    path = await make_algorithm(ada)
    at = await announce(ada, path)
    assert (await append(ada, at, 0, MODEL[:LEAST])).status_code == 200
    file = tmp_path / "model.onnx"
    file.write_bytes(MODEL)

    def go_on() -> tuple[int, str]:
        with Client(market.url, token=ada.token) as client:
            _, _, _, algorithm_id, _, upload_id = at.split("/")
            found = client.uploads.get(algorithm_id, upload_id)
            sent = client.uploads.append(
                algorithm_id, upload_id, file, upload_offset=found["offset"]
            )
            version = client.uploads.complete(algorithm_id, upload_id)
            return sent["offset"], version["sha256"]

    assert await asyncio.to_thread(go_on) == (len(MODEL), told()["sha256"])
