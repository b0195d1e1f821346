"""A healthy marketplace, and what `dml doctor` says of it when one thing is made wrong.

Each wrong is made in a transaction that ends with its test, constraints that forbid it included.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from dml.core import nodes
from dml.core.checks import look
from dml.core.db import connect
from dml.core.settings import Settings
from dml.entrypoints import doctor
from dml.entrypoints.server import create_app
from dml.jobs.archive import service as archive_service
from dml.jobs.models import JobState
from dml.refused import ExitCode
from tests.entrypoints.bounty_wrongs import build_bounties
from tests.entrypoints.chain_wrongs import build_chain
from tests.entrypoints.complaints import KEPT, LATE, SUM, WAITS
from tests.entrypoints.wrongs import NO_CONSTRAINTS, WRONGS
from tests.jobs.factories import (
    Ordered,
    claim_of,
    fold,
    hand_in,
    make_device,
    make_job,
    settle,
    work,
)
from tests.world import World


@dataclass(frozen=True)
class Marketplace:
    """One with a job in each state, and work in each state of one of them."""

    url: str
    engine: AsyncEngine
    names: dict[str, Any]  # What a wrong may name in its SQL.


@pytest.fixture(scope="module")
async def marketplace(settings: Settings, module_database: str) -> AsyncIterator[Marketplace]:
    url = module_database
    own = settings.model_copy(update={"database_url": SecretStr(url)})
    engine = connect(url, name="test doctor")
    app = create_app(own, engine)
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        names = await build(World(app, client))
        yield Marketplace(url, engine, names)


async def build(world: World) -> dict[str, Any]:
    done = await make_job(world, max_devices=7)
    await work(world, done, 7)
    await fold(world)
    assert await settle(world, done, JobState.COMPLETED) == "settled"
    path = f"/v1/algorithms/{(await done.get())['algorithm_id']}"
    rated = await done.customer.ask("PUT", f"{path}/rating", json={"stars": 5})
    published = await done.customer.post(f"{done.path}/publish")
    assert (rated.status_code, published.status_code) == (200, 200), rated.text
    cancelled = await make_job(world, max_devices=7)
    await work(world, cancelled, 6)
    await fold(world)
    assert await settle(world, cancelled, JobState.CANCELLED) == "settled"
    archived = await make_job(world, max_devices=7)
    its_devices = await work(world, archived, 7)
    await fold(world)
    assert await settle(world, archived, JobState.COMPLETED) == "settled"
    await archive_service.archive(world.parts.sessions, world.parts.blobs, archived.id, limit=4)
    noisy = await make_job(world, max_devices=20, answers="noisy", epsilon=1, max_items=4)
    noisy_devices = await work(world, noisy, 5)
    await fold(world)
    await claim_of(await make_device(world), noisy)
    paused = await make_job(world, max_devices=40)
    assert (await paused.customer.post(f"{paused.path}/pause")).status_code == 200

    at_work = await make_job(world, max_devices=70, max_devices_per_owner=2)
    devices = await work(world, at_work, 6)
    await _work(world, at_work, devices[0].owner)  # The second of this owner.
    await fold(world)
    await work(world, at_work, 2)  # They wait in the inbox.
    leased = await make_device(world)
    (lease,) = await claim_of(leased, at_work)
    released = await make_device(world)
    (given_back,) = await claim_of(released, at_work)
    answer = await released.post(f"/v1/assignments/{given_back['id']}/release")
    assert answer.status_code == 204
    async with world.parts.sessions.begin() as tx:
        await nodes.renew(tx, "worker-1", "worker", {})
    return {
        **await build_bounties(world),
        **await build_chain(world),
        "done": done.id,
        "cancelled": cancelled.id,
        "archived": archived.id,
        "archived_device": its_devices[0].id,
        "archived_owner": its_devices[0].owner.id,
        "paused": paused.id,
        "noisy": noisy.id,
        "noisy_owner": noisy_devices[0].owner.id,
        "open": at_work.id,
        "leased": lease["id"],
        "released": given_back["id"],
        "device": devices[1].id,
        "owner": devices[1].owner.id,
        "customer": at_work.customer.id,
    }


async def _work(world: World, job: Ordered, owner: Any) -> None:
    device = await make_device(world, owner)
    (lease,) = await claim_of(device, job)
    assert (await hand_in(device, lease)).status_code == 200


async def spoil(tx: AsyncSession, wrong: str) -> None:
    for change in NO_CONSTRAINTS.values():
        await tx.execute(text(f"ALTER TABLE {change}"))
    await tx.execute(text("UPDATE nodes SET seen_at = now()"))
    # However long these tests take, what waits for a worker has come just now.
    waiting = "SELECT assignment_id FROM result_inbox"
    fresh = f"UPDATE results SET received_at = now() WHERE assignment_id IN ({waiting})"
    await tx.execute(text(fresh))
    handed_on = "UPDATE webhook_fanout SET number = (SELECT max(number) FROM events)"
    await tx.execute(text(handed_on))
    for statement in wrong.split(";"):
        await tx.execute(text(statement))


async def test_a_healthy_marketplace_is_content(marketplace: Marketplace) -> None:
    assert (await doctor.examine(marketplace.url)).complaints == []
    async with AsyncSession(marketplace.engine) as tx:
        await spoil(tx, "SELECT 1")
        assert await look(tx, doctor.ALL_CHECKS) == []


@pytest.mark.parametrize(("wrong", "checks", "says"), WRONGS)
async def test_what_is_wrong_is_said_and_nothing_else(
    marketplace: Marketplace, wrong: str, checks: list[str], says: str
) -> None:
    async with AsyncSession(marketplace.engine) as tx:
        payer = await tx.scalar(
            text("SELECT customer_id FROM jobs WHERE id = :id"), {"id": marketplace.names["done"]}
        )
        names = {**marketplace.names, "payer": payer}
        await spoil(tx, wrong.format(**names))
        told = await look(tx, doctor.ALL_CHECKS)
        assert [it.split(": ")[0] for it in told] == checks, told
        assert says.format(**names) in told[0], told


def test_every_check_has_found_something() -> None:
    found = {check.removesuffix(", perhaps") for _, checks, _ in WRONGS for check in checks}
    assert found == {it.wrong for it in doctor.ALL_CHECKS}


async def test_a_worker_that_collects_or_began_just_now_is_well(marketplace: Marketplace) -> None:
    long_ago, now = "now() - interval '9 hours'", "now() - interval '1 hour'"
    for facts in (f"'started_at', {now}", f"'started_at', {long_ago}, 'collected_at', {now}"):
        async with AsyncSession(marketplace.engine) as tx:
            await spoil(tx, f"UPDATE nodes SET facts = jsonb_build_object({facts})")
            assert await look(tx, doctor.ALL_CHECKS) == []


async def test_a_file_that_a_row_names_and_that_is_gone_is_said(
    marketplace: Marketplace, settings: Settings
) -> None:
    here = settings.model_copy(update={"database_url": SecretStr(marketplace.url)})
    before = (await doctor.examine(marketplace.url, here)).complaints
    async with AsyncSession(marketplace.engine) as tx:
        sha256 = await tx.scalar(
            text("SELECT sha256 FROM job_archives WHERE job_id = :id"),
            {"id": marketplace.names["archived"]},
        )
    file = settings.home / "blobs" / "sha256" / sha256[:2] / sha256
    kept = file.read_bytes()
    assert not any(sha256 in it for it in before)
    file.unlink()
    try:
        told = (await doctor.examine(marketplace.url, here)).complaints[-1]
        assert sha256 in told
        assert "backup" in told
    finally:
        file.write_bytes(kept)


async def test_at_most_twenty_offenders_are_named_and_the_rest_is_counted(
    marketplace: Marketplace,
) -> None:
    async with AsyncSession(marketplace.engine) as tx:
        many = "SELECT gen_random_uuid(), '{open}' FROM generate_series(1, 45)"
        await spoil(tx, f"INSERT INTO result_inbox {many.format(**marketplace.names)}")
        (told,) = await look(tx, doctor.ALL_CHECKS)
    assert told.count("waits 1 times") == 20
    assert told.endswith("; and 25 more.")


async def test_nobody_is_late_where_no_worker_is_alive(marketplace: Marketplace) -> None:
    async with AsyncSession(marketplace.engine) as tx:
        for wrong, checks, _ in WRONGS:
            if checks[0] in (WAITS, KEPT, LATE):
                await spoil(tx, wrong.format(**marketplace.names))
                await tx.execute(text("DELETE FROM nodes"))
                assert await look(tx, doctor.ALL_CHECKS) == []
            await tx.rollback()


async def test_it_sees_one_moment_and_can_write_nothing(new_database: str) -> None:
    async with doctor.snapshot(new_database) as tx:
        assert await look(tx, doctor.ALL_CHECKS) == []
        with psycopg.connect(new_database) as other:
            other.execute("INSERT INTO ledger_accounts (code, balance) VALUES ('revenue', 1)")
        assert await look(tx, doctor.ALL_CHECKS) == []
        with pytest.raises(DBAPIError, match="read-only transaction"):
            await tx.execute(text("DELETE FROM jobs"))
    assert not (await doctor.examine(new_database)).is_content


def test_the_command_line_says_how_it_is(
    settings: Settings, new_database: str, capfd: pytest.CaptureFixture[str]
) -> None:
    here = settings.model_copy(update={"database_url": SecretStr(new_database)})
    checks = len(doctor.ALL_CHECKS)
    assert doctor.run(here, as_json=True) == 0
    said = json.loads(capfd.readouterr().out)
    assert said == {"content": True, "complaints": [], "checks": checks}
    assert doctor.run(here, as_json=False) == 0
    assert capfd.readouterr().out == f"{checks} checks: content.\n"

    with psycopg.connect(new_database) as other:
        other.execute("INSERT INTO ledger_accounts (code, balance) VALUES ('revenue', 1)")
    assert doctor.run(here, as_json=True) == 1
    said = json.loads(capfd.readouterr().out)
    assert (said["content"], len(said["complaints"])) == (False, 2)
    assert doctor.run(here, as_json=False) == 1
    assert f"✗ {SUM}: it is 1.\n" in capfd.readouterr().out


@pytest.mark.parametrize("url", ["postgresql://dml:x@127.0.0.1:9/dml", None])
def test_where_the_database_is_away_it_cannot_look(
    settings: Settings, capfd: pytest.CaptureFixture[str], url: str | None
) -> None:
    away = settings.model_copy(update={"database_url": SecretStr(url) if url else None})
    assert doctor.run(away, as_json=True) == ExitCode.NOT_REACHED
    said = capfd.readouterr()
    assert (said.out, said.err.splitlines()[-1][:16]) == ("", "dml: cannot look")


def test_a_database_of_another_revision_is_not_looked_at(
    settings: Settings, new_database: str, capfd: pytest.CaptureFixture[str]
) -> None:
    here = settings.model_copy(update={"database_url": SecretStr(new_database)})
    for wrong, remedy in (
        ("UPDATE alembic_version SET version_num = '9999'", "newer release's `dml doctor`"),
        ("UPDATE alembic_version SET version_num = '0001'", "dml migrate"),
        ("DROP TABLE alembic_version", "dml migrate"),
    ):
        with psycopg.connect(new_database) as other:
            other.execute(wrong.encode())
        assert doctor.run(here, as_json=False) == ExitCode.NOT_REACHED
        assert remedy in capfd.readouterr().err
