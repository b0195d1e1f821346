"""Models that come in parts: by offset, through any process, and never more than was announced."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx2
import pytest

from dml.algorithms.resumable import uploads
from dml.algorithms.resumable.events import UploadEnded
from dml.core.db import connect
from dml.core.ids import AlgorithmId, UploadId
from dml.core.settings import Settings
from dml.core.worker import WorkerParts
from dml.entrypoints.server import create_app
from tests.algorithms.offers import (
    GOOD,
    check,
    make_algorithm,
)
from tests.algorithms.uploading import (
    LEAST,
    MODEL,
    PART,
    announce,
    append,
    empty,
    how_far,
    in_quarantine,
    pieces,
    send_all,
    told,
)
from tests.inference.models import IMAGE_SPEC
from tests.world import Person, World, problem


@pytest.fixture
async def ada(world: World) -> Person:
    return await world.person("ada")


@pytest.fixture
async def path(ada: Person) -> str:
    return await make_algorithm(ada)


async def test_a_model_comes_in_parts_and_becomes_a_version_that_can_be_checked(
    world: World, ada: Person, path: str, worker_parts: WorkerParts, settings: Settings
) -> None:
    at = await announce(ada, path)
    begun = (await ada.get(at)).json()
    assert (begun["offset"], begun["size"], begun["direct"]) == (0, len(MODEL), None)
    for start in range(0, len(MODEL), 300_000):
        answer = await append(ada, at, start, MODEL[start : start + 300_000])
        assert answer.status_code == 200, answer.text
        assert answer.headers["upload-offset"] == str(answer.json()["offset"])
    head = await ada.ask("HEAD", at)
    assert (head.headers["upload-offset"], head.headers["upload-length"]) == 2 * (str(len(MODEL)),)
    assert head.headers["upload-complete"] == "?0"
    assert f"min-append-size={LEAST}" in head.headers["upload-limit"]

    made = await ada.post(f"{at}/complete")
    assert made.status_code == 201, made.text
    version = made.json()
    assert (version["sha256"], version["size"]) == (told()["sha256"], len(MODEL))
    assert made.headers["location"] == f"{path}/versions/{version['id']}"
    assert (await ada.post(f"{at}/complete")).json() == version
    done = (await ada.get(at)).json()
    assert (done["version_id"], done["offset"]) == (version["id"], len(MODEL))
    assert (await ada.ask("HEAD", at)).headers["upload-complete"] == "?1"
    assert (await ada.get(f"{made.headers['location']}/file")).content == MODEL
    assert (await check(world, ada, made.headers["location"]))["state"] == "refused"

    problem(await append(ada, at, len(MODEL), b""), 409, "algorithms.upload_completed")
    problem(await ada.ask("DELETE", at), 409, "algorithms.upload_completed")
    kinds = [it["type"] for it in await ada.events()]
    assert [it for it in kinds if it.startswith("upload.")] == [
        "upload.announced",
        "upload.completed",
    ]
    assert in_quarantine(settings, at)
    upload_id, algorithm_id = UploadId(UUID(done["id"])), AlgorithmId(UUID(done["algorithm_id"]))
    await empty(world, UploadEnded(upload_id, algorithm_id))
    assert not in_quarantine(settings, at)


async def test_a_small_good_model_passes_its_check(
    world: World, ada: Person, path: str, worker_parts: WorkerParts
) -> None:
    at = await announce(ada, path, model=GOOD)
    await send_all(ada, at, GOOD)
    version = (await ada.post(f"{at}/complete")).headers["location"]
    assert (await check(world, ada, version))["state"] == "checked"


async def test_any_process_goes_on_with_what_another_began(
    world: World, ada: Person, path: str, settings: Settings, database_url: str
) -> None:
    at = await announce(ada, path)
    assert (await append(ada, at, 0, MODEL[:LEAST])).status_code == 200
    app = create_app(settings, connect(database_url, name="test another api"))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client,
    ):
        other = Person(ada.id, ada.email, ada.token, client)
        assert await how_far(other, at) == LEAST
        assert (await append(other, at, LEAST, MODEL[LEAST:])).status_code == 200
    answer = await ada.post(f"{at}/complete")
    assert answer.json()["sha256"] == told()["sha256"]


async def test_one_request_is_cut_into_objects_of_a_bounded_size(
    ada: Person, path: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PART_BYTES", 300_000)
    at = await announce(ada, path)
    await send_all(ada, at)
    sizes = sorted(it.stat().st_size for it in in_quarantine(settings, at))
    # What is left of the last one is too little for an object of its own.
    assert sizes == [300_000, 300_000, len(MODEL) - 600_000]
    other = await announce(ada, path, input_spec=IMAGE_SPEC | {"scale": 2})
    answer = await append(ada, other, 0, pieces(MODEL))
    assert answer.json()["offset"] == len(MODEL)  # Whose end nobody told ahead.
    for it in (at, other):
        assert (await ada.post(f"{it}/complete")).status_code in (201, 429)


async def test_what_is_not_counted_is_never_read(
    world: World, ada: Person, path: str, settings: Settings
) -> None:
    """A process that is killed between an object and its row leaves the object."""
    at = await announce(ada, path)
    assert (await append(ada, at, 0, MODEL[:LEAST])).status_code == 200
    upload_id = UUID(at.rpartition("/")[2])

    async def lost() -> AsyncIterator[bytes]:
        yield b"never counted"

    await world.parts.blobs.quarantine.put(upload_id, f"{LEAST:015d}-0123456789abcdef", lost())
    assert await how_far(ada, at) == LEAST
    assert (await append(ada, at, LEAST, MODEL[LEAST:])).status_code == 200
    assert (await ada.post(f"{at}/complete")).json()["sha256"] == told()["sha256"]


@pytest.mark.parametrize(("came", "kept"), [(400_000, 400_000), (200_000, 0)])
async def test_a_line_that_breaks_keeps_what_came_if_it_was_enough(
    world: World, ada: Person, path: str, came: int, kept: int
) -> None:
    at, statuses = await announce(ada, path), []
    messages: list[Any] = [
        {"type": "http.request", "body": MODEL[:came], "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Any:
        return messages.pop(0)

    async def answer(message: Any) -> None:
        statuses.append(message.get("status"))

    headers = PART | {"upload-offset": "0", "authorization": f"Bearer {ada.token}"}
    scope = {
        "type": "http",
        "method": "PATCH",
        "path": at,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()]
        + [(b"transfer-encoding", b"chunked")],
    }
    await world.app(scope, receive, answer)
    assert statuses[0] == 422  # Nobody hears it; and it is no crash of ours.
    assert await how_far(ada, at) == kept
    assert (await append(ada, at, kept, MODEL[kept:])).status_code == 200
    assert (await ada.post(f"{at}/complete")).status_code == 201


async def test_a_part_begins_where_the_last_one_ended(ada: Person, path: str) -> None:
    at = await announce(ada, path)
    assert (await append(ada, at, 0, MODEL[:LEAST])).status_code == 200
    for wrong in (0, LEAST - 1, LEAST + 1, len(MODEL), 2**39):
        answer = await append(ada, at, wrong, MODEL[:LEAST])
        refused = problem(answer, 409, "algorithms.wrong_offset")
        assert (refused["offset"], answer.headers["upload-offset"]) == (LEAST, str(LEAST))
    for no_number in ("-1", "+1", "1.0", "0x10", "", "1_000", "９", "9" * 30):
        headers = PART | {"upload-offset": no_number}
        answer = await ada.ask(
            "PATCH", at, content=b"x", headers={n: v.encode() for n, v in headers.items()}
        )
        assert problem(answer, 422, "http.422")["errors"][0]["pointer"] == "/Upload-Offset"
    answer = await ada.ask("PATCH", at, content=b"x", headers=PART)
    assert problem(answer, 422, "http.422")["errors"][0]["pointer"] == "/Upload-Offset"
    assert await how_far(ada, at) == LEAST


async def test_of_two_at_once_the_one_that_began_later_goes_on(ada: Person, path: str) -> None:
    at, begun, go_on = await announce(ada, path), asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield MODEL[:LEAST]
        begun.set()
        await go_on.wait()
        yield MODEL[LEAST : 2 * LEAST]

    first = asyncio.create_task(append(ada, at, 0, slow()))
    await begun.wait()
    second = await append(ada, at, 0, MODEL[: LEAST + 7])
    assert second.json()["offset"] == LEAST + 7
    go_on.set()
    problem(await first, 409, "algorithms.upload_taken_over")
    assert (await append(ada, at, LEAST + 7, MODEL[LEAST + 7 :])).status_code == 200
    assert (await ada.post(f"{at}/complete")).json()["sha256"] == told()["sha256"]


@pytest.mark.parametrize(
    ("ends", "status", "code"),
    [
        ("DELETE", 404, "algorithms.upload_not_found"),
        ("complete", 409, "algorithms.upload_completed"),
    ],
)
async def test_what_comes_after_the_end_of_an_upload_is_told_so(
    ada: Person, path: str, ends: str, status: int, code: str
) -> None:
    at, begun, go_on = await announce(ada, path), asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield MODEL[:LEAST]
        begun.set()
        await go_on.wait()
        yield MODEL[LEAST : 2 * LEAST]

    sending = asyncio.create_task(append(ada, at, 0, slow()))
    await begun.wait()
    if ends == "DELETE":
        assert (await ada.ask("DELETE", at)).status_code == 204
    else:
        await send_all(ada, at)
        assert (await ada.post(f"{at}/complete")).status_code == 201
    go_on.set()
    problem(await sending, status, code)


@pytest.mark.parametrize(
    ("is_draft", "code"),
    [(False, "algorithms.upload_not_found"), (True, "algorithms.not_found")],
    ids=["upload", "draft"],
)
async def test_what_comes_while_its_quarantine_is_emptied_is_told_so(
    world: World,
    ada: Person,
    path: str,
    settings: Settings,
    worker_parts: WorkerParts,
    is_draft: bool,
    code: str,
) -> None:
    """The folder that a part is written to is gone before its end."""
    at, begun, go_on = await announce(ada, path), asyncio.Event(), asyncio.Event()
    upload_id, algorithm_id = at.rpartition("/")[2], path.rpartition("/")[2]

    async def slow() -> AsyncIterator[bytes]:
        yield MODEL[:LEAST]
        begun.set()
        await go_on.wait()
        yield MODEL[LEAST : 2 * LEAST]

    sending = asyncio.create_task(append(ada, at, 0, slow()))
    await begun.wait()
    for _ in range(1_000):
        if in_quarantine(settings, at):
            break
        await asyncio.sleep(0.01)
    assert (await ada.ask("DELETE", path if is_draft else at)).status_code == 204
    await empty(world, UploadEnded(UploadId(UUID(upload_id)), AlgorithmId(UUID(algorithm_id))))
    assert not in_quarantine(settings, at)
    go_on.set()
    problem(await sending, 404, code)


async def test_of_two_that_complete_at_once_both_get_the_same_version(
    ada: Person, path: str
) -> None:
    at = await announce(ada, path)
    await send_all(ada, at)
    first, second = await asyncio.gather(*(ada.post(f"{at}/complete") for _ in range(2)))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert len((await ada.get(f"{path}/versions")).json()["items"]) == 1


async def test_no_more_comes_than_was_announced(ada: Person, path: str, settings: Settings) -> None:
    at = await announce(ada, path)
    for body in (MODEL + b"x", pieces(MODEL + b"x")):
        refused = problem(await append(ada, at, 0, body), 413, "algorithms.upload_too_large")
        assert refused["size"] == len(MODEL)
    assert await how_far(ada, at) == 0
    assert not in_quarantine(settings, at)
    await send_all(ada, at)
    problem(await append(ada, at, len(MODEL), b"x"), 413, "algorithms.upload_too_large")
    assert (await append(ada, at, len(MODEL), b"")).status_code == 200


async def test_small_parts_are_refused_but_for_the_last(ada: Person, path: str) -> None:
    at = await announce(ada, path)
    for body in (MODEL[: LEAST - 1], pieces(MODEL[: LEAST - 1]), b"", pieces(b"")):
        answer = await append(ada, at, 0, body)
        assert problem(answer, 422, "algorithms.part_too_small")["least_bytes"] == LEAST
    assert await how_far(ada, at) == 0
    assert (await append(ada, at, 0, MODEL[:-1])).status_code == 200
    assert (await append(ada, at, len(MODEL) - 1, MODEL[-1:])).status_code == 200


@pytest.mark.parametrize("content_type", ["", "application/octet-stream", "application/json"])
async def test_another_type_of_body_is_refused(ada: Person, path: str, content_type: str) -> None:
    at = await announce(ada, path)
    headers = {"content-type": content_type, "upload-offset": "0"}
    answer = await ada.ask("PATCH", at, content=MODEL, headers=headers)
    problem(answer, 415, "http.415")
