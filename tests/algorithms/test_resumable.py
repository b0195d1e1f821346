"""Models that come in parts: by offset, through any process, and never more than was announced."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import Request
from sqlalchemy import select, text, update

from dml.algorithms.resumable import processes, rules, service, uploads
from dml.algorithms.resumable.events import UploadEnded
from dml.algorithms.resumable.models import Upload
from dml.core.context import SYSTEM, Context
from dml.core.db import connect
from dml.core.ids import AlgorithmId, UploadId, new_id
from dml.core.settings import Settings
from dml.core.worker import WorkerParts
from dml.edge.bodies import BODY, Body
from dml.entrypoints import collector
from dml.entrypoints.server import create_app
from tests.algorithms.offers import (
    GOOD,
    accept_agreement,
    check,
    make_algorithm,
    upload as upload_at_once,
)
from tests.inference.models import IMAGE_SPEC
from tests.world import Person, World, problem

MODEL = GOOD + bytes(range(256)) * 4_000  # A megabyte, of which 256 KiB are the least part.
LEAST = 256 * 1024
PART = {"content-type": "application/partial-upload"}


@pytest.fixture
async def ada(world: World) -> Person:
    return await world.person("ada")


@pytest.fixture
async def path(ada: Person) -> str:
    return await make_algorithm(ada)


def told(model: bytes = MODEL, **changes: Any) -> dict[str, Any]:
    """What a client says of a model before it comes."""
    about = {"sha256": hashlib.sha256(model).hexdigest(), "size": len(model)}
    return about | {"input_spec": IMAGE_SPEC} | changes


async def announce(person: Person, path: str, **changes: Any) -> str:
    """Announce a model; the answer is the path of its upload."""
    answer = await person.post(f"{path}/uploads", told(**changes))
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


async def append(person: Person, at: str, offset: Any, content: Any) -> httpx2.Response:
    headers = PART | {"upload-offset": str(offset)}
    return await person.ask("PATCH", at, content=content, headers=headers)


async def send_all(person: Person, at: str, model: bytes = MODEL) -> None:
    answer = await append(person, at, 0, model)
    assert answer.status_code == 200, answer.text


async def how_far(person: Person, at: str) -> int:
    found: int = (await person.get(at)).json()["offset"]
    return found


def in_store(settings: Settings) -> set[Path]:
    """All files that the blob store holds, finished or not."""
    return {it for it in (settings.home / "blobs").rglob("*") if it.is_file()}


def in_quarantine(settings: Settings, at: str) -> set[Path]:
    return {*(settings.home / "blobs" / "quarantine" / at.rpartition("/")[2]).glob("*")}


async def pieces(content: bytes, then: Callable[[], None] | None = None) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 50_000):
        yield content[start : start + 50_000]
    if then is not None:
        then()


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


async def empty(world: World, event: UploadEnded) -> None:
    async with world.parts.sessions.begin() as tx:
        await processes.empty_quarantine(Context(tx, SYSTEM, datetime.now(UTC)), event)


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


async def test_what_is_not_as_announced_ends_and_nothing_of_it_is_kept(
    world: World, ada: Person, path: str, worker_parts: WorkerParts, settings: Settings
) -> None:
    before = in_store(settings)
    at = await announce(ada, path, sha256="0" * 64)
    problem(await ada.post(f"{at}/complete"), 409, "algorithms.upload_incomplete")
    await send_all(ada, at)
    refused = problem(await ada.post(f"{at}/complete"), 422, "algorithms.upload_differs")
    assert (refused["size"], refused["sha256"]) == (len(MODEL), told()["sha256"])
    problem(await ada.get(at), 404, "algorithms.upload_not_found")
    problem(await ada.post(f"{at}/complete"), 404, "algorithms.upload_not_found")
    assert (await ada.get(f"{path}/versions")).json()["items"] == []
    (ended,) = [it for it in await ada.events() if it["type"] == "upload.ended"]
    assert "not the model that was announced" in ended["reason"]
    await empty(world, UploadEnded(UploadId(UUID(at.rpartition("/")[2])), AlgorithmId(new_id())))
    assert in_store(settings) == before


async def test_what_is_lost_of_an_upload_ends_it(
    ada: Person, path: str, settings: Settings
) -> None:
    at = await announce(ada, path)
    await send_all(ada, at)
    for it in in_quarantine(settings, at):
        it.unlink()
    problem(await ada.post(f"{at}/complete"), 410, "algorithms.upload_lost")
    problem(await ada.get(at), 404, "algorithms.upload_not_found")


async def test_an_upload_that_is_given_up_frees_its_room(ada: Person, path: str) -> None:
    at = await announce(ada, path)
    assert [it["id"] for it in (await ada.get(f"{path}/uploads")).json()["items"]] == [
        at.rpartition("/")[2]
    ]
    assert (await ada.ask("DELETE", at)).status_code == 204
    problem(await ada.get(at), 404, "algorithms.upload_not_found")
    problem(await ada.ask("DELETE", at), 404, "algorithms.upload_not_found")
    assert (await ada.get(f"{path}/uploads")).json()["items"] == []


async def test_announced_bytes_count_until_the_upload_is_over(
    world: World, ada: Person, path: str, settings: Settings
) -> None:
    own = settings.model_copy(update={"files_of_one_user_bytes": 2 * len(MODEL)})
    before, world.app.state.quota = world.parts.quota, collector.make_quota(own)
    try:
        first = await announce(ada, path)
        # The same file by its hash, and yet it is kept twice.
        second = await announce(ada, path)
        body = told(sha256="1" * 64, size=1)
        refused = problem(await ada.post(f"{path}/uploads", body), 409, "core.files_full")
        assert refused["used_bytes"] == 2 * len(MODEL)
        assert {it["path"] for it in refused["may_be_deleted"]} == {first, second}
        assert (await ada.ask("DELETE", second)).status_code == 204
        third = await announce(ada, path, sha256="1" * 64, size=1)
        await send_all(ada, first)
        assert (await ada.post(f"{first}/complete")).status_code == 201
        await expire(world, third)
        assert await forget_expired(world) >= 1
        assert (await announce(ada, path, sha256="2" * 64)).startswith(path)
    finally:
        world.app.state.quota = before


async def expire(world: World, at: str) -> None:
    async with world.parts.sessions.begin() as tx:
        which = Upload.id == UUID(at.rpartition("/")[2])
        await tx.execute(update(Upload).where(which).values(expires_at=datetime.now(UTC)))


async def forget_expired(world: World) -> int:
    async with world.parts.sessions.begin() as tx:
        return await service.forget_expired(tx, datetime.now(UTC))


async def test_what_is_never_completed_is_given_up_and_a_part_puts_that_off(
    world: World, ada: Person, path: str, settings: Settings
) -> None:
    at = await announce(ada, path)
    soon = datetime.now(UTC) + timedelta(minutes=5)
    async with world.parts.sessions.begin() as tx:
        which = Upload.id == UUID(at.rpartition("/")[2])
        await tx.execute(update(Upload).where(which).values(expires_at=soon))
    shown = (await append(ada, at, 0, MODEL[:LEAST])).json()
    waits = datetime.fromisoformat(shown["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=23) < waits <= timedelta(hours=settings.upload_hours)
    await expire(world, at)
    for answer in (
        await ada.get(at),
        await append(ada, at, LEAST, MODEL[LEAST:]),
        await ada.post(f"{at}/complete"),
    ):
        problem(answer, 404, "algorithms.upload_not_found")
    assert (await ada.get(f"{path}/uploads")).json()["items"] == []
    assert await forget_expired(world) >= 1
    (ended,) = [it for it in await ada.events() if it["type"] == "upload.ended"]
    assert "too long" in ended["reason"]
    assert in_quarantine(settings, at)  # As if a worker had not come to it.
    await collector.empty_quarantine(world.parts.sessions, world.parts.blobs)
    assert not in_quarantine(settings, at)


async def test_the_collector_leaves_what_is_under_way(
    world: World, ada: Person, path: str, settings: Settings
) -> None:
    at = await announce(ada, path)
    assert (await append(ada, at, 0, MODEL[:LEAST])).status_code == 200
    await collector.collect(world.parts.sessions, world.parts.blobs, settings, datetime.now(UTC))
    assert (await append(ada, at, LEAST, MODEL[LEAST:])).status_code == 200
    assert (await ada.post(f"{at}/complete")).status_code == 201


async def test_a_developer_has_so_many_under_way(world: World, ada: Person, path: str) -> None:
    most = world.parts.settings.uploads_under_way
    made = [await announce(ada, path, size=1) for _ in range(most)]
    body = told(size=1)
    refused = problem(await ada.post(f"{path}/uploads", body), 409, "algorithms.uploads_under_way")
    assert refused["uploads"] == made
    other = await make_algorithm(ada)
    answer = await ada.post(f"{other}/uploads", body)
    problem(answer, 409, "algorithms.uploads_under_way")
    assert (await ada.ask("DELETE", made[0])).status_code == 204
    assert (await ada.post(f"{other}/uploads", body)).status_code == 201


async def test_what_is_a_version_already_need_not_come(ada: Person, path: str) -> None:
    version = await upload_at_once(ada, path)
    answer = await ada.post(f"{path}/uploads", told(GOOD))
    refused = problem(answer, 409, "algorithms.already_uploaded")
    assert version.endswith(refused["version_id"])


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"size": 0}, 422, "http.422"),
        ({"size": -1}, 422, "http.422"),
        ({"size": 1.5}, 422, "http.422"),
        ({"size": "7"}, 422, "http.422"),
        ({"size": 2**62}, 422, "http.422"),
        ({"size": 2_000_001}, 413, "algorithms.file_too_large"),
        ({"sha256": "0" * 63}, 422, "http.422"),
        ({"sha256": "G" * 64}, 422, "http.422"),
        ({"sha256": "A" * 64}, 422, "http.422"),
        ({"sha256": None}, 422, "http.422"),
        ({"input_spec": {}}, 422, "http.422"),
        ({"input_spec": IMAGE_SPEC | {"width": 10**9}}, 422, "http.422"),
        ({"name": "../../etc/passwd"}, 422, "http.422"),
    ],
    ids=lambda it: str(it)[:30],
)
async def test_what_announces_no_model_is_refused(
    ada: Person, path: str, wrong: dict[str, Any], status: int, code: str
) -> None:
    problem(await ada.post(f"{path}/uploads", told() | wrong), status, code)
    assert (await ada.get(f"{path}/uploads")).json()["items"] == []


async def test_an_announcement_that_is_sent_again_is_one(ada: Person, path: str) -> None:
    headers = {"Idempotency-Key": str(new_id())}
    first, again = [await ada.post(f"{path}/uploads", told(), headers=headers) for _ in range(2)]
    assert first.json()["id"] == again.json()["id"]


async def test_uploads_are_their_developers_alone(world: World, ada: Person, path: str) -> None:
    at = await announce(ada, path)
    eve = await world.person("eve")
    await accept_agreement(eve)
    for is_listed in (False, True):
        if is_listed:
            async with world.parts.sessions.begin() as tx:  # As an approval would.
                listing = text("UPDATE algorithms SET state = 'listed' WHERE id = :id")
                await tx.execute(listing, {"id": path.rsplit("/", 1)[1]})
        code = "algorithms.upload_not_found" if is_listed else "algorithms.not_found"
        for answer in (
            await eve.get(at),
            await append(eve, at, 0, MODEL),
            await eve.post(f"{at}/complete"),
            await eve.ask("DELETE", at),
        ):
            problem(answer, 404, code)
    problem(await eve.get(f"{path}/uploads"), 403, "algorithms.not_developer")
    problem(await eve.post(f"{path}/uploads", told()), 403, "algorithms.not_developer")
    other = await make_algorithm(ada)
    elsewhere = at.replace(path, other)
    problem(await ada.get(elsewhere), 404, "algorithms.upload_not_found")
    nobody = await world.client.patch(at, content=MODEL, headers=PART | {"upload-offset": "0"})
    problem(nobody, 401, "core.not_signed_in")
    assert await how_far(ada, at) == 0


async def test_an_archived_algorithm_takes_nothing_and_a_deleted_draft_leaves_nothing(
    world: World, ada: Person, path: str
) -> None:
    at = await announce(ada, path)
    await send_all(ada, at)
    draft = await make_algorithm(ada)
    of_draft = await announce(ada, draft)
    assert (await ada.post(f"{path}/archive")).status_code == 200
    problem(await ada.post(f"{at}/complete"), 409, "algorithms.archived")
    problem(await ada.post(f"{path}/uploads", told()), 409, "algorithms.archived")
    assert (await ada.ask("DELETE", draft)).status_code == 204
    async with world.parts.sessions() as tx:
        left = await tx.scalar(
            select(Upload.id).where(Upload.id == UUID(of_draft.rpartition("/")[2]))
        )
    assert left is None
    assert "upload.ended" in [it["type"] for it in await ada.events()]


async def test_who_has_not_accepted_the_agreement_announces_nothing(world: World) -> None:
    bob = await world.person("bob")
    path = await make_algorithm(bob)
    async with world.parts.sessions.begin() as tx:
        mine = {"id": bob.id}
        await tx.execute(text("DELETE FROM agreement_acceptances WHERE user_id = :id"), mine)
    answer = await bob.post(f"{path}/uploads", told())
    assert answer.json()["code"].endswith("agreement_needed"), answer.text
    assert (await bob.get(f"{path}/uploads")).json()["items"] == []


async def test_a_large_part_takes_little_memory(tmp_path: Path) -> None:
    """What holds it are the store's own pieces, and one of the server's."""
    size, left = 64 << 20, [64 << 20]

    async def receive() -> Any:
        left[0] -= 1 << 16
        return {"type": "http.request", "body": bytes(1 << 16), "more_body": left[0] > 0}

    scope = {"type": "http", "headers": [], BODY: Body(limit=size, declared=size)}
    body = uploads._Body(Request(scope, receive), size=size, offset=0)
    most = 0
    while await body.has_more():
        begun = body.offset
        async for piece in body.part():
            most = max(most, len(piece))
        assert body.offset - begun <= rules.PART_BYTES
    assert (body.offset, most) == (size, 1 << 16)
