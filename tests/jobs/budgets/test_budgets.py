"""What an owner's budget covers, and that it is reserved, spent and given back, each once."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from dml.core.checks import look
from dml.core.db import raw
from dml.core.ids import DeviceId
from dml.jobs.budgets import doctor as budget_doctor, rules
from dml.jobs.device_path import ended_leases
from dml.jobs.noise import doctor as noise_doctor
from dml.jobs.noise.rules import rho_of
from tests.devices.factories import TestDevice
from tests.jobs.factories import (
    Ordered,
    claim,
    hand_in,
    make_device,
    make_job,
    order,
    result,
    sweep,
)
from tests.world import Person, World, problem

NOISY: dict[str, Any] = {"answers": "noisy", "epsilon": 1, "max_items": 4}
NOW = datetime(2026, 11, 30, tzinfo=UTC)
TODAY = rules.day_of(NOW)


async def row(world: World, owner: Person) -> tuple[int, list[int]]:
    """What was taken in all, and on each day."""
    query = "SELECT spent_in_all, spent FROM owner_budgets WHERE owner_id = :id"
    async with world.parts.sessions() as tx:
        return tuple((await tx.execute(text(query), {"id": owner.id})).one())


async def run(world: World, statement: str, **values: Any) -> None:
    async with world.parts.sessions.begin() as tx:
        await tx.execute(text(statement), values)


async def set_budget(owner: Person, epsilon: float | None, *, paused: bool = False) -> Any:
    answer = await owner.put("/v1/privacy/budget", {"epsilon": epsilon, "paused": paused})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def faults(world: World) -> list[str]:
    async with world.parts.sessions() as tx:
        return await look(tx, [*noise_doctor.CHECKS, *budget_doctor.CHECKS])


async def another(job: Ordered, **changes: Any) -> None:
    """A further job like this one, of the same customer and in the same country."""
    country = (await job.get())["countries"]
    body = order(job.version_id, countries=country, **NOISY | changes)
    assert (await job.customer.post("/v1/jobs", body)).status_code == 201


async def owner_of(world: World, devices: int = 1) -> tuple[Person, list[TestDevice]]:
    owner = await world.person("owner")
    return owner, [await make_device(world, owner) for _ in range(devices)]


@pytest.mark.parametrize(
    ("days", "spent", "lately"),
    [
        ([], [], 0),
        ([TODAY], [5], 5),
        ([TODAY - 30, TODAY - 29, TODAY], [1, 2, 4], 6),
        ([TODAY + 3], [7], 7),  # The clock was set back: nothing is forgotten for that.
        ([TODAY - 26, TODAY + 3], [1, 2], 3),
        ([TODAY - 27, TODAY + 3], [1, 2], 2),
    ],
)
def test_what_was_spent_counts_for_thirty_days(
    days: list[int], spent: list[int], lately: int
) -> None:
    assert rules.spent_lately(days, spent, NOW) == lately


async def test_a_result_spends_what_its_claim_took(world: World) -> None:
    job = await make_job(world, **NOISY)
    owner, (device,) = await owner_of(world)
    cost = rho_of(1)
    (lease,) = await claim(device)
    assert await row(world, owner) == (cost, [cost])
    told = (await owner.get("/v1/privacy/budget")).json()
    assert (told["reserved"], told["spent"], told["is_own"]) == (1.0, 0.0, False)
    for _ in range(2):  # Sent again, it is accepted again, and spends nothing more.
        assert (await hand_in(device, lease)).status_code == 200
        assert await row(world, owner) == (cost, [cost])
    await another(job)
    (lease,) = await claim(device)
    assert (await hand_in(device, lease)).status_code == 200
    assert await row(world, owner) == (2 * cost, [2 * cost])
    told = (await owner.get("/v1/privacy/budget")).json()
    assert 1.4 < told["spent"] < 1.5  # Twice epsilon 1 is less than 2.
    assert await faults(world) == []


@pytest.mark.parametrize("how", ["release", "sweep", "revoke"])
async def test_a_lease_that_ends_without_a_result_gives_back(world: World, how: str) -> None:
    await make_job(world, **NOISY)
    owner, (device,) = await owner_of(world)
    (lease,) = await claim(device)
    match how:
        case "release":
            answer = await device.post(f"/v1/assignments/{lease['id']}/release", {})
            assert answer.status_code == 204
        case "sweep":
            ended = "UPDATE assignments SET lease_expires_at = now() WHERE id = :id"
            await run(world, ended, id=lease["id"])
            assert await sweep(world) >= 1
        case _:
            async with world.parts.sessions.begin() as tx:
                assert await ended_leases.revoke(await raw(tx), DeviceId(UUID(str(device.id)))) == 1
    assert await row(world, owner) == (0, [0])
    assert await faults(world) == []
    if how == "release":  # The same row is leased anew, and reserves anew.
        await claim(device)
        assert await row(world, owner) == (rho_of(1), [rho_of(1)])


async def test_what_a_budget_does_not_cover_is_not_offered_and_the_owner_hears_why(
    world: World,
) -> None:
    job = await make_job(world, **NOISY)
    owner, (device,) = await owner_of(world)
    assert (await set_budget(owner, 0.5))["is_own"]
    refused = (await device.post("/v1/assignments/claim", {"max": 1})).json()
    assert refused["items"] == []
    assert "privacy budget" in refused["reason"]
    await set_budget(owner, 1)
    await set_budget(owner, 1, paused=True)
    assert await claim(device) == []
    await set_budget(owner, 1)
    (lease,) = await claim(device)
    assert (await hand_in(device, lease)).status_code == 200
    await another(job)
    assert await claim(device) == []  # It is spent, until 30 days later:
    old = "UPDATE owner_budgets SET days = ARRAY[days[1] - 30] WHERE owner_id = :id"
    await run(world, old, id=owner.id)
    assert len(await claim(device)) == 1
    assert await faults(world) == []


async def test_two_claims_of_one_owner_at_the_last_of_a_budget_get_one_place(
    world: World,
) -> None:
    await make_job(world, max_devices_per_owner=5, max_devices=30, **NOISY | {"max_items": 25})
    owner, devices = await owner_of(world, 5)
    await set_budget(owner, 0.5)  # Each device costs a fifth of epsilon 1: one is covered.
    cost = -(-rho_of(1) // 5)
    covered = rho_of(0.5) // cost
    got = await asyncio.gather(*(claim(it) for it in devices))
    assert sum(map(len, got)) == covered
    assert await row(world, owner) == (covered * cost, [covered * cost])
    again = [it for device in devices for it in await claim(device)]
    assert len(again) == covered  # Those that they hold.
    assert await faults(world) == []


async def test_results_of_one_owner_at_once_are_all_spent(world: World) -> None:
    await make_job(world, max_devices_per_owner=5, max_devices=30, **NOISY | {"max_items": 25})
    owner, devices = await owner_of(world, 5)
    leases = await asyncio.gather(*(claim(it) for it in devices))
    pairs = [(it, lease) for it, (lease,) in zip(devices, leases, strict=True)]
    answers = await asyncio.gather(*(hand_in(it, lease, result()) for it, lease in pairs))
    assert [it.status_code for it in answers] == [200] * 5
    spent = 5 * -(-rho_of(1) // 5)
    assert await row(world, owner) == (spent, [spent])
    assert await faults(world) == []


async def test_days_of_spending_are_kept_as_long_as_they_count(world: World) -> None:
    job = await make_job(world, **NOISY)
    owner, (device,) = await owner_of(world)
    (lease,) = await claim(device)
    assert (await hand_in(device, lease)).status_code == 200
    cost, today = rho_of(1), rules.day_of(datetime.now(UTC))
    past = """
        UPDATE owner_budgets SET spent_in_all = 30 + :cost,
            days = ARRAY(SELECT CAST(:today AS bigint) - 31 + n FROM generate_series(1, 30) n),
            spent = ARRAY(SELECT 1 FROM generate_series(1, 30))
        WHERE owner_id = :id"""
    await run(world, past, id=owner.id, today=today, cost=cost)
    await another(job)
    (lease,) = await claim(device)
    assert (await hand_in(device, lease)).status_code == 200
    assert (await row(world, owner))[1] == [1] * 29 + [cost]
    ahead = """
        UPDATE owner_budgets
        SET days = ARRAY[CAST(:day AS bigint)], spent = ARRAY[CAST(:cost AS bigint)]
        WHERE owner_id = :id"""
    await run(world, ahead, id=owner.id, day=today + 2, cost=cost)
    await another(job)
    (lease,) = await claim(device)
    assert (await hand_in(device, lease)).status_code == 200
    assert (await row(world, owner))[1] == [2 * cost]  # A clock set back begins no new day.
    reset = "UPDATE owner_budgets SET spent_in_all = :all WHERE owner_id = :id"
    await run(world, reset, id=owner.id, all=3 * cost)
    assert await faults(world) == []


async def test_exact_answers_spend_nothing(world: World) -> None:
    await make_job(world)
    owner, (device,) = await owner_of(world)
    await set_budget(owner, None, paused=True)
    (lease,) = await claim(device)
    assert (await hand_in(device, lease)).status_code == 200
    assert await row(world, owner) == (0, [])


async def test_a_budget_beyond_the_operators_is_refused(world: World) -> None:
    owner, before = await world.person("owner"), world.app.state.settings
    world.app.state.settings = before.model_copy(update={"owner_epsilon_max": 20.0})
    try:
        refused = await owner.put("/v1/privacy/budget", {"epsilon": 50})
    finally:
        world.app.state.settings = before
    assert problem(refused, 422, "jobs.budget_out_of_bounds")["most"] == pytest.approx(20, 0.01)


async def test_the_doctor_sees_a_budget_that_is_off(world: World) -> None:
    await make_job(world, **NOISY)
    owner, (device,) = await owner_of(world)
    (lease,) = await claim(device)
    cost = rho_of(1)
    assert (await hand_in(device, lease)).status_code == 200
    await run(world, "UPDATE owner_budgets SET spent_in_all = 1 WHERE owner_id = :id", id=owner.id)
    assert any(str(owner.id) in it for it in await faults(world))
    right = "UPDATE owner_budgets SET spent_in_all = :cost WHERE owner_id = :id"
    await run(world, right, id=owner.id, cost=cost)
    assert await faults(world) == []
