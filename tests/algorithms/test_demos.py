"""Trying an algorithm on a sample: what the model saw and said, and what is refused."""

import base64
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx2
import numpy as np
import pytest
from PIL import Image
from pillow_heif import register_heif_opener
from sqlalchemy import text

from dml.accounts.models import SandboxClock
from dml.algorithms.demos import booth, rules
from dml.core.context import Role
from dml.core.ids import new_id
from dml.core.settings import Settings
from dml.inference.outcome import Limits
from tests.accounts.photos import files
from tests.algorithms.offers import check, make_algorithm, upload
from tests.algorithms.test_freed_files import stored
from tests.inference import hostile
from tests.inference.models import IMAGE_SPEC, digits_like_model, grey_image
from tests.jobs.factories import make_version
from tests.world import Person, World, problem

LABELS: Final = [f"digit-{digit}" for digit in range(10)]
GOOD: Final = digits_like_model(10)


def photo(brightness: int) -> bytes:
    return files.saved(grey_image(brightness), "PNG")


async def offered(world: World, model: bytes = GOOD) -> str:
    """The path of a listed algorithm with this model."""
    developer = await world.person("developer")
    version = await make_version(world, developer, model=model, spec=IMAGE_SPEC, labels=LABELS)
    async with world.parts.sessions() as tx:
        query = text("SELECT algorithm_id FROM algorithm_versions WHERE id = :id")
        return f"/v1/algorithms/{await tx.scalar(query, {'id': version})}"


async def send(who: Person, path: str, content: bytes, **asked: Any) -> httpx2.Response:
    headers = {"content-type": "application/octet-stream"}
    return await who.ask("POST", f"{path}/demo", content=content, headers=headers, params=asked)


async def send_tensor(who: Person, path: str, tensor: Any, **asked: Any) -> httpx2.Response:
    body = tensor if isinstance(tensor, bytes) else json.dumps({"tensor": tensor}).encode()
    headers = {"content-type": "application/json"}
    return await who.ask("POST", f"{path}/demo/tensor", content=body, headers=headers, params=asked)


def seen(told: Any) -> Any:
    kind, _, content = told["input"].partition(",")
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


async def clock(world: World, person: Person) -> datetime:
    """Until when somebody's clock of the sandbox runs ahead."""
    async with world.parts.sessions() as tx:
        return (await tx.get_one(SandboxClock, person.id)).ahead_until


async def written(world: World, person: Person) -> int:
    """How many events are by this person."""
    async with world.parts.sessions() as tx:
        query = text("SELECT count(*) FROM events WHERE actor_id = :id")
        return await tx.scalar(query, {"id": person.id}) or 0


@pytest.fixture(scope="module")
async def path(world: World) -> str:
    return await offered(world)


async def test_it_shows_what_the_model_saw_and_said_and_keeps_nothing(
    world: World, path: str, settings: Settings
) -> None:
    ada, before = await world.person("ada"), stored(settings)
    events, began = await written(world, ada), datetime.now(UTC)
    told = (await send(ada, path, photo(7 * 255 // 9), labels=3)).json()
    assert (told["version_number"], told["counted_as"]) == (1, "digit-7")
    assert told["labels"][0]["label"] == "digit-7"
    assert len(told["labels"]) == 3
    assert [it["confidence"] for it in told["labels"]] == sorted(
        (it["confidence"] for it in told["labels"]), reverse=True
    )
    assert (seen(told) == 7 * 255 // 9).all()
    assert seen(told).shape == (8, 8)
    assert told["run_milliseconds"] > 0
    took = timedelta(milliseconds=told["prepare_milliseconds"] + told["run_milliseconds"])
    assert await clock(world, ada) >= began + took
    unsure = (await send(ada, path, photo(7 * 255 // 9), min_confidence=1)).json()
    assert (unsure["counted_as"], len(unsure["labels"])) == (None, 5)
    assert stored(settings) == before
    assert await written(world, ada) == events


async def test_a_tensor_gives_what_the_photo_gives_that_it_is_made_of(
    world: World, path: str
) -> None:
    ada = await world.person("ada")
    by_photo = (await send(ada, path, photo(100))).json()
    by_tensor = (await send_tensor(ada, path, [100 / 255] * 64)).json()
    for it in (by_photo, by_tensor):
        del it["prepare_milliseconds"], it["run_milliseconds"]
    assert by_tensor == by_photo


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
async def test_photos_of_phones_are_read_whose_decoders_start_threads(
    sent: Person, path: str, kind: str
) -> None:
    register_heif_opener()
    content = files.saved(grey_image(255, side=64).convert("RGB"), kind)
    told = (await send(sent, path, content)).json()
    assert told["counted_as"] == "digit-9"


@pytest.mark.parametrize(
    ("tensor", "why"),
    [
        ([0.5] * 63, "shape"),
        ([[0.5] * 64], "shape"),
        ([[0.5], [0.5, 1]], "length"),
        (["0.5"] * 64, "numbers"),
        ([True] * 64, "numbers"),
        ([None] * 64, "numbers"),
        ([1e300] * 64, "float32"),
        ([10**400] * 64, "numbers"),
        ("text", "numbers"),
        (b'{"tensor": [' + b"NaN, " * 63 + b"0]}", "NaN"),
        (b'{"tensor": [' + b"1e999, " * 63 + b"0]}", "NaN"),
        (b'{"tensor": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", ""),
        (b'{"tensor": [], "more": 1}', "nothing else"),
        (b"\xff", "JSON"),
        (b"{", "JSON"),
    ],
    ids=lambda it: str(it)[:24],
)
async def test_what_is_no_such_tensor_is_refused(
    sent: Person, path: str, tensor: Any, why: str
) -> None:
    document = problem(await send_tensor(sent, path, tensor), 422, "algorithms.bad_tensor")
    assert why in document["why"]
    assert document["errors"][0]["pointer"] == "/tensor"


@pytest.fixture
async def sent(world: World) -> Person:
    """Somebody who has tried nothing in this minute."""
    return await world.person("ada")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"not a photo", id="text"),
        pytest.param(files.SVG, id="svg"),
        pytest.param(files.plain(kind="JPEG")[:300], id="cut-off"),
        pytest.param(files.claiming_png(10_000, 10_000), id="100-megapixels"),
        pytest.param(files.claiming_png(9_000, 9_000), id="rows-missing"),
    ],
)
async def test_what_is_no_photo_is_refused(sent: Person, path: str, content: bytes) -> None:
    document = problem(await send(sent, path, content), 422, "algorithms.sample_unreadable")
    assert document["why"].endswith(".")


async def test_what_is_too_large_or_too_often_is_refused(
    world: World, path: str, settings: Settings
) -> None:
    ada = await world.person("ada")
    large = await send(ada, path, bytes(rules.SAMPLE_BYTES_MAX + 1))
    assert problem(large, 413, "edge.file_too_large")["limit_bytes"] == rules.SAMPLE_BYTES_MAX
    problem(await send(ada, path, b""), 422, "edge.file_empty")
    for wrong in ({"labels": 0}, {"labels": 11}, {"min_confidence": "nan"}, {"more": 1}):
        assert (await send(ada, path, photo(1), **wrong)).status_code == 422
    problem(await world.client.post(f"{path}/demo", content=photo(1)), 401, "core.not_signed_in")
    for _ in range(settings.demos_a_minute - 2):
        await send(ada, path, b"x")
    problem(await send(ada, path, photo(1)), 429, "edge.too_many_tries")


async def test_who_used_up_their_hour_waits(world: World, path: str) -> None:
    ada = await world.person("ada")
    assert (await send(ada, path, photo(1))).status_code == 200
    async with world.parts.sessions.begin() as tx:
        ahead = "UPDATE sandbox_clocks SET ahead_until = now() + interval '2 hours'"
        await tx.execute(text(f"{ahead} WHERE user_id = :id"), {"id": ada.id})
    problem(await send(ada, path, photo(1)), 429, "accounts.sandbox_time_used")


async def test_a_model_that_hangs_or_fails_is_said_to(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await world.person("ada")
    little = Limits(cpu_seconds=1, wall_seconds=5, memory_bytes=512 << 20)
    monkeypatch.setattr(booth, "MODEL_LIMITS", little)
    hangs = await offered(world, hostile.endless_loop())
    document = problem(await send(ada, hangs, photo(1)), 409, "algorithms.model_failed")
    assert "seconds" in document["why"]
    broken = await offered(world, b"no model")
    document = problem(await send(ada, broken, photo(1)), 409, "algorithms.model_failed")
    assert "load" in document["why"]


async def test_its_developer_and_moderators_try_what_passed_its_check(
    world: World, worker_parts: None
) -> None:
    ada, mia = await world.person("ada"), await world.person("mia", Role.MODERATOR)
    eve, path = await world.person("eve"), await make_algorithm(ada)
    problem(await send(ada, path, photo(1)), 409, "algorithms.nothing_to_try")
    version = await upload(ada, path)
    asked = {"version_id": version.rpartition("/")[2]}
    problem(await send(ada, path, photo(1), **asked), 409, "algorithms.version_not_triable")
    await check(world, ada, version)
    for who in (ada, mia):
        told = (await send(who, path, photo(255))).json()
        assert (told["version_id"], told["counted_as"]) == (asked["version_id"], "9")
    problem(await send(eve, path, photo(1), **asked), 404, "algorithms.not_found")
    await ada.post(f"{version}/submit")
    await mia.post(f"{version}/approve")
    assert (await send(eve, path, photo(1))).status_code == 200
    second = await upload(ada, path, width=4, height=16)
    await check(world, ada, second)
    newer = {"version_id": second.rpartition("/")[2]}
    assert (await send(ada, path, photo(1))).json()["version_id"] == asked["version_id"]
    assert (await send(ada, path, photo(1), **newer)).json()["version_number"] == 2
    problem(await send(eve, path, photo(1), **newer), 404, "algorithms.version_not_found")
    elsewhere = {"version_id": str(new_id())}
    problem(await send(eve, path, photo(1), **elsewhere), 404, "algorithms.version_not_found")

    why = {"reason": "it harms"}
    await mia.post(f"{version}/recall", why)
    for who, code in ((eve, "version_not_approved"), (mia, "version_not_triable")):
        problem(await send(who, path, photo(1), **asked), 409, f"algorithms.{code}")
    problem(await send(eve, path, photo(1)), 409, "algorithms.nothing_to_try")
    await mia.post(f"{path}/suspend", why)
    problem(await send(eve, path, photo(1)), 404, "algorithms.not_found")
    assert (await send(ada, path, photo(1), **newer)).status_code == 200


async def test_who_comes_when_many_wait_or_nothing_can_be_locked_is_told_so(
    world: World, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await world.person("ada")
    with monkeypatch.context() as full:
        full.setattr(booth, "WAITING_MOST", 0)
        problem(await send(ada, path, photo(1)), 503, "algorithms.demos_busy")
    monkeypatch.setattr(booth, "ZYGOTE", "tests.algorithms.nothing_there")
    broken, state = booth.Booth(), world.app.state
    state.booth, whole = broken, state.booth
    try:
        problem(await send(ada, path, photo(1)), 503, "algorithms.demos_off")
        assert await clock(world, ada) <= datetime.now(UTC), "it costs nothing"
    finally:
        state.booth = whole
        await broken.close()


def test_a_child_that_was_taken_over_tells_no_nonsense() -> None:
    for shares in ([], [0.5], [float("nan"), 0.5], [2.0, 0.0], [-1.0, 0.0]):
        with pytest.raises(rules.ModelFailed):
            rules.require_sane(shares, 2)
    rules.require_sane([0.25, 0.75], 2)
    assert [it.label for it in rules.best([0.2, 0.4, 0.4], ["a", "b", "c"], 2)] == ["b", "c"]
    assert rules.is_certain(float(np.float32(0.9)), 0.9)
    assert not rules.is_certain(0.5, 0.51)
