"""Claim, heartbeat, release and result through HTTP, as many devices at once and as wrong ones."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from dml.algorithms.models import Version
from dml.core.ids import new_id
from dml.jobs import queries
from dml.jobs.models import Assignment, JobState
from tests.devices.factories import TestDevice, permit, refuse
from tests.jobs.factories import (
    MODEL,
    SPEC,
    Ordered,
    claim,
    claim_of,
    fold,
    hand_in,
    make_device,
    make_job,
    places,
    result,
    settle,
    sweep,
    work,
)
from tests.world import Person, World, problem, soon


async def counted(world: World, job: Ordered) -> int:
    """How many results are counted and paid, told or not."""
    async with world.parts.sessions() as tx:
        return (await queries.get_totals(tx, job.id)).folded


async def run_out(world: World, lease: dict[str, Any]) -> None:
    """Let a lease run out, and be given back."""
    async with world.parts.sessions.begin() as tx:
        past = datetime.now(UTC) - timedelta(seconds=1)
        query = update(Assignment).where(Assignment.id == lease["id"])
        await tx.execute(query.values(lease_expires_at=past))
    await sweep(world)


async def test_a_lease_tells_all_that_its_device_must_know(world: World) -> None:
    job = await make_job(world, date_from="2026-01-01", min_confidence=0.25)
    device = await make_device(world)
    (lease,) = await claim_of(device, job)
    assert lease["job_id"] == str(job.id)
    assert 590 <= lease["lease_seconds"] <= 600
    assert lease["input"] == SPEC
    assert lease["labels"] == ["cat", "dog"]
    assert lease["min_confidence"] == 0.25
    assert lease["period"] == {"from": "2026-01-01", "to": None}
    told = lease["model"]
    assert told["size"] == len(MODEL)
    model = await device.get(told["url"])
    assert model.content == MODEL
    assert hashlib.sha256(model.content).hexdigest() == told["sha256"]


async def test_a_claim_gives_the_devices_own_live_lease_again(world: World) -> None:
    job, device = await make_job(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    (again,) = await claim(device)
    assert again["id"] == lease["id"]
    assert await places(world, job) == (9, 1, 0)


async def test_fifty_claims_at_once_by_one_device_lease_one_place(world: World) -> None:
    job, device = await make_job(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    await device.post(f"/v1/assignments/{lease['id']}/release")
    answers = await asyncio.gather(*(claim(device) for _ in range(50)))
    assert {it["id"] for items in answers for it in items} == {lease["id"]}
    assert all(len(items) == 1 for items in answers)
    assert await places(world, job) == (9, 1, 0)


async def test_two_devices_do_not_take_the_last_place(world: World) -> None:
    job = await make_job(world, max_devices=5)
    await work(world, job, 4)
    devices = [await make_device(world) for _ in range(8)]
    answers = await asyncio.gather(*(claim_of(device, job) for device in devices))
    assert sum(len(items) for items in answers) == 1
    assert await places(world, job) == (0, 1, 4)


async def test_one_owner_takes_no_more_places_than_the_job_allows(world: World) -> None:
    job = await make_job(world, max_devices_per_owner=2)
    first = await make_device(world)
    others = [await make_device(world, first.owner) for _ in range(4)]
    answers = await asyncio.gather(*(claim_of(device, job) for device in [first, *others]))
    assert sum(len(items) for items in answers) == 2
    assert await places(world, job) == (8, 2, 0)


async def test_several_claims_at_once_are_of_different_jobs(world: World) -> None:
    jobs = [await make_job(world, countries=["YT"]) for _ in range(3)]
    device = await make_device(world, country="YT")
    items = await claim(device, most=10)
    assert {it["job_id"] for it in items} == {str(it.id) for it in jobs}


async def test_a_lease_that_ran_out_gives_its_place_back_and_may_be_tried_three_times(
    world: World,
) -> None:
    job, device = await make_job(world), await make_device(world)
    ids = []
    for _ in range(3):
        (lease,) = await claim_of(device, job)
        ids.append(lease["id"])
        late = await hand_in(device, lease | {"id": str(new_id())})
        problem(late, 404, "jobs.assignment_not_found")
        await run_out(world, lease)
        assert await places(world, job) == (10, 0, 0)
        problem(await hand_in(device, lease), 409, "jobs.lease_over")
    assert len(set(ids)) == 1
    assert await claim_of(device, job) == []
    other = await make_device(world)
    assert await claim_of(other, job)


async def test_a_lease_that_ran_out_frees_its_owners_share(world: World) -> None:
    job, device = await make_job(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    other = await make_device(world, device.owner)
    assert await claim_of(other, job) == []
    await run_out(world, lease)
    assert await claim_of(other, job)
    assert await claim_of(device, job) == []


async def test_a_heartbeat_extends_a_lease_and_never_beyond_the_deadline(world: World) -> None:
    job, device = await make_job(world, deadline=soon(seconds=300)), await make_device(world)
    (lease,) = await claim_of(device, job)
    assert lease["lease_seconds"] <= 300
    answer = await device.post(f"/v1/assignments/{lease['id']}/heartbeat")
    assert answer.status_code == 200, answer.text
    assert answer.json()["lease_expires_at"] == lease["lease_expires_at"]
    await run_out(world, lease)
    refused = await device.post(f"/v1/assignments/{lease['id']}/heartbeat")
    assert problem(refused, 409, "jobs.lease_over")["state"] == "expired"


async def test_a_released_place_is_open_again_and_releasing_it_twice_is_once(world: World) -> None:
    job, device = await make_job(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    for _ in range(2):
        released = await device.post(f"/v1/assignments/{lease['id']}/release")
        assert released.status_code == 204
    assert await places(world, job) == (10, 0, 0)
    problem(await hand_in(device, lease), 409, "jobs.lease_over")
    problem(await device.get(lease["model"]["url"]), 409, "jobs.lease_over")


@pytest.mark.parametrize("path", ["heartbeat", "release", "result"])
async def test_nobody_touches_the_assignment_of_another_device(world: World, path: str) -> None:
    job, device, thief = await make_job(world), await make_device(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    refused = await thief.post(f"/v1/assignments/{lease['id']}/{path}", result())
    problem(refused, 404, "jobs.assignment_not_found")
    problem(await thief.get(lease["model"]["url"]), 404, "jobs.assignment_not_found")
    assert (await hand_in(device, lease)).status_code == 200


async def test_a_thief_does_not_even_learn_what_is_wrong_with_a_result(world: World) -> None:
    job, device, thief = await make_job(world), await make_device(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    refused = await hand_in(thief, lease, result() | {"items": 5})
    problem(refused, 404, "jobs.assignment_not_found")


async def test_a_claim_needs_a_devices_token(world: World) -> None:
    path, body = "/v1/assignments/claim", {"max": 1}
    refused = await world.client.post(path, json=body)
    problem(refused, 401, "devices.not_a_device")
    person = await world.person()
    problem(await person.post(path, body), 401, "devices.not_a_device")


async def test_no_work_is_an_empty_list_that_tells_when_to_come_back(world: World) -> None:
    owner = await world.person("owner")
    device = await make_device(world, owner)
    await permit(owner)
    answer = (await device.post("/v1/assignments/claim", {"max": 1})).json()
    assert answer["items"] == []
    assert 5 <= answer["retry_after_seconds"] <= 10
    assert "permits no kind of data" in answer["reason"]


@pytest.mark.parametrize("verb", ["pause", "close"])
async def test_a_job_that_is_paused_or_ended_gives_no_work_and_honours_live_leases(
    world: World, verb: str
) -> None:
    job, device, other = await make_job(world), await make_device(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    assert (await job.customer.post(f"{job.path}/{verb}")).status_code == 200
    assert await claim_of(other, job) == []
    assert (await hand_in(device, lease)).status_code == 200
    await fold(world)
    assert await counted(world, job) == 1


async def test_a_paused_job_goes_on_when_it_is_resumed(world: World) -> None:
    job, device = await make_job(world), await make_device(world)
    assert (await job.customer.post(f"{job.path}/pause")).json()["state"] == "paused"
    again = await job.customer.post(f"{job.path}/pause")
    refused = problem(again, 409, "jobs.wrong_state")
    assert (refused["state"], refused["allowed"]) == ("paused", ["open", "settling"])
    assert (await job.customer.post(f"{job.path}/resume")).json()["state"] == "open"
    assert await claim_of(device, job)


async def test_a_job_waits_for_a_live_lease_before_it_settles(world: World) -> None:
    job, device = await make_job(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    assert await settle(world, job, JobState.CANCELLED) == "waiting"
    await hand_in(device, lease)
    assert await settle(world, job) == "waiting"  # The inbox is not empty yet.
    await fold(world)
    assert await settle(world, job) == "settled"
    assert await settle(world, job) == "settled already"
    assert (await device.owner.get("/v1/payments/balance")).json()["available"] == "0.1"


@pytest.mark.parametrize(
    ("order", "device"),
    [
        ({"countries": ["WF", "WS"]}, {"country": "YE"}),
        ({"countries": ["WF"]}, {"country": None}),
        ({"starts_at": soon(hours=1)}, {}),
        ({}, {"kinds": ["audio"]}),
        ({}, {"kinds": []}),
    ],
)
async def test_a_device_that_does_not_fit_gets_no_work(
    world: World, order: dict[str, Any], device: dict[str, Any]
) -> None:
    job = await make_job(world, **order)
    assert await claim_of(await make_device(world, **device), job) == []


async def test_a_device_in_one_of_the_countries_gets_work(world: World) -> None:
    job = await make_job(world, countries=["VU", "YE"])
    assert await claim_of(await make_device(world, country="VU"), job)


@pytest.mark.parametrize("what", ["job", "developer", "label", "country"])
async def test_what_an_owner_refuses_is_not_handed_out(world: World, what: str) -> None:
    job, device = await make_job(world), await make_device(world)
    match what:
        case "job":
            await refuse(device.owner, jobs=[job.id])
        case "developer":
            await refuse(device.owner, developers=[job.developer.id])
        case "label":
            await refuse(device.owner, labels=["dog"])
        case "country":
            country = (await job.get())["countries"]
            await refuse(device.owner, refused_countries=country)
    assert await claim_of(device, job) == []


async def test_who_gives_less_than_a_job_may_learn_gets_none_of_its_work(world: World) -> None:
    job, device = await make_job(world, answers="noisy", epsilon=0.5), await make_device(world)
    await refuse(device.owner, max_epsilon=0.49)
    assert await claim_of(device, job) == []
    await refuse(device.owner, max_epsilon=0.5)
    assert len(await claim_of(device, job)) == 1


async def test_of_two_bodies_at_once_one_is_kept(world: World) -> None:
    job, device = await make_job(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    bodies = [result(cat=1), result(cat=2)] * 10
    answers = await asyncio.gather(*(hand_in(device, lease, body) for body in bodies))
    by_body = [{it.status_code for it in answers[which::2]} for which in (0, 1)]
    assert sorted(by_body, key=str) == [{200}, {409}]
    await fold(world)
    assert await counted(world, job) == 1
    assert (await device.owner.get("/v1/payments/balance")).json()["available"] == "0.1"


async def test_an_owner_sees_exactly_what_left_the_device_and_what_it_earned(
    world: World,
) -> None:
    job, device = await make_job(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    await hand_in(device, lease)
    await fold(world)
    asked: list[tuple[str, Person | TestDevice]] = [
        (device.path, device.owner),
        ("/v1/devices/self", device),
    ]
    for path, who in asked:
        seen = (await who.get(f"{path}/work")).json()["items"][0]
        assert (seen["state"], seen["paid"], seen["earned"]) == ("accepted", True, "0.1")
        assert seen["result"] == result()
        answer = await who.get(f"{path}/earnings")
        assert answer.status_code == 200, answer.text
        earned = answer.json()
        assert (earned["results_paid"], earned["earned"]) == (1, "0.1")
    stranger = await world.person()
    problem(await stranger.get(f"{device.path}/work"), 404, "devices.device_not_found")


@pytest.mark.parametrize("body", [{"max": 0}, {"max": 11}, {"max": "1"}, {"max": 1.5}, {"x": 1}])
async def test_a_claim_that_cannot_be_is_refused(world: World, body: dict[str, Any]) -> None:
    device = await make_device(world)
    problem(await device.post("/v1/assignments/claim", body), 422, "http.422")


async def test_a_device_gets_no_work_whose_input_its_agent_cannot_prepare(world: World) -> None:
    job = await make_job(world, spec={**SPEC, "color": "bgr", "version": 2})
    device = await make_device(world)
    assert await claim_of(device, job) == []
    for version, held in (("1", 0), ("2", 1), ("3", 1)):
        answer = await device.post(
            "/v1/assignments/claim", {"max": 1}, headers={"Input-Spec-Version": version}
        )
        items = answer.json()["items"]
        assert [it["input"]["version"] for it in items] == [2] * held, version
    # What it holds it holds, whoever asks: an agent of before gives it back.
    assert len(await claim_of(device, job)) == 1


async def test_a_device_gets_no_work_for_which_it_has_too_little(world: World) -> None:
    job = await make_job(world)
    async with world.parts.sessions.begin() as tx:
        version = await tx.get_one(Version, job.version_id)
        version.least_memory_mib, version.least_speed = 512, 5_000
    little: list[dict[str, Any]] = [{"memory_mib": 511}, {"memory_mib": 512, "speed": 4_999}]
    for has in little:
        assert await claim_of(await make_device(world, **has), job) == []
    enough: list[dict[str, Any]] = [{"memory_mib": 512, "speed": 5_000}, {"memory_mib": None}]
    for has in enough:
        assert len(await claim_of(await make_device(world, **has), job)) == 1
    grown = await make_device(world, memory_mib=256, speed=9_000)
    assert await claim_of(grown, job) == []
    assert (await grown.patch("/v1/devices/self", {"memory_mib": 1_024})).status_code == 200
    assert len(await claim_of(grown, job)) == 1


async def test_two_folds_at_once_count_each_result_once(world: World) -> None:
    job = await make_job(world)
    devices = [await make_device(world) for _ in range(6)]
    for device in devices:
        (lease,) = await claim_of(device, job)
        await hand_in(device, lease)
    await asyncio.gather(*(fold(world) for _ in range(5)))
    assert await counted(world, job) == 6
    for device in devices:
        assert (await device.owner.get("/v1/payments/balance")).json()["available"] == "0.1"


async def test_what_waits_to_be_folded_is_measured(world: World) -> None:
    async def waiting() -> queries.Waiting:
        async with world.parts.sessions() as tx:
            return await queries.waiting(tx)

    while await fold(world):
        pass
    assert await waiting() == queries.Waiting(0, 0.0)
    await work(world, await make_job(world), 3)
    seen = await waiting()
    assert seen.results == 3
    assert 0 < seen.oldest_seconds < 60
