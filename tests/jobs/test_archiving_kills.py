"""The archiver, killed at each thing it does: nothing is lost or doubled, and the rest follows."""

import asyncio
import hashlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.settings import Settings
from dml.entrypoints import doctor
from dml.jobs import queries
from dml.jobs.archive import verifying
from dml.jobs.archive.models import ArchivedAssignment, JobArchive
from tests.conftest import ROOT
from tests.jobs.factories import MODEL, Ordered, result
from tests.jobs.test_archiving import a_marketplace, make_ended
from tests.world import World

DEVICES, BATCH = 5, 2


class Archiver:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def die_at(self, moment: int) -> bool:
        """Archive until that moment. False where all was done before it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{moment}\n".encode())
        code = int(await asyncio.wait_for(self._process.stdout.readline(), 30))
        assert code in (0, -signal.SIGKILL)
        return code != 0


@asynccontextmanager
async def archiver(settings: Settings, job: Ordered) -> AsyncIterator[Archiver]:
    assert settings.database_url is not None
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.jobs.archiver_node", settings.database_url.get_secret_value()),
        *(str(settings.home / "blobs"), str(job.id), str(BATCH)),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Archiver(process)
    finally:
        process.kill()
        await process.wait()


async def where(tx: AsyncSession, job: Ordered) -> tuple[list[UUID], list[UUID]]:
    """Which assignments of a job are at hand, and which archived, each as often as it is there."""
    here = await tx.scalars(
        text("SELECT id FROM assignments WHERE job_id = :id"), {"id": UUID(str(job.id))}
    )
    archived = select(ArchivedAssignment.id).where(
        ArchivedAssignment.archive_id.in_(
            select(JobArchive.id).where(JobArchive.job_id == UUID(str(job.id)))
        )
    )
    return list(here), list(await tx.scalars(archived))


def list_files(folder: Path) -> list[Path]:
    return [it for it in folder.rglob("*") if it.is_file()]


async def nothing_is_wrong(world: World, url: str, job: Ordered) -> None:
    assert (await doctor.examine(url)).complaints == []
    async with world.parts.sessions() as tx:
        kept = await queries.get(tx, job.id)
        assert await verifying.verify(tx, world.parts.blobs, kept) == []


@pytest.mark.timeout(300)
async def test_an_archiver_killed_at_each_moment_loses_and_doubles_nothing(
    settings: Settings, new_database: str, tmp_path: Path
) -> None:
    apart = settings.model_copy(update={"home": tmp_path})
    async with a_marketplace(apart, new_database) as world:
        own = world.parts.settings
        assert own.database_url is not None
        url = own.database_url.get_secret_value()
        job, devices = await make_ended(world, DEVICES)
        async with world.parts.sessions() as tx:
            everything, nothing = await where(tx, job)
        assert (len(everything), nothing) == (DEVICES, [])
        moment, kills, archived = 1, 0, 0
        async with archiver(own, job) as doomed:
            while await doomed.die_at(moment):
                kills += 1
                async with world.parts.sessions() as tx:
                    here, there = await where(tx, job)
                assert sorted([*here, *there]) == sorted(everything)
                if len(there) > archived or moment % 8 == 0:
                    await nothing_is_wrong(world, url, job)
                # After each batch from the start, so that every batch dies at every moment.
                moment = 1 if len(there) > archived else moment + 1
                archived = len(there)
        await nothing_is_wrong(world, url, job)
        assert archived == DEVICES
        # A try again makes the file of the try before: there are no others than those named.
        async with world.parts.sessions() as tx:
            named = set(await tx.scalars(select(JobArchive.sha256)))
        left = {it.name for it in await asyncio.to_thread(list_files, own.home / "blobs")}
        assert named | {hashlib.sha256(MODEL).hexdigest()} == left
        assert kills > 40
        for device in devices:
            (shown,) = (await device.owner.get(f"/v1/devices/{device.id}/work")).json()["items"]
            assert shown["result"] == result()
