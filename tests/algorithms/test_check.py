"""What the check says of each file: with the real sandbox, and once through the real engine."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import text

from dml.accounts.models import SandboxClock
from dml.algorithms import processes, uploads
from dml.core import processes as core_processes, worker
from dml.core.blobs import Stored
from dml.core.context import Actor, Context
from dml.core.db import connect
from dml.core.engine import Engine
from dml.core.ids import AlgorithmId
from dml.core.settings import Settings
from dml.core.worker import WorkerParts
from dml.entrypoints.server import create_app
from dml.inference.runner import Sandbox, SandboxFailed
from tests.algorithms.offers import (
    GOOD,
    LABELS,
    check,
    file_part,
    form,
    make_algorithm,
    part,
    send,
    spec_part,
    upload,
)
from tests.core.engine_watch import running_node, until
from tests.inference import hostile, zoo
from tests.inference.models import IMAGE_SPEC, image_spec, tiny_image_model
from tests.worker_parts import make_parts
from tests.world import World, problem

HOSTILE = {
    name: {**hostile.FILES, **hostile.GRAPHS, **hostile.TRIALS}[name]
    for name in [
        *(it for it in hostile.FILES if it != "empty"),
        "external data elsewhere",
        "external data beside it",
        "custom operator",
        "endless loop",
        "branch",
        "opset of tomorrow",
        "unknown operator",
        "NaN",
        "300 large products",
        "memory bomb",
    ]
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_file_is_taken_in_and_refused_with_a_reason(
    world: World, worker_parts: WorkerParts, name: str
) -> None:
    model, code = HOSTILE[name]
    ada = await world.person("ada")
    version = await upload(ada, await make_algorithm(ada), model)
    shown = await check(world, ada, version)
    assert (shown["state"], shown["signature"]) == ("refused", None)
    assert [it["code"] for it in shown["refusals"]] == [code]
    assert shown["checked_at"] is not None
    refused = problem(await ada.post(f"{version}/submit"), 409, "algorithms.wrong_state")
    assert (refused["state"], refused["allowed"]) == ("refused", ["deleted"])
    last = (await ada.get(f"{version}/timeline")).json()
    assert last["entries"][-1]["reason"] == shown["refusals"][0]["detail"]
    assert last["next"] == []


@pytest.mark.parametrize(
    ("labels", "spec", "code"),
    [
        (LABELS[:9], {}, "model.output_count"),
        ([*LABELS, "other"], {}, "model.output_count"),
        (LABELS, {"width": 9}, "model.input_shape"),
        (LABELS, {"color": "rgb"}, "model.input_shape"),
        (LABELS, {"layout": "NCHW"}, "model.input_shape"),
        (LABELS, {"output": {"name": "other", "activation": "none"}}, "model.output_missing"),
    ],
)
async def test_a_model_must_fit_its_spec_and_its_labels(
    world: World, worker_parts: WorkerParts, labels: list[str], spec: dict[str, Any], code: str
) -> None:
    ada = await world.person("ada")
    version = await upload(ada, await make_algorithm(ada, labels=labels), GOOD, **spec)
    shown = await check(world, ada, version)
    assert [it["code"] for it in shown["refusals"]] == [code]


async def test_a_colour_model_passes_with_its_own_spec(
    world: World, worker_parts: WorkerParts
) -> None:
    changes = {"color": "rgb", "layout": "NCHW", "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}
    ada = await world.person("ada")
    path = await make_algorithm(ada, labels=["cat", "dog"])
    model = tiny_image_model(image_spec(**changes), 2)
    shown = await check(world, ada, await upload(ada, path, model, **changes))
    assert (shown["state"], shown["refusals"]) == ("checked", [])
    assert shown["signature"]["inputs"][0]["shape"] == [None, 3, 8, 8]


async def test_the_check_raises_the_specs_version_where_old_agents_would_misread_the_output(
    world: World, worker_parts: WorkerParts
) -> None:
    ada = await world.person("ada")
    path = await make_algorithm(ada, labels=["cat", "dog"])
    sample = zoo.ACCEPTED["one column for two labels, as a sigmoid"]
    version = await upload(ada, path, sample.model, output=zoo.SIGMOID)
    assert (await ada.get(version)).json()["input_spec"].get("version", 1) == 1
    shown = await check(world, ada, version)
    assert (shown["state"], shown["refusals"]) == ("checked", [])
    assert shown["input_spec"] == IMAGE_SPEC | {"output": zoo.SIGMOID, "version": 2}
    assert await upload(ada, path, sample.model, output=zoo.SIGMOID) == version


async def test_a_sandbox_that_fails_is_not_the_models_fault(
    world: World, settings: Settings, worker_parts: WorkerParts
) -> None:
    closed = Sandbox()
    closed.close()
    kept = await world.parts.blobs.put(_one(GOOD), limit=len(GOOD))
    worker.provide(make_parts(settings, world.parts, sandbox=closed))
    with pytest.raises(SandboxFailed):
        await processes.inspect(kept.sha256, IMAGE_SPEC, 10)
    with pytest.raises(FileNotFoundError):
        await processes.inspect("0" * 64, IMAGE_SPEC, 10)


async def _one(content: bytes) -> AsyncIterator[bytes]:
    yield content


@pytest.fixture(scope="module")
def own_database(module_database: str) -> str:
    return module_database


@pytest.fixture(scope="module")
async def own_world(settings: Settings, own_database: str) -> AsyncIterator[World]:
    """An API over a database of its own, so that a node there checks no other test's files."""
    app = create_app(settings, connect(own_database, name="test api"))
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield World(app, client)


@pytest.fixture(scope="module")
def node(
    own_world: World, own_database: str, settings: Settings, sandbox: Sandbox
) -> Iterator[Engine]:
    worker.provide(make_parts(settings, own_world.parts, sandbox=sandbox))
    with running_node(own_database) as node:
        yield node


async def end_of_check(person: Any, version: str) -> Any:
    async def done() -> Any:
        shown = (await person.get(version)).json()
        return shown if shown["state"] != "uploaded" else None

    return await until(done)


async def test_an_uploaded_file_is_checked_by_itself(own_world: World, node: Engine) -> None:
    ada = await own_world.person("ada")
    path = await make_algorithm(ada)
    good = await upload(ada, path)
    checked = await end_of_check(ada, good)
    bad = await upload(ada, path, hostile.FILES["pickle"][0])
    refused = await end_of_check(ada, bad)
    assert (checked["state"], checked["refusals"]) == ("checked", [])
    assert checked["signature"]["outputs"][0]["name"] == "probabilities"
    passport = checked["passport"]
    assert (passport["download_bytes"], passport["runs_agree"]) == (len(GOOD), True)
    assert passport["operators"] == checked["signature"]["operators"]
    assert min(passport["milliseconds_for_one"], passport["milliseconds_for_32"]) > 0
    assert passport["peak_memory_bytes"] > len(GOOD)
    assert refused["passport"] is None
    assert 256 < checked["least_memory_mib"] < 1_024
    assert 0 < checked["least_speed"] < 10_000, "a small model runs on any processor"
    assert (refused["least_memory_mib"], refused["least_speed"]) == (None, None)
    assert "speed" not in passport, "the release before refuses what it does not know"
    assert (refused["state"], refused["refusals"][0]["code"]) == ("refused", "model.pickle")
    assert (await ada.post(f"{good}/submit")).json()["state"] == "in_review"


async def test_where_we_fail_the_version_ends_with_a_reason_and_can_come_again(
    own_world: World, node: Engine, settings: Settings
) -> None:
    ada = await own_world.person("ada")
    path = await make_algorithm(ada)
    body = form(part("input_spec", b"{}"), file_part())
    problem(await send(ada, path, body), 422, "algorithms.bad_input_spec")
    lost = await _lose_a_version(own_world, ada.id, path)
    shown = await end_of_check(ada, lost)
    assert (shown["state"], shown["signature"]) == ("refused", None)
    assert [it["code"] for it in shown["refusals"]] == ["platform.check_failed"]
    told = (await ada.get(f"{lost}/timeline")).json()
    assert told["entries"][-1]["actor"] == "system"
    assert "our fault" in told["entries"][-1]["reason"]

    again = await send(ada, path, form(spec_part(), file_part()))
    assert (again.status_code, again.json()["number"]) == (201, 2)


async def test_what_nobody_checks_is_given_up_in_time(own_world: World, node: Engine) -> None:
    ada = await own_world.person("ada")
    path = await make_algorithm(ada)
    async with own_world.parts.sessions.begin() as tx:
        ctx = Context(tx, Actor(ada.id), datetime.now(UTC))
        stored = Stored("0" * 64, 1)
        version = await uploads.add_version(ctx, _id(path), image_spec(), stored)
        # As if every worker had died of this check.
        forgotten = text("DELETE FROM dbos.workflow_status WHERE workflow_uuid = :id")
        await tx.execute(forgotten, {"id": f"check:{version.id}"})
        assert await core_processes.reschedule(ctx, f"give-up:{version.id}", ctx.now)
    shown = await end_of_check(ada, f"{path}/versions/{version.id}")
    assert [it["code"] for it in shown["refusals"]] == ["platform.check_failed"]


async def test_what_takes_long_waits_among_its_like_and_is_counted(
    own_world: World, node: Engine
) -> None:
    ada, eve = await own_world.person("ada"), await own_world.person("eve")
    slow = await upload(eve, await make_algorithm(eve), hostile.slow())
    good = await upload(ada, await make_algorithm(ada))
    assert (await end_of_check(ada, good))["state"] == "checked"
    refused = await end_of_check(eve, slow)
    assert [it["code"] for it in refused["refusals"]] == ["model.too_slow"]
    async with own_world.parts.sessions() as tx:
        queues = text("SELECT name, queue_name FROM dbos.workflow_status WHERE workflow_uuid = :id")
        long = f"check:{refused['id']}:long"
        (found,) = (await tx.execute(queues, {"id": long})).all()
        assert tuple(found) == ("algorithms.check.v1", "long_checks")
        assert (await tx.get_one(SandboxClock, eve.id)).timeouts == 1
        assert (await tx.get_one(SandboxClock, ada.id)).timeouts == 0


def _id(path: str) -> AlgorithmId:
    return AlgorithmId(UUID(path.rsplit("/", 1)[1]))


async def _lose_a_version(world: World, user_id: Any, path: str) -> str:
    """Record a version whose file is gone from the store before it could be checked."""
    async with world.parts.sessions.begin() as tx:
        ctx = Context(tx, Actor(user_id), datetime.now(UTC))
        version = await uploads.add_version(ctx, _id(path), image_spec(), Stored("1" * 64, 1))
    return f"{path}/versions/{version.id}"
