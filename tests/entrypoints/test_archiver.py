"""The archiver as a process: what it archives, that there is one at a time, and how it ends."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest
from sqlalchemy import text

from dml.core.settings import Settings
from dml.entrypoints import worker
from dml.jobs.archive.reading import ARCHIVER_LOCK
from tests.conftest import ROOT
from tests.core.engine_watch import until
from tests.jobs.test_archiving import a_marketplace, at_hand, files_of, make_ended
from tests.worker_parts import make_parts
from tests.world import World


@pytest.fixture(scope="module")
async def apart(
    settings: Settings, module_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    own = settings.model_copy(
        update={"home": tmp_path_factory.mktemp("archiver"), "keep_ended_jobs_hours": 0}
    )
    async with a_marketplace(own, module_database) as world:
        yield world


def url_of(world: World) -> str:
    assert world.parts.settings.database_url is not None
    return world.parts.settings.database_url.get_secret_value()


def environment(world: World, **changes: str) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "DML_DATABASE_URL": url_of(world),
        "DML_HOME": str(world.parts.settings.home),
        "DML_KEEP_ENDED_JOBS_HOURS": "0",
        **changes,
    }


@asynccontextmanager
async def archiver(world: World, **changes: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "dml.entrypoints.archiver"),
        env=environment(world, **changes),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def end_of(process: asyncio.subprocess.Process) -> tuple[int, str]:
    assert process.stdout is not None
    said = await asyncio.wait_for(process.stdout.read(), 30)
    return await process.wait(), said.decode()


async def test_it_archives_what_is_due_and_ends(apart: World) -> None:
    job, _ = await make_ended(apart, 5)
    async with archiver(apart, DML_KEEP_ENDED_JOBS_HOURS="1") as process:
        assert (await end_of(process))[0] == 0
    assert await at_hand(apart, job) == 5
    async with archiver(apart) as process:
        code, said = await end_of(process)
    assert code == 0, said
    assert "wrote 1 archives" in said
    assert await at_hand(apart, job) == 0
    assert len(await files_of(apart, job)) == 1


async def test_a_job_that_cannot_be_archived_holds_up_no_other(apart: World) -> None:
    broken, _ = await make_ended(apart, 5)
    sound, _ = await make_ended(apart, 5)
    spoil = text("UPDATE assignments SET fold_id = NULL WHERE job_id = :id")
    async with apart.parts.sessions.begin() as tx:
        await tx.execute(spoil, {"id": broken.id})
    async with archiver(apart) as process:
        code, said = await end_of(process)
    assert code == 0, said
    assert f"job:{broken.id} cannot be archived" in said
    assert "assignments 0 are over" in said
    assert (await at_hand(apart, broken), await at_hand(apart, sound)) == (5, 0)
    async with apart.parts.sessions.begin() as tx:
        mend = text("UPDATE jobs SET archived_at = now() WHERE id = :id")
        await tx.execute(mend, {"id": broken.id})


async def test_there_is_one_at_a_time(apart: World) -> None:
    job, _ = await make_ended(apart, 5)
    with psycopg.connect(url_of(apart), autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [ARCHIVER_LOCK])
        async with archiver(apart) as process:
            assert (await end_of(process))[0] == 0
    assert await at_hand(apart, job) == 5
    async with archiver(apart) as process:
        assert (await end_of(process))[0] == 0
    assert await at_hand(apart, job) == 0


async def test_it_ends_when_who_started_it_is_gone(apart: World) -> None:
    with psycopg.connect(url_of(apart)) as other:
        other.execute("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")  # So that it cannot end before.
        async with archiver(apart) as process:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(process.wait()), 2)
            assert process.stdin is not None
            process.stdin.close()
            assert await asyncio.wait_for(process.wait(), 5) == 0


async def test_a_worker_has_it_done(apart: World, monkeypatch: pytest.MonkeyPatch) -> None:
    job, _ = await make_ended(apart, 5)
    for name, value in environment(apart).items():
        monkeypatch.setenv(name, value)
    parts = make_parts(apart.parts.settings, apart.parts)
    loop = asyncio.create_task(worker.archive(parts))

    async def moved() -> bool:
        return not await at_hand(apart, job)

    await until(moved)
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


async def test_neither_api_nor_worker_loads_arrow() -> None:
    for module in ("dml.entrypoints.server", "dml.entrypoints.worker"):
        look = f"import sys, {module}; sys.exit('pyarrow' in sys.modules)"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", look, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}
        )
        assert await process.wait() == 0, module
