"""An ended job's assignments and results move into files: nothing is lost, doubled or unproven."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import cast
from uuid import UUID

import httpx2
import pytest
from pyarrow import parquet as arrow
from pydantic import SecretStr
from sqlalchemy import func, select, text

from dml.core.blobs import Blobs
from dml.core.context import SYSTEM, Context
from dml.core.db import connect
from dml.core.ids import new_id
from dml.core.settings import Settings
from dml.entrypoints.server import create_app
from dml.inference.counts import Counts
from dml.jobs import counting
from dml.jobs.archive import parquet, queries, reading, service as archive_service
from dml.jobs.archive.models import ArchivedAssignment, JobArchive
from dml.jobs.archive.service import NOBODY_YET, NotOver, move, take
from dml.jobs.models import Assignment, Job, JobState, Result
from dml.jobs.rules import ArchiveUnreadable
from tests.devices.factories import TestDevice
from tests.jobs.factories import (
    Ordered,
    claim_of,
    fold,
    hand_in,
    make_device,
    make_job,
    result,
    settle,
    sweep,
    work,
)
from tests.world import World, problem


@asynccontextmanager
async def a_marketplace(settings: Settings, url: str) -> AsyncIterator[World]:
    """A marketplace with a database of its own."""
    own = settings.model_copy(update={"database_url": SecretStr(url)})
    app = create_app(own, connect(url, name="test archiving"))
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield World(app, client)


@pytest.fixture(scope="module")
async def apart(settings: Settings, module_database: str) -> AsyncIterator[World]:
    async with a_marketplace(settings, module_database) as world:
        yield world


async def make_ended(world: World, devices: int = 7) -> tuple[Ordered, list[TestDevice]]:
    """A job that completed with `result()` of each of these devices."""
    job = await make_job(world, max_devices=devices)
    made = await work(world, job, devices)
    await fold(world)
    assert await settle(world, job, JobState.COMPLETED) == "settled"
    return job, made


async def archive(world: World, job: Ordered, limit: int = 3) -> int:
    return await archive_service.archive(
        world.parts.sessions, world.parts.blobs, job.id, limit=limit
    )


async def files_of(world: World, job: Ordered) -> list[JobArchive]:
    async with world.parts.sessions() as tx:
        query = select(JobArchive).where(JobArchive.job_id == job.id).order_by(JobArchive.number)
        return list((await tx.scalars(query)).all())


async def at_hand(world: World, job: Ordered) -> int:
    async with world.parts.sessions() as tx:
        query = select(func.count()).where(Assignment.job_id == job.id)
        return (await tx.scalars(query)).one()


async def test_an_ended_job_moves_into_files_and_its_customer_sees_no_difference(
    world: World,
) -> None:
    job, _ = await make_ended(world)
    before = [
        await job.get(),
        await job.results(),
        (await job.customer.get(job.path + "/timeline")).json(),
    ]
    assert await archive(world, job) == 3
    after = [
        await job.get(),
        await job.results(),
        (await job.customer.get(job.path + "/timeline")).json(),
    ]
    assert before == after
    assert await at_hand(world, job) == 0
    files = await files_of(world, job)
    assert [(it.assignments, it.results, it.items) for it in files] == [
        (3, 3, 12),
        (3, 3, 12),
        (1, 1, 4),
    ]
    async with world.parts.sessions() as tx:
        assert (await tx.get_one(Job, job.id)).archived_at is not None
    assert await archive(world, job) == 0


async def test_any_reader_of_parquet_finds_all_that_was_in_the_tables(world: World) -> None:
    job, devices = await make_ended(world, 5)
    async with world.parts.sessions() as tx:
        query = (
            select(Assignment, Result)
            .join(Result, Result.assignment_id == Assignment.id)
            .where(Assignment.job_id == job.id)
            .order_by(Assignment.id)
        )
        rows = [(it, its) for it, its in await tx.execute(query)]
    assert await archive(world, job, limit=100) == 1
    (file,) = await files_of(world, job)
    content = await world.parts.blobs.get(file.sha256)
    assert hashlib.sha256(content).hexdigest() == file.sha256
    read = arrow.read_table(BytesIO(content)).to_pylist()
    assert read == [
        {
            "id": it.id,
            "device_id": it.device_id,
            "owner_id": it.owner_id,
            "state": "accepted",
            "tries": 1,
            "created_at": it.created_at,
            "fold_id": it.fold_id,
            "received_at": its.received_at,
            "body": counting.canonical(cast(Counts, result())),
        }
        for it, its in rows
    ]
    assert {it["device_id"] for it in read} == {UUID(str(it.id)) for it in devices}
    facts = arrow.read_metadata(BytesIO(content)).metadata
    assert facts == {b"dml.job_id": str(job.id).encode(), b"dml.number": b"1"}


async def test_the_owner_still_sees_exactly_what_left_and_what_it_earned(world: World) -> None:
    job, devices = await make_ended(world)
    device = devices[3]
    path = f"/v1/devices/{device.id}"
    before = [(await device.owner.get(f"{path}/{it}")).json() for it in ("work", "earnings")]
    own = (await device.get("/v1/devices/self/work")).json()
    assert before[0] == own
    assert own["items"][0]["result"] == result()
    await archive(world, job)
    after = [(await device.owner.get(f"{path}/{it}")).json() for it in ("work", "earnings")]
    assert after == before
    assert (await device.get("/v1/devices/self/work")).json() == own
    assert (await device.get("/v1/devices/self/earnings")).json() == after[1]
    stranger = await world.person()
    problem(await stranger.get(f"{path}/work"), 404, "devices.device_not_found")
    problem(await world.client.get(f"{path}/work"), 401, "core.not_signed_in")


async def test_pages_of_work_run_on_from_the_tables_into_the_archives(world: World) -> None:
    device = await make_device(world)
    jobs = []
    for _ in range(4):
        jobs.append(job := await make_job(world, countries=[], max_devices=5))
        (lease,) = await claim_of(device, job)
        assert (await hand_in(device, lease)).status_code == 200
        await fold(world)
        assert await settle(world, job, JobState.CANCELLED) == "settled"
    path = f"/v1/devices/{device.id}/work?limit=1"
    for archived in (jobs[2], jobs[0]):
        await archive(world, archived)
    seen, cursor = [], ""
    while True:
        page = (await device.owner.get(path + cursor)).json()
        seen += [(it["job_id"], it["result"], it["earned"]) for it in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [(str(job.id), result(), "0.1") for job in reversed(jobs)]


async def test_a_device_that_never_saw_its_answer_gets_it_from_the_archive(world: World) -> None:
    job = await make_job(world, max_devices=5)
    device, gone = await make_device(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    (given_back,) = await claim_of(gone, job)
    assert (await hand_in(device, lease)).status_code == 200
    assert (await gone.post(f"/v1/assignments/{given_back['id']}/release")).status_code == 204
    await fold(world)
    assert await settle(world, job, JobState.CANCELLED) == "settled"

    async def answers() -> list[tuple[int, str]]:
        path, other = f"/v1/assignments/{lease['id']}", f"/v1/assignments/{given_back['id']}"
        got = [
            await hand_in(device, lease),
            await hand_in(device, lease, result(cat=3)),
            await hand_in(device, lease, result() | {"items": 9}),
            await hand_in(gone, given_back),
            await hand_in(gone, lease),
            *[await device.post(f"{path}/{verb}") for verb in ("heartbeat", "release")],
            *[await gone.post(f"{other}/{verb}") for verb in ("heartbeat", "release")],
            await device.get(f"{path}/model"),
            await gone.get(f"{path}/model"),
        ]
        return [(it.status_code, it.text and it.json().get("code", "")) for it in got]

    before = await answers()
    assert [it for it, _ in before] == [200, 409, 422, 409, 404, 409, 409, 409, 204, 409, 404]
    assert await archive(world, job) == 1
    assert await answers() == before


async def test_what_was_given_back_or_ran_out_is_archived_without_a_body(world: World) -> None:
    job = await make_job(world, max_devices=6)
    await work(world, job, 2)
    device = await make_device(world)
    (lease,) = await claim_of(device, job)
    async with world.parts.sessions.begin() as tx:
        await tx.execute(
            text("UPDATE assignments SET lease_expires_at = now() WHERE id = :id"), lease
        )
    assert await sweep(world) >= 1
    await fold(world)
    assert await settle(world, job, JobState.CANCELLED) == "settled"
    assert await archive(world, job, limit=100) == 1
    (file,) = await files_of(world, job)
    assert (file.assignments, file.results) == (3, 2)
    unpacked = parquet.unpack(await world.parts.blobs.get(file.sha256))
    (expired,) = [it for it in unpacked.rows if it.state == "expired"]
    assert (str(expired.id), expired.body, expired.fold_id) == (lease["id"], None, None)
    (shown,) = (await device.owner.get(f"/v1/devices/{device.id}/work")).json()["items"]
    assert (shown["state"], shown["result"], shown["paid"]) == ("expired", None, False)


async def test_hashes_are_shown_to_the_customer_and_to_nobody_else(world: World) -> None:
    job, _ = await make_ended(world, 5)
    assert (await job.customer.get(f"{job.path}/archives")).json()["items"] == []
    await archive(world, job, limit=2)
    first = (await job.customer.get(f"{job.path}/archives?limit=2")).json()
    cursor = first["next_cursor"]
    rest = (await job.customer.get(f"{job.path}/archives?cursor={cursor}")).json()
    shown = first["items"] + rest["items"]
    assert [it["number"] for it in shown] == [1, 2, 3]
    chain = "00" * 32
    for it in shown:
        assert set(it) == {"number", "sha256", "chain", "created_at"}
        chain = hashlib.sha256(bytes.fromhex(chain + it["sha256"])).hexdigest()
        assert it["chain"] == chain
    stranger = await world.person()
    problem(await stranger.get(f"{job.path}/archives"), 404, "jobs.not_found")


async def test_the_same_rows_give_the_same_bytes(world: World) -> None:
    job, _ = await make_ended(world, 5)
    made = set()
    for _ in range(2):
        async with world.parts.sessions() as tx:
            batch = await take(tx, job.id, first=NOBODY_YET, limit=3)
        made.add(parquet.pack(batch.rows, batch.facts).content)
    assert len(made) == 1


async def test_only_what_ended_long_enough_ago_is_due(apart: World) -> None:
    still_open = await make_job(apart)
    ended = [(await make_ended(apart, 5))[0] for _ in range(2)]
    now = datetime.now(UTC)
    async with apart.parts.sessions() as tx:
        due = await queries.list_to_archive(tx, now, keep=timedelta(0))
        assert [str(it) for it in due] == [str(it.id) for it in ended]
        assert await queries.list_to_archive(tx, now, keep=timedelta(hours=1)) == []
        later = now + timedelta(hours=1)
        assert len(await queries.list_to_archive(tx, later, keep=timedelta(hours=1))) == 2
    await archive(apart, ended[0])
    async with apart.parts.sessions() as tx:
        (due_still,) = await queries.list_to_archive(tx, now, keep=timedelta(0))
    assert str(due_still) == str(ended[1].id)
    with pytest.raises(NotOver, match="is open"):
        await archive(apart, still_open)


async def test_a_job_with_work_under_way_stays_whole(world: World) -> None:
    job, _ = await make_ended(world, 5)
    async with world.parts.sessions.begin() as tx:
        one = "id IN (SELECT id FROM assignments WHERE job_id = :id LIMIT 1)"
        await tx.execute(text(f"UPDATE assignments SET fold_id = NULL WHERE {one}"), {"id": job.id})
    with pytest.raises(NotOver, match="of 5 assignments 4 are over"):
        await archive(world, job, limit=100)
    assert await at_hand(world, job) == 5
    assert await files_of(world, job) == []


async def test_a_file_that_is_away_or_changed_is_said_so(world: World) -> None:
    job, devices = await make_ended(world, 5)
    await archive(world, job, limit=100)
    (file,) = await files_of(world, job)
    path = world.parts.settings.home / "blobs" / "sha256" / file.sha256[:2] / file.sha256
    whole = path.read_bytes()
    ask = f"/v1/devices/{devices[0].id}/work"
    start, end = file.pages[:2]
    page = whole[start:end]
    for wrong in (whole[:start] + bytes(end - start) + whole[end:], None):
        path.unlink()
        if wrong is not None:
            path.write_bytes(wrong)
        problem(await devices[0].owner.get(ask), 503, "jobs.archive_unreadable")
        path.write_bytes(whole)
    assert (await devices[0].owner.get(ask)).json()["items"][0]["result"] == result()
    with pytest.raises(ArchiveUnreadable):
        reading.find_body(page, bytes(32))


def test_a_page_is_cut_by_its_bytes_and_never_by_a_body() -> None:
    now = datetime.now(UTC)
    sizes = [1, 0, 200_000, 100_000, 28_000, 4_000, 1]
    rows = [
        parquet.Row(
            id=new_id(),
            device_id=new_id(),
            owner_id=new_id(),
            state="accepted" if size else "expired",
            tries=1,
            created_at=now,
            fold_id=None,
            received_at=now if size else None,
            body=bytes([65 + size % 26]) * size or None,
        )
        for size in sizes
    ]
    packed = parquet.pack(rows, {"a": "b"})
    assert packed.page_of == [0, 0, 1, 2, 2, 3, 3]
    assert parquet.unpack(packed.content) == parquet.Unpacked({"a": "b"}, rows)
    found = [
        list(reading.bodies(packed.content[packed.pages[at] : packed.pages[at + 1]]))
        for at in range(0, len(packed.pages), 2)
    ]
    bodies = [it.body for it in rows]
    assert found == [bodies[:1], bodies[2:3], bodies[3:5], bodies[5:]]


async def test_claims_of_other_jobs_do_not_wait_while_a_batch_moves(world: World) -> None:
    ended, _ = await make_ended(world, 5)
    job, device = await make_job(world), await make_device(world)
    async with world.parts.sessions() as tx:
        batch = await take(tx, ended.id, first=NOBODY_YET, limit=3)
    packed = parquet.pack(batch.rows, batch.facts)
    stored = await world.parts.blobs.keep(packed.content)
    async with world.parts.sessions.begin() as tx:
        await move(Context(tx, SYSTEM, datetime.now(UTC)), batch, packed, stored)
        (lease,) = await claim_of(device, job)
        assert (await hand_in(device, lease)).status_code == 200
        assert await fold(world) >= 1
    assert await at_hand(world, ended) == 2


async def test_two_that_archive_at_once_move_each_row_once(world: World) -> None:
    job, _ = await make_ended(world, 5)
    async with world.parts.sessions() as tx:
        batch = await take(tx, job.id, first=NOBODY_YET, limit=3)
    packed = parquet.pack(batch.rows, batch.facts)
    stored = await world.parts.blobs.keep(packed.content)
    for expected in (None, NotOver):
        async with world.parts.sessions() as tx:
            moving = move(Context(tx, SYSTEM, datetime.now(UTC)), batch, packed, stored)
            if expected is None:
                await moving
                await tx.commit()
            else:
                with pytest.raises(expected):
                    await moving
    assert len(await files_of(world, job)) == 1
    async with world.parts.sessions() as tx:
        query = select(func.count()).where(
            ArchivedAssignment.archive_id.in_(
                select(JobArchive.id).where(JobArchive.job_id == job.id)
            )
        )
        assert await tx.scalar(query) == 3


async def test_bytes_are_kept_under_their_hash_again_and_again(tmp_path: Path) -> None:
    blobs, content = Blobs.in_folder(tmp_path / "blobs"), b"what is to stay"
    for _ in range(2):
        stored = await blobs.keep(content)
        assert (stored.sha256, stored.size) == (hashlib.sha256(content).hexdigest(), 15)
    assert await blobs.get(stored.sha256) == content
    assert await blobs.get_range(stored.sha256, 5, 7) == b"is"
    with pytest.raises(FileNotFoundError):
        await blobs.get_range("00" * 32, 0, 1)
