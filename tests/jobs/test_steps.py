"""What customer and developer can see of a job moves in steps of owners, and never between."""

import json
from typing import Any

from sqlalchemy import text

from dml.algorithms.models import Version
from dml.core.checks import look
from dml.jobs import doctor
from dml.jobs.models import JobState
from dml.payments import doctor as ledger_doctor
from tests.devices.factories import TestDevice
from tests.jobs.factories import (
    Ordered,
    claim_of,
    fold,
    hand_in,
    make_device,
    make_job,
    make_version,
    order,
    result,
    settle,
    sweep,
    work,
)
from tests.world import Person, World, problem


def counted(months: dict[str, dict[str, int]], uncertain: int = 0, **undated: int) -> Any:
    """A result that adds up."""
    labels = dict(undated)
    for counts in months.values():
        for label, count in counts.items():
            labels[label] = labels.get(label, 0) + count
    return {
        "items": sum(labels.values()) + uncertain,
        "labels": labels,
        "uncertain": uncertain,
        "months": months,
        "undated": sum(undated.values()),
    }


async def give(world: World, job: Ordered, body: Any, owner: Person | None = None) -> TestDevice:
    device = await make_device(world, owner)
    (lease,) = await claim_of(device, job)
    answer = await hand_in(device, lease, body)
    assert answer.status_code == 200, answer.text
    await fold(world)
    return device


async def seen(job: Ordered) -> dict[str, Any]:
    """Everything that customer and developer can read about it, headers and all."""
    paths = {
        job.customer: (
            job.path,
            f"{job.path}/results",
            f"{job.path}/results.csv",
            f"{job.path}/timeline",
            f"{job.path}/archives",
            "/v1/jobs",
            "/v1/payments/balance",
            "/v1/payments/transfers",
            "/v1/payments/statement.csv",
            "/v1/users/me",
        ),
        job.developer: (
            "/v1/payments/balance",
            "/v1/payments/transfers",
            "/v1/payments/statement.csv",
            "/v1/algorithms?mine=true",
            "/v1/users/me",
        ),
    }
    found = {}
    for person, asked in paths.items():
        for path in asked:
            answer = await person.get(path)
            told = dict(answer.headers)
            for varies in ("x-request-id", "date"):
                told.pop(varies, None)
            found[f"{person.id} {path}"] = (answer.status_code, told, answer.text)
    return found


async def streamed(world: World, job: Ordered) -> tuple[int, JobState]:
    """What a stream compares to tell whether there is news."""
    async with world.parts.sessions() as tx:
        query = "SELECT t.version, j.state FROM jobs j JOIN job_totals t ON t.job_id = j.id"
        row = (await tx.execute(text(f"{query} WHERE j.id = :id"), {"id": job.id})).one()
    return row.version, JobState(row.state)


async def test_between_two_steps_nothing_moves_that_customer_or_developer_can_see(
    world: World,
) -> None:
    job = await make_job(world, max_devices=20)
    before = (await seen(job), await streamed(world, job))
    moved = []
    for number in range(1, 21):
        await give(world, job, result(cat=number, dog=3 * number))
        after = (await seen(job), await streamed(world, job))
        if after != before:
            moved.append(number)
        before = after
    assert moved == [5, 10, 15, 20]


async def test_the_money_told_is_that_of_the_steps_and_adds_up(world: World) -> None:
    job = await make_job(world, max_devices=20)
    await work(world, job, 8)
    for _ in range(3):
        await fold(world)
    told, balance = await job.get(), (await job.customer.get("/v1/payments/balance")).json()
    assert (told["devices_done"], told["spent"]) == (8, "0.968")
    assert (balance["available"], balance["reserved"]) == ("997.58", "1.452")
    await give(world, job, result())
    again = (await job.customer.get("/v1/payments/balance")).json()
    assert again == balance
    developed = (await job.developer.get("/v1/payments/balance")).json()
    assert developed["total"] == "0.08"


async def test_a_cell_waits_until_enough_owners_fed_what_it_would_tell(world: World) -> None:
    job = await make_job(world, max_devices=20)
    rare = counted({"2026-03": {"cat": 7}}, dog=1)
    plain = counted({}, dog=1)
    for body in (rare, rare, rare, rare, plain):
        await give(world, job, body)
    told = await job.results()
    assert (told["labels"], told["months"], told["items"]) == ({"cat": 0, "dog": 5}, [], 5)
    assert (told["other"], told["other_months"], told["uncertain"]) == (0, {}, 0)
    for body in (rare, plain, plain, plain, plain):
        await give(world, job, body)
    told = await job.results()
    assert told["labels"] == {"cat": 35, "dog": 10}
    assert told["items"] == 45
    # What came to a cell that was told is as little told alone as what came first.
    for body in (rare, plain, plain, plain, plain):
        await give(world, job, body)
    told = await job.results()
    assert told["labels"] == {"cat": 35, "dog": 15}
    assert "cat,35" in (await job.customer.get(f"{job.path}/results.csv")).text


async def test_in_the_end_months_and_labels_of_too_few_are_told_together_or_not_at_all(
    world: World,
) -> None:
    job = await make_job(world, max_devices=7)
    for month in range(1, 8):  # Each cat in another month; two owners have dogs or are uncertain.
        await give(
            world,
            job,
            counted(
                {f"2026-0{month}": {"cat": month}}, uncertain=int(month == 1), **{"dog": month // 7}
            ),
        )
    assert await settle(world, job, JobState.COMPLETED) == "settled"
    told = await job.results()
    assert (told["labels"], told["other_months"]) == ({"cat": 28, "dog": 0}, {"cat": 28})
    assert (told["months"], told["uncertain"], told["other"], told["items"]) == ([], 0, 0, 28)
    text_ = (await job.customer.get(f"{job.path}/results.csv")).text
    assert text_.splitlines() == ["month,label,items", "other,cat,28"]

    job = await make_job(world, max_devices=6)
    for number in range(6):  # Three owners of each label, and as other they are six.
        await give(world, job, counted({}, cat=2) if number % 2 else counted({}, dog=3))
    assert await settle(world, job, JobState.COMPLETED) == "settled"
    told = await job.results()
    assert (told["labels"], told["other"], told["items"]) == ({"cat": 0, "dog": 0}, 15, 15)
    assert (await job.customer.get(f"{job.path}/results.csv")).text.endswith(",(other),15\r\n")


async def test_who_counted_nothing_makes_no_step(world: World) -> None:
    job = await make_job(world, max_devices=10)
    for _ in range(3):
        await give(world, job, counted({}))
    for _ in range(2):
        await give(world, job, result())
    told = await job.results()
    assert (told["devices_done"], told["items"]) == (0, None)
    await job.customer.post(f"{job.path}/close")
    assert await settle(world, job) == "settled"
    told = await job.results()
    assert (told["devices_done"], told["devices_shown"], told["labels"]) == (5, 0, None)
    assert told["next_step"]["devices"] is None
    assert "5 counted devices are paid and not shown" in told["next_step"]["reason"]


async def test_many_devices_of_few_owners_make_no_step(world: World) -> None:
    job = await make_job(world, max_devices=40, max_devices_per_owner=5)
    owners = [await world.person("owner") for _ in range(5)]
    for owner in owners[:4]:
        for _ in range(2):
            await give(world, job, result(), owner)
    assert (await job.results())["devices_shown"] == 0
    await give(world, job, result(), owners[4])
    told = await job.results()
    assert (told["devices_shown"], told["labels"]) == (9, {"cat": 18, "dog": 9})


async def test_customer_and_developer_get_no_place_of_their_own_job(world: World) -> None:
    job = await make_job(world)
    for owner in (job.customer, job.developer):
        device = await make_device(world, owner)
        assert await claim_of(device, job) == []
    other = await make_device(world)
    assert len(await claim_of(other, job)) == 1


async def approve(world: World, job: Ordered, moderator: Person) -> None:
    """Note who approved the job's version, as its approval does."""
    async with world.parts.sessions.begin() as tx:
        (await tx.get_one(Version, job.version_id)).reviewed_by = moderator.id


async def test_who_approved_the_version_gets_no_place_of_its_jobs(world: World) -> None:
    job, moderator = await make_job(world), await world.person("moderator")
    device = await make_device(world, moderator)
    await approve(world, job, moderator)
    assert await claim_of(device, job) == []
    assert len(await claim_of(await make_device(world), job)) == 1


async def test_who_approved_the_version_makes_no_step_and_feeds_no_cell(world: World) -> None:
    """Where they handed in before that was refused, they are paid and not counted as an owner."""
    job, moderator = await make_job(world, max_devices=20), await world.person("moderator")
    device = await make_device(world, moderator)
    (lease,) = await claim_of(device, job)
    assert (await hand_in(device, lease, result())).status_code == 200
    await approve(world, job, moderator)
    for _ in range(4):
        await give(world, job, result())
    assert (await job.results())["devices_shown"] == 0
    await give(world, job, result())
    assert (await job.results())["devices_shown"] == 6


async def test_a_job_of_six_with_five_done_says_when_its_step_comes_and_why(world: World) -> None:
    job = await make_job(world, max_devices=6)
    first = await job.results()
    assert first["next_step"]["devices"] == 6
    assert (
        "6 devices are still to be shown, and they are shown together"
        in (first["next_step"]["reason"])
    )
    for _ in range(5):
        await give(world, job, result())
    assert await job.results() == first
    await give(world, job, result())
    told = await job.results()
    assert (told["devices_shown"], told["next_step"]) == (6, None)


async def test_too_few_devices_are_refused_with_the_least(world: World) -> None:
    customer = await world.rich("customer", "10")
    version_id = await make_version(world, await world.person("developer"))
    refused = await customer.post(
        "/v1/jobs", order(version_id, max_devices=8, max_devices_per_owner=2)
    )
    told = problem(refused, 422, "jobs.too_few_devices")
    assert (told["least"], told["min_owners"]) == (9, 5)


async def beat(device: TestDevice, lease: dict[str, Any]) -> dict[str, Any]:
    answer = await device.post(f"/v1/assignments/{lease['id']}/heartbeat")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = json.loads(answer.text)
    return told


async def pass_time(world: World, lease: dict[str, Any], seconds: int) -> None:
    """Let a lease, its try and its assignment be so much older."""
    async with world.parts.sessions.begin() as tx:
        earlier = f"interval '{seconds} seconds'"
        query = f"""UPDATE assignments SET lease_expires_at = lease_expires_at - {earlier},
            try_ends_at = try_ends_at - {earlier} WHERE id = :id"""
        await tx.execute(text(query), {"id": lease["id"]})


async def test_heartbeats_keep_a_lease_for_one_try_and_no_longer(world: World) -> None:
    job, device = await make_job(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    assert 590 <= lease["lease_seconds"] <= 600
    assert 3_590 <= lease["try_seconds"] <= 3_600
    for _ in range(5):
        await pass_time(world, lease, 580)
        assert (await beat(device, lease))["lease_seconds"] >= 590
    await pass_time(world, lease, 580)
    assert (await beat(device, lease))["lease_seconds"] <= 120
    (again,) = await claim_of(device, job)
    assert again["try_seconds"] <= 120
    await pass_time(world, lease, 130)
    refused = await device.post(f"/v1/assignments/{lease['id']}/heartbeat")
    problem(refused, 409, "jobs.lease_over")
    assert await sweep(world) == 1
    (anew,) = await claim_of(device, job)
    assert anew["try_seconds"] >= 3_590


async def test_no_heartbeat_keeps_the_escrow_of_a_job_that_ends(world: World) -> None:
    job, device = await make_job(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    await pass_time(world, lease, 400)
    assert (await job.customer.post(f"{job.path}/pause")).status_code == 200
    assert (await beat(device, lease))["lease_seconds"] >= 590
    await pass_time(world, lease, 400)
    assert (await job.customer.post(f"{job.path}/close")).status_code == 200
    for _ in range(14):
        assert (await beat(device, lease))["lease_seconds"] <= 200
    assert await settle(world, job) == "waiting"
    await pass_time(world, lease, 200)
    assert await sweep(world) == 1
    assert await settle(world, job) == "settled"
    assert (await job.customer.get("/v1/payments/balance")).json()["reserved"] == "0"


async def require_sound(world: World, job: Ordered) -> None:
    """The doctor has nothing to say of this job, nor of the ledger."""
    async with world.parts.sessions() as tx:
        assert [it for it in await look(tx, doctor.CHECKS) if str(job.id) in it] == []
        assert await look(tx, ledger_doctor.CHECKS) == []


async def test_the_books_are_exact_between_steps_and_after_them(world: World) -> None:
    job = await make_job(world, max_devices=11)
    for number in range(1, 9):
        await give(world, job, result(cat=number))
        if number in (4, 5, 8):
            await require_sound(world, job)
    await job.customer.post(f"{job.path}/close")
    assert await settle(world, job) == "settled"
    await require_sound(world, job)
    developed = (await job.developer.get("/v1/payments/balance")).json()
    assert developed["total"] == "0.08"
