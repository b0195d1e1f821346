"""A job's answer grows in steps, and its customer is told: not of each result, nor too often."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select

from dml.core.context import SYSTEM, Context
from dml.core.event_log import EventRow
from dml.core.ids import JobId
from dml.jobs.processes import Folding
from tests.jobs.factories import Ordered, make_job, work
from tests.world import World


async def told(world: World, job: Ordered) -> list[int]:
    query = select(EventRow.body).where(
        EventRow.subject == f"job:{job.id}", EventRow.type == "job.progressed"
    )
    async with world.parts.sessions() as tx:
        return [it["devices"] for it in await tx.scalars(query.order_by(EventRow.number))]


async def fold_once(world: World, folding: Folding) -> int:
    async with world.parts.sessions.begin() as tx:
        return await folding.fold(Context(tx, SYSTEM, datetime.now(UTC)))


async def test_a_step_is_told_and_a_result_between_steps_is_not(world: World) -> None:
    job, folding = await make_job(world), Folding()
    least = (await job.get())["min_owners"]
    await work(world, job, least - 1)
    await fold_once(world, folding)
    assert await told(world, job) == []
    await work(world, job, 1)
    await fold_once(world, folding)
    assert await told(world, job) == [least]


async def test_steps_that_follow_at_once_are_told_as_one_and_none_is_left(world: World) -> None:
    job, folding = await make_job(world, max_devices=40), Folding()
    least = (await job.get())["min_owners"]
    await work(world, job, least)
    await fold_once(world, folding)
    for _ in range(2):
        await work(world, job, least)
        folding.progress.said[JobId(UUID(str(job.id)))] = float("inf")  # As if said just now.
        await fold_once(world, folding)
    assert await told(world, job) == [least]
    folding.progress.said.clear()  # As after half a second.
    assert await fold_once(world, folding) == 0  # A look is enough.
    assert await told(world, job) == [least, 3 * least]
    assert not folding.progress.waiting
