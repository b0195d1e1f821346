"""What a moderator can stop: a version and all that runs of it, an algorithm, a single job."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from dml.algorithms import queries as algorithm_queries
from dml.algorithms.events import VersionRecalled
from dml.core.context import SYSTEM, Context, Role
from dml.core.ids import VersionId, new_id
from dml.jobs import processes, queries, recalling, settling
from dml.jobs.models import Assignment, AssignmentState, Job, JobPlaces, JobState
from tests.jobs.factories import (
    Ordered,
    claim,
    claim_of,
    fold,
    hand_in,
    make_device,
    make_job,
    order,
    result,
    work,
)
from tests.two_connections import after
from tests.world import Person, World, problem, soon

RECALLED = "jobs.version_recalled"


class DirectSteps:
    """Each step in a transaction of its own, as the engine does it, and without an engine."""

    def __init__(self, world: World) -> None:
        self._sessions = world.parts.sessions

    async def change(self, step: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        async with self._sessions.begin() as tx:
            return await step(Context(tx, SYSTEM, datetime.now(UTC)), *args, **kwargs)

    async def call(self, function: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        return await function(*args, **kwargs)


async def version_path(world: World, version_id: VersionId) -> str:
    async with world.parts.sessions() as tx:
        query = select(Job.algorithm_id).where(Job.version_id == version_id).limit(1)
        return f"/v1/algorithms/{await tx.scalar(query)}/versions/{version_id}"


async def recall(world: World, job: Ordered, reason: str = "It tells who is ill.") -> Person:
    moderator = await world.person("moderator", Role.MODERATOR)
    path = await version_path(world, job.version_id)
    answer = await moderator.post(f"{path}/recall", {"reason": reason})
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert (shown["state"], shown["recall_reason"]) == ("recalled", reason)
    return moderator


async def end_all(world: World, job: Ordered, by: Person, attempt: int = 0) -> str | None:
    """Do what the durable process does, and then what each job's does."""
    steps = DirectSteps(world)
    said = await processes.end_recalled.function(steps, job.version_id, by.id, attempt)
    async with world.parts.sessions() as tx:
        query = select(Job.id).where(Job.version_id == job.version_id)
        jobs = (await tx.scalars(query.where(Job.state == JobState.SETTLING))).all()
    for job_id in jobs:
        await steps.change(settling.try_to_settle, job_id)
    return said


async def test_a_recalled_version_is_given_out_and_taken_no_more_from_that_moment_on(
    world: World,
) -> None:
    job = await make_job(world)
    device, late = await make_device(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    await recall(world, job)  # And no process has run yet.
    path = f"/v1/assignments/{lease['id']}"
    problem(await device.get(lease["model"]["url"]), 409, RECALLED)
    problem(await device.post(f"{path}/heartbeat"), 409, RECALLED)
    problem(await hand_in(device, lease), 409, RECALLED)
    assert await claim(late) == []
    another = order(job.version_id)
    problem(await job.customer.post("/v1/jobs", another), 409, "algorithms.version_not_approved")


async def test_its_jobs_end_with_the_reason_and_a_refund(world: World) -> None:
    job = await make_job(world)
    await work(world, job, 5)
    await fold(world)
    device = await make_device(world)
    (lease,) = await claim_of(device, job)
    before = (await job.customer.get("/v1/payments/balance")).json()
    moderator = await recall(world, job)
    assert await end_all(world, job, moderator) == "ended"

    shown = await job.get()
    assert (shown["state"], shown["end_reason"]) == ("cancelled", "cancelled")
    assert "It tells who is ill." in shown["close_reason"]
    after_it = (await job.customer.get("/v1/payments/balance")).json()
    assert before != after_it
    assert float(after_it["reserved"]) == 0
    assert (await job.results())["items"] == 20  # What was counted before is the customer's.
    problem(await hand_in(device, lease), 409, RECALLED)
    problem(await device.get(lease["model"]["url"]), 409, RECALLED)

    told = (await job.customer.get(f"{job.path}/timeline")).json()["entries"]
    (said,) = [it for it in told if it["action"] == "version_recalled"]
    assert (said["actor"], "It tells who is ill." in said["reason"]) == ("moderator", True)
    path = await version_path(world, job.version_id)
    told = (await job.developer.get(f"{path}/timeline")).json()["entries"]
    assert (told[-1]["action"], told[-1]["to_state"]) == ("recalled", "recalled")
    assert (told[-1]["actor"], told[-1]["reason"]) == ("moderator", "It tells who is ill.")
    seen = (await job.customer.get(path)).json()
    assert (seen["state"], seen["recall_reason"]) == ("recalled", "It tells who is ill.")


async def test_a_paused_job_ends_too_and_a_job_that_ended_stays_as_it_is(world: World) -> None:
    job = await make_job(world)
    paused = await job.customer.post("/v1/jobs", order(job.version_id))
    ended = await job.customer.post("/v1/jobs", order(job.version_id))
    paths = [it.headers["location"] for it in (paused, ended)]
    assert (await job.customer.post(f"{paths[0]}/pause")).status_code == 200
    assert (await job.customer.post(f"{paths[1]}/close")).status_code == 200
    moderator = await recall(world, job)
    await end_all(world, job, moderator)
    shown = [(await job.customer.get(it)).json() for it in paths]
    assert [it["state"] for it in shown] == ["cancelled", "cancelled"]
    assert shown[0]["close_reason"] is not None
    assert shown[1]["close_reason"] is None  # Its customer closed it.


async def test_a_result_handed_in_before_counts_and_may_be_sent_again(world: World) -> None:
    job, device = await make_job(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    assert (await hand_in(device, lease)).status_code == 200
    await recall(world, job)
    assert (await hand_in(device, lease)).status_code == 200
    problem(await hand_in(device, lease, result(cat=7)), 409, "jobs.another_result_accepted")


async def test_what_somebody_holds_while_leases_end_is_ended_later(world: World) -> None:
    job, device = await make_job(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    moderator = await recall(world, job)
    async with world.parts.sessions.begin() as tx:
        held = select(Assignment).where(Assignment.id == lease["id"]).with_for_update()
        await tx.execute(held)
        assert await end_all(world, job, moderator) == "some are left"
    assert await end_all(world, job, moderator, attempt=1) == "ended"
    assert (await job.get())["state"] == "cancelled"


async def test_a_claim_under_way_is_ended_with_the_others(world: World) -> None:
    """The claim's statement began before the recall, and commits after it."""
    job = await make_job(world)
    device = await make_device(world)
    async with world.parts.sessions.begin() as tx:
        places = await queries.lock_places(tx, job.id)  # As a claim under way holds its bucket.
        assert places == 10
        moderator = await recall(world, job)
        ending = asyncio.create_task(end_all(world, job, moderator))
        await asyncio.sleep(0.2)
        assert not ending.done()
        tx.add(
            Assignment(
                id=new_id(),  # type: ignore[arg-type]  # As the claim's statement would.
                job_id=job.id,
                device_id=device.id,
                owner_id=job.customer.id,
                bucket=0,
                slot=0,
                state=AssignmentState.LEASED,
                tries=1,
                lease_expires_at=datetime.fromisoformat(soon(hours=1)),
                created_at=datetime.now(UTC),
            )
        )
        await tx.flush()
        await tx.execute(
            update(JobPlaces).where(JobPlaces.job_id == job.id).values(open=JobPlaces.open - 1)
        )
    assert await ending == "ended"
    shown = await job.get()
    assert (shown["state"], shown["devices_done"]) == ("cancelled", 0)


async def test_a_job_ordered_while_a_version_is_recalled_is_refused(world: World) -> None:
    job = await make_job(world)
    moderator = await world.person("moderator", Role.MODERATOR)
    path = await version_path(world, job.version_id)
    answers = await asyncio.gather(
        *(job.customer.post("/v1/jobs", order(job.version_id)) for _ in range(6)),
        moderator.post(f"{path}/recall", {"reason": "now"}),
        *(job.customer.post("/v1/jobs", order(job.version_id)) for _ in range(6)),
    )
    assert {it.status_code for it in answers} <= {200, 201, 409, 429}  # 429: one order at a time
    await end_all(world, job, moderator)
    async with world.parts.sessions() as tx:
        query = select(func.count()).where(Job.version_id == job.version_id)
        assert await tx.scalar(query.where(Job.ended_at.is_(None))) == 0


async def test_many_jobs_end_some_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recalling, "JOBS_AT_ONCE", 2)
    job = await make_job(world)
    for _ in range(4):
        made = await job.customer.post("/v1/jobs", order(job.version_id))
        assert made.status_code == 201
    moderator = await recall(world, job)
    begun = []
    async with world.parts.sessions() as tx:
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        while some := await recalling.close_some(ctx, job.version_id, moderator.id):
            begun.append(len(some))
            await tx.flush()
    assert begun == [2, 2, 1]


async def test_only_moderators_recall_and_only_what_is_approved(world: World) -> None:
    job = await make_job(world)
    path, body = await version_path(world, job.version_id), {"reason": "no"}
    for somebody in (job.developer, job.customer):
        problem(await somebody.post(f"{path}/recall", body), 403, "accounts.moderators_only")
    moderator = await recall(world, job)
    problem(await moderator.post(f"{path}/recall", body), 409, "algorithms.wrong_state")
    problem(await moderator.post(f"{path}/recall", {}), 422, "http.422")


async def test_a_suspended_algorithm_gives_out_nothing_and_takes_what_was_begun(
    world: World,
) -> None:
    job = await make_job(world)
    device, late = await make_device(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    moderator = await world.person("moderator", Role.MODERATOR)
    path = (await version_path(world, job.version_id)).split("/versions/")[0]
    assert (await moderator.post(f"{path}/suspend", {"reason": "a look"})).status_code == 200
    assert await claim(late) == []
    assert (await device.get(lease["model"]["url"])).status_code == 200
    assert (await hand_in(device, lease)).status_code == 200
    assert (await moderator.post(f"{path}/resume", {"reason": "good"})).status_code == 200
    assert len(await claim(late)) == 1


async def test_a_moderator_closes_a_job_with_a_reason_that_its_customer_reads(
    world: World,
) -> None:
    job = await make_job(world)
    moderator = await world.person("moderator", Role.MODERATOR)
    problem(await moderator.post(f"{job.path}/close"), 422, "jobs.reason_missing")
    problem(await job.developer.post(f"{job.path}/close", {"reason": "x"}), 404, "jobs.not_found")
    answer = await moderator.post(f"{job.path}/close", {"reason": "It asks for faces."})
    assert answer.status_code == 200, answer.text
    shown = await job.get()
    assert (shown["state"], shown["close_reason"]) == ("settling", "It asks for faces.")
    told = (await job.customer.get(f"{job.path}/timeline")).json()["entries"]
    said = [(it["actor"], it["reason"]) for it in told if it["action"] == "closed"]
    assert said == [("moderator", "It asks for faces.")]


async def test_a_recall_waits_for_an_order_under_way(world: World) -> None:
    """The order holds the algorithm, so that whoever ends all jobs afterwards sees its job."""
    job = await make_job(world)
    moderator = await world.person("moderator", Role.MODERATOR)
    path = await version_path(world, job.version_id)
    engine = world.parts.sessions.kw["bind"]
    assert isinstance(engine, AsyncEngine)
    async with world.parts.sessions() as tx:
        await algorithm_queries.get_approved_version(tx, job.version_id)
        answer = await after(engine, tx, moderator.post(f"{path}/recall", {"reason": "now"}))
    assert answer.status_code == 200


async def test_one_whose_recall_was_overturned_meanwhile_is_left_alone_and_can_be_recalled_again(
    world: World,
) -> None:
    job = await make_job(world)
    moderator, second = await recall(world, job), await world.person("second", Role.MODERATOR)
    path = await version_path(world, job.version_id)
    appeal = await job.developer.post(f"{path}/appeal", {"text": "It does not."})
    assert appeal.status_code == 201, appeal.text
    overturn = f"/v1/moderation/appeals/{appeal.json()['id']}/overturn"
    assert (await second.post(overturn, {"reason": "Indeed."})).status_code == 200
    assert await end_all(world, job, moderator) == "ended"  # Late: it is recalled no more.
    assert (await job.get())["state"] == "open"
    assert len(await claim_of(await make_device(world), job)) == 1

    again = await recall(world, job, "It does, after all.")
    event = VersionRecalled(job.version_id, (await job.get())["algorithm_id"], again.id)
    async with world.parts.sessions.begin() as tx:
        for _ in range(2):  # Each recall has a process of its own.
            await processes.stop_recalled(Context(tx, SYSTEM, datetime.now(UTC)), event)
        started = text("SELECT count(*) FROM dbos.workflow_status WHERE workflow_uuid LIKE :like")
        assert await tx.scalar(started, {"like": f"version:{job.version_id}:end:%"}) == 2
        await tx.rollback()
    assert await end_all(world, job, again) == "ended"
    assert (await job.get())["state"] == "cancelled"
