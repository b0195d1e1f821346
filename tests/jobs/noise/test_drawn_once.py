"""Noise is drawn once, whatever happens: a worker that is killed, a backup that is restored."""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime
from itertools import count

from sqlalchemy import text

from dml.jobs import processes
from dml.jobs.models import JobState
from tests.conftest import ROOT
from tests.jobs.factories import Ordered, claim_of, fold, hand_in, make_device, settle
from tests.jobs.noise.test_noisy_jobs import answer_some, faults, noisy_job, releases
from tests.world import World


async def killed_at_each_moment(world: World, job: Ordered, what: str) -> int:
    """Do that again and again, killed a moment later each time, until it is done before it dies.

    Return how often it was killed. What was drawn until then was told to nobody.
    """
    assert world.parts.settings.database_url is not None
    url = world.parts.settings.database_url.get_secret_value()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.jobs.noise.dying_worker", url, str(job.id)),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    before, seen = await releases(world, job), await job.results()
    try:
        for moment in count(1):
            process.stdin.write(f"{what} {moment}\n".encode())
            code = int(await asyncio.wait_for(process.stdout.readline(), 30))
            assert code in (0, -signal.SIGKILL)
            if code == 0:
                return moment - 1
            assert await releases(world, job) == before
            assert await job.results() == seen
    finally:
        process.kill()
        await process.wait()
    raise AssertionError("it is always killed")


async def test_a_worker_that_is_killed_between_drawing_and_telling_told_nothing(
    world: World,
) -> None:
    job = await noisy_job(world, max_devices=6)
    for _ in range(5):
        (lease,) = await claim_of(device := await make_device(world), job)
        assert (await hand_in(device, lease)).status_code == 200
    assert await killed_at_each_moment(world, job, "fold") >= 2  # As drawn, and at the commit.
    (step,) = await releases(world, job)
    assert step[:3] == ("step", 1, 5)
    await answer_some(world, job, 1)
    assert await killed_at_each_moment(world, job, "settle") >= 5  # Four times after a draw.
    drawn = await releases(world, job)
    assert [it[0] for it in drawn].count("labels") == 1
    assert drawn[0] == step
    told = await job.results()
    assert told["state"] == "completed"
    await fold(world)
    await settle(world, job)
    assert (await releases(world, job), await job.results()) == (drawn, told)
    assert await faults(world) == []


async def test_a_job_that_a_backup_brought_back_ends_with_the_answer_that_it_had(
    world: World,
) -> None:
    """Whoever ordered it may have seen more, before that was lost: it is drawn no second time."""
    job = await noisy_job(world, max_devices=30)
    await answer_some(world, job, 7)
    drawn, told = await releases(world, job), await job.results()
    async with world.parts.sessions.begin() as tx:  # As `dml restore` does.
        query = text("UPDATE jobs SET restored_at = now() WHERE id = :id")
        await tx.execute(query, {"id": job.id})
    await answer_some(world, job, 5)
    assert await releases(world, job) == drawn
    for _ in range(2):
        async with world.parts.sessions.begin() as tx:
            await processes.end_restored(tx, datetime.now(UTC))
    assert (await job.get())["state"] == "settling"
    assert await settle(world, job) == "settled"
    ended, after = await job.get(), await job.results()
    assert ended["state"] == "cancelled"
    assert "restored from a backup" in ended["close_reason"]
    assert "restored from a backup" in after["next_step"]["reason"]
    assert await releases(world, job) == drawn
    for name in ("items", "labels", "uncertain", "months", "intervals", "devices_shown"):
        assert after[name] == told[name]
    assert ended["devices_done"] == 12  # All that was accepted is paid.
    assert await faults(world) == []


async def test_a_job_that_a_backup_brought_back_before_its_first_step_tells_nothing(
    world: World,
) -> None:
    job = await noisy_job(world, max_devices=6)
    await answer_some(world, job, 4)
    async with world.parts.sessions.begin() as tx:
        query = text("UPDATE jobs SET restored_at = now() WHERE id = :id")
        await tx.execute(query, {"id": job.id})
    await answer_some(world, job, 2)
    assert await settle(world, job, JobState.COMPLETED) == "settled"
    assert ((await job.results())["items"], await releases(world, job)) == (None, [])
    assert await faults(world) == []
