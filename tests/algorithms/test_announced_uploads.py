"""What is announced to come in parts: whose it is, what room it takes, and how it ends."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi import Request
from sqlalchemy import select, text, update

from dml.algorithms.resumable import rules, service, uploads
from dml.algorithms.resumable.events import UploadEnded
from dml.algorithms.resumable.models import Upload
from dml.core.ids import AlgorithmId, UploadId, new_id
from dml.core.settings import Settings
from dml.core.worker import WorkerParts
from dml.edge.bodies import BODY, Body
from dml.entrypoints import collector
from tests.algorithms.offers import (
    GOOD,
    accept_agreement,
    make_algorithm,
    upload as upload_at_once,
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
    in_store,
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
