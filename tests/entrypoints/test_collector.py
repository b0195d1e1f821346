"""Which uploaded files are deleted, and which never."""

import os
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import update

from dml.algorithms.models import Version, VersionState
from dml.bounties.models import Bounty, BountyState, Judging, Submission
from dml.core.blobs import Blobs
from dml.core.settings import Settings
from dml.entrypoints import collector
from tests.algorithms.offers import file_part, form, make_algorithm, send, spec_part, upload
from tests.bounties.entries import ANY, submit, unscored
from tests.bounties.factories import make_bounty
from tests.bounties.test_attachments import attach
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


async def test_the_file_of_a_deleted_version_goes(world: World, settings: Settings) -> None:
    developer = await world.person("developer")
    algorithm = await make_algorithm(developer)
    answer = await send(developer, algorithm, form(spec_part(), file_part(b"a model to delete")))
    version, path = answer.json(), answer.headers["location"]
    grow_old(settings, version["sha256"])
    async with world.parts.sessions.begin() as tx:
        values = {"state": VersionState.CHECKED, "checked_at": NOW}
        await tx.execute(update(Version).where(Version.id == version["id"]).values(values))
    await collect(world)
    assert path_of(settings, version["sha256"]).exists()
    assert (await developer.ask("DELETE", path)).status_code == 204
    await collect(world)
    assert not path_of(settings, version["sha256"]).exists()


async def set_back(world: World, submission: str, days: float) -> None:
    async with world.parts.sessions.begin() as tx:
        ended = {"ended_at": NOW - timedelta(days=days)}
        which = Submission.id == UUID(submission.rsplit("/", 1)[1])
        await tx.execute(update(Submission).where(which).values(ended))


async def test_the_file_of_a_submission_that_came_to_nothing_goes_and_a_scored_one_stays(
    world: World, settings: Settings
) -> None:
    contest = await unscored(world, judging=Judging.MANUAL)
    (ada,) = contest.entrants
    scored = await submit(contest, ada, b"an honest entry", ANY)
    only_checked = await submit(contest, ada, b"only to try", ANY, dry_run=True)
    hashes = [(await ada.get(it)).json()["sha256"] for it in (scored, only_checked)]
    grow_old(settings, *hashes, hours=1_000)
    for path in (scored, only_checked):
        await set_back(world, path, days=29)
    await collect(world)
    assert (await ada.get(f"{only_checked}/file")).status_code == 200
    for path in (scored, only_checked):
        await set_back(world, path, days=31)
    await collect(world)
    problem(await ada.get(f"{only_checked}/file"), 404, "bounties.file_forgotten")
    assert (await ada.get(f"{scored}/file")).content == b"an honest entry"
    assert [path_of(settings, it).exists() for it in hashes] == [True, False]


async def test_the_files_of_a_draft_that_was_given_up_go(world: World, settings: Settings) -> None:
    bounty = await make_bounty(world, state=BountyState.DRAFT)
    made = (await attach(bounty, b"data of a draft")).json()
    grow_old(settings, made["sha256"])
    assert (await bounty.owner.post(f"{bounty.path}/cancel", {"reason": "no"})).status_code == 200
    await collect(world)
    assert (await bounty.owner.get(made["url"])).status_code == 200
    async with world.parts.sessions.begin() as tx:
        which, ended = Bounty.id == UUID(str(bounty.id)), {"ended_at": NOW - timedelta(days=31)}
        await tx.execute(update(Bounty).where(which).values(ended))
    await collect(world)
    problem(await bounty.owner.get(made["url"]), 404, "bounties.file_forgotten")
    assert not path_of(settings, made["sha256"]).exists()


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
