"""A job is raised while it runs: for all its results alike, and to the last micro-token."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from dml.core.checks import look
from dml.core.context import Actor, Context
from dml.core.ids import new_id
from dml.core.money import MicroTokens
from dml.jobs import doctor
from dml.jobs.models import JobState
from dml.jobs.raising import service
from dml.jobs.raising.rules import Raise
from tests.jobs.factories import (
    Ordered,
    claim_of,
    fold,
    hand_in,
    make_device,
    make_job,
    places,
    settle,
    work,
)
from tests.world import Person, World, problem, soon


async def faults(world: World, job: Ordered) -> list[str]:
    async with world.parts.sessions() as tx:
        return [it for it in await look(tx, doctor.CHECKS) if str(job.id) in it]


async def balance(person: Person) -> dict[str, str]:
    told: dict[str, str] = (await person.get("/v1/payments/balance")).json()
    return told


async def test_a_higher_reward_is_that_of_every_result(world: World) -> None:
    job = await make_job(world, max_devices=20, reward="0.1")  # A developer earns 0.01.
    early = await work(world, job, 5)
    await fold(world)
    early += await work(world, job, 1)
    await fold(world)  # Of these, 5 are shown, and 1 is not.
    under_way = await make_device(world)
    (lease,) = await claim_of(under_way, job)
    waiting = (await work(world, job, 1))[0]  # Accepted, and not yet folded.
    before = await balance(job.customer)
    raised = await job.customer.post(f"{job.path}/raise", {"reward": "0.2", "max_devices": 30})
    assert raised.status_code == 200, raised.text
    told = raised.json()
    assert (told["reward"], told["platform_fee"], told["cost"]) == ("0.2", "0.021", "6.93")
    assert (told["devices_done"], told["spent"]) == (5, "1.155")
    # 30 × 0.231 less 20 × 0.121, whatever came since the last step.
    after = await balance(job.customer)
    moved = float(before["available"]) - float(after["available"])
    assert round(moved, 6) == 6.93 - 2.42
    assert (await balance(early[0].owner))["available"] == "0.2"
    await fold(world)
    assert (await balance(waiting.owner))["available"] == "0.2"
    assert (await hand_in(under_way, lease)).status_code == 200
    await fold(world)
    assert (await balance(under_way.owner))["available"] == "0.2"
    assert await places(world, job) == (22, 0, 8)
    assert await faults(world, job) == []
    await settle(world, job, JobState.CANCELLED)
    ended = await job.get()
    assert (ended["devices_done"], ended["spent"]) == (8, "1.848")
    assert (await balance(job.developer))["available"] == "0.08"
    assert float((await balance(job.customer))["available"]) == 1_000 - 1.848
    assert await faults(world, job) == []


async def test_the_timeline_the_log_and_the_statement_tell_it(world: World) -> None:
    job = await make_job(world, max_devices=10)
    until = soon(days=9)
    body = {"reward": "0.15", "max_devices": 12, "deadline": until}
    assert (await job.customer.post(f"{job.path}/raise", body)).status_code == 200
    timeline = (await job.customer.get(f"{job.path}/timeline")).json()
    assert [it["action"] for it in timeline["entries"]] == ["created", "raised"]
    assert timeline["entries"][1]["reason"].startswith("Reward 0.1 → 0.15, devices 10 → 12, until")
    ends = datetime.fromisoformat(timeline["next"][0]["at"])
    assert ends == datetime.fromisoformat(until)
    _, event = await job.customer.events(subject=f"job:{job.id}")
    assert event["type"] == "job.raised"
    assert (event["data"]["max_devices"], event["data"]["reward"]) == (12, "0.15")
    assert event["data"]["paid"] == "0.902"  # 12 × 0.176 less 10 × 0.121.
    transfers = (await job.customer.get("/v1/payments/transfers")).json()["items"]
    (of_it,) = [it for it in transfers if it["reference"] == f"job:{job.id}:raise:2"]
    assert (of_it["code"], of_it["amount"]) == ("job_escrow", "0.902")


async def test_a_job_that_waits_longer_ends_at_its_new_deadline_alone(world: World) -> None:
    job = await make_job(world, max_devices=10)
    assert (
        await job.customer.post(f"{job.path}/raise", {"deadline": soon(days=30)})
    ).status_code == 200
    assert await settle(world, job, JobState.EXPIRED) != "settled", "the first alarm is not due"
    assert (await job.get())["state"] == "open"
    assert await faults(world, job) == []


async def test_it_is_raised_once_and_by_its_customer_alone(world: World) -> None:
    job = await make_job(world, max_devices=10)
    path, body = f"{job.path}/raise", {"max_devices": 11}
    stranger = await world.rich("stranger", "10")
    problem(await stranger.post(path, body), 404, "jobs.not_found")
    etag = (await job.customer.get(job.path)).headers["etag"]
    headers = {"Idempotency-Key": str(new_id()), "If-Match": etag}
    first = await job.customer.post(path, body, headers=headers)
    again = await job.customer.post(path, body, headers=headers)
    assert (first.status_code, again.json()) == (200, first.json()), first.text
    headers = {"Idempotency-Key": str(new_id()), "If-Match": etag}
    problem(
        await job.customer.post(path, {"max_devices": 12}, headers=headers),
        412,
        "jobs.edited_meanwhile",
    )
    problem(await job.customer.post(path, body), 422, "jobs.not_raised")
    costly: dict[str, Any] = {"max_devices": 20, "max_total": "2.41"}
    assert problem(await job.customer.post(path, costly), 409, "jobs.price_changed")
    poor = await job.customer.post(path, {"reward": "100000"})
    problem(poor, 409, "payments.insufficient_funds")
    assert (await job.get())["max_devices"] == 11
    await job.customer.post(f"{job.path}/close")
    problem(await job.customer.post(path, {"max_devices": 12}), 409, "jobs.not_running")
    assert await faults(world, job) == []


async def test_raises_and_folds_at_once_pay_each_result_the_last_reward(world: World) -> None:
    """Folds wait for a raise under way, or it for them; none pays by what it read before."""
    job = await make_job(world, max_devices=40, reward="0.1")
    devices = [device for _ in range(3) for device in await work(world, job, 4)]

    async def raise_it(cents: int) -> None:
        async with world.parts.sessions.begin() as tx:
            ctx = Context(tx, Actor(job.customer.id), datetime.now(UTC))
            wanted = Raise(reward=MicroTokens(cents * 10_000))
            await service.raise_terms(ctx, job.id, wanted, platform_fee_bps=1_000, counts_max=9_999)
            await asyncio.sleep(0.05)  # It holds the totals, and others come.

    async def go() -> None:
        for cents in (11, 12, 13):
            await raise_it(cents)

    await asyncio.gather(go(), *(fold(world) for _ in range(3)))
    assert await fold(world) == 0
    earned = {(await balance(it.owner))["available"] for it in devices}
    assert earned == {"0.13"}
    assert await faults(world, job) == []
