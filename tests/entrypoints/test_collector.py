"""Which uploaded files are deleted, and which never."""

import os
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from dml.algorithms.models import Version, VersionState
from dml.core.blobs import Blobs
from dml.core.settings import Settings
from dml.entrypoints import collector
from tests.algorithms.offers import file_part, form, make_algorithm, send, spec_part, upload
from tests.jobs.factories import make_job
from tests.world import World, problem

NOW = datetime.now(UTC)


async def keep(blobs: Blobs, content: bytes) -> str:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    return (await blobs.put(chunks(), limit=1_000)).sha256


def path_of(settings: Settings, sha256: str) -> Path:
    return settings.home / "blobs" / "sha256" / sha256[:2] / sha256


def grow_old(settings: Settings, *hashes: str, hours: float = 25) -> None:
    for sha256 in hashes:
        then = time.time() - hours * 3_600
        os.utime(path_of(settings, sha256), (then, then))


async def collect(world: World) -> int:
    return await collector.collect(
        world.parts.sessions, world.parts.blobs, world.parts.settings, datetime.now(UTC)
    )


async def test_what_no_row_names_goes_once_it_is_old(world: World, settings: Settings) -> None:
    old, young = [await keep(world.parts.blobs, it) for it in (b"old and nobody's", b"young")]
    grow_old(settings, old)
    await collect(world)
    assert not path_of(settings, old).exists()
    assert path_of(settings, young).exists()
    assert await world.parts.blobs.list_condemned() == []


async def test_what_a_row_names_stays_however_old(world: World, settings: Settings) -> None:
    developer = await world.person("developer")
    path = await upload(developer, await make_algorithm(developer))
    version = (await developer.get(path)).json()
    job = await make_job(world)
    async with world.parts.sessions() as tx:
        used = (await tx.get_one(Version, job.version_id)).sha256
    grow_old(settings, version["sha256"], used, hours=10_000)
    await collect(world)
    assert path_of(settings, version["sha256"]).exists()
    assert path_of(settings, used).exists()


async def test_the_file_of_a_refused_version_goes_after_its_time_and_says_so(
    world: World, settings: Settings
) -> None:
    developer = await world.person("developer")
    algorithm = await make_algorithm(developer)
    answer = await send(developer, algorithm, form(spec_part(), file_part(b"a model of old")))
    version, path = answer.json(), answer.headers["location"]
    grow_old(settings, version["sha256"])

    async def refuse(days: float) -> None:
        async with world.parts.sessions.begin() as tx:
            values = {"state": VersionState.REFUSED, "checked_at": NOW - timedelta(days=days)}
            await tx.execute(update(Version).where(Version.id == version["id"]).values(values))

    await refuse(days=29)
    await collect(world)
    assert (await developer.get(f"{path}/file")).status_code == 200
    await refuse(days=31)
    problem(await developer.get(f"{path}/file"), 404, "algorithms.file_forgotten")
    await collect(world)
    assert not path_of(settings, version["sha256"]).exists()
    assert (await developer.get(path)).json()["state"] == "refused"


async def test_a_file_that_comes_again_while_it_is_put_aside_is_kept(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row is not there yet when the collector looks: the age of the file tells."""
    blobs, content = world.parts.blobs, b"sent again at the worst moment"
    sha256 = await keep(blobs, content)
    grow_old(settings, sha256)
    condemn = Blobs.condemn

    async def sent_again(self: Blobs, it: str, before: datetime) -> bool:
        if it == sha256:
            await keep(blobs, content)
        return await condemn(self, it, before)

    monkeypatch.setattr(Blobs, "condemn", sent_again)
    await collect(world)
    assert await blobs.get(sha256) == content


@pytest.mark.parametrize("named", [True, False])
async def test_what_a_killed_collector_left_aside_is_back_or_gone(
    world: World, settings: Settings, named: bool
) -> None:
    job = await make_job(world)
    async with world.parts.sessions() as tx:
        sha256 = (await tx.get_one(Version, job.version_id)).sha256
    if not named:
        sha256 = await keep(world.parts.blobs, b"nobody's at all")
    grow_old(settings, sha256)
    assert await world.parts.blobs.condemn(sha256, NOW - timedelta(hours=24))
    assert not path_of(settings, sha256).exists()
    await collect(world)
    assert path_of(settings, sha256).exists() is named
    assert await world.parts.blobs.list_condemned() == []


async def test_what_an_upload_left_that_was_killed_goes_too(
    world: World, settings: Settings
) -> None:
    folder = settings.home / "blobs" / "incoming"
    folder.mkdir(exist_ok=True)
    old, young = folder / "0123#1", folder / "4567#1"
    for it in (old, young):
        it.write_bytes(b"half of it")
    then = time.time() - 25 * 3_600
    os.utime(old, (then, then))
    await collect(world)
    assert (old.exists(), young.exists()) == (False, True)
    young.unlink()
