"""Ordering a job with bad input, and who may see one."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from dml.core.context import SYSTEM, Context, Role
from dml.core.ids import VersionId, new_id
from dml.devices.events import DeviceRevoked
from dml.jobs import processes
from tests.jobs.factories import (
    claim_of,
    fold as fold_all,
    make_device,
    make_job,
    make_version,
    order,
    settle,
    work,
)
from tests.world import World, problem, soon


@pytest.fixture(scope="module")
async def version_id(world: World) -> VersionId:
    return await make_version(world, await world.person("developer"))


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"max_devices": 0}, "http.422"),
        ({"max_devices": 10**9}, "http.422"),
        ({"max_devices": -1}, "http.422"),
        ({"max_devices": "10"}, "http.422"),
        ({"max_devices": 2**64}, "http.422"),
        ({"max_devices_per_owner": 0}, "http.422"),
        ({"reward": "0"}, "http.422"),
        ({"reward": "-1"}, "http.422"),
        ({"reward": 1}, "http.422"),
        ({"reward": "0.0000001"}, "http.422"),
        ({"reward": "9999999999999"}, "http.422"),
        ({"reward": "9000000000000", "max_devices": 9}, "jobs.cost_too_large"),
        ({"reward": "1844674407370.955161", "max_devices": 5}, "jobs.cost_too_large"),
        ({"max_devices": 1}, "jobs.too_few_devices"),
        ({"max_devices": 4}, "jobs.too_few_devices"),
        ({"max_devices": 8, "max_devices_per_owner": 2}, "jobs.too_few_devices"),
        ({"deadline": "2020-01-01T00:00:00Z"}, "jobs.deadline_not_ahead"),
        ({"deadline": "2190-01-01T00:00:00Z"}, "jobs.deadline_not_ahead"),
        ({"deadline": "9999-12-31T23:59:59Z"}, "http.422"),
        ({"deadline": "0001-01-01T00:00:00+01:00"}, "http.422"),
        ({"deadline": "2027-01-01T00:00:00"}, "http.422"),
        ({"deadline": "tomorrow"}, "http.422"),
        ({"starts_at": "9999-12-31T23:59:59-12:00"}, "http.422"),
        ({"starts_at": soon(days=2)}, "jobs.starts_too_late"),
        ({"date_from": "9999-12-31"}, "http.422"),
        ({"date_from": "2026-02-30"}, "http.422"),
        ({"date_from": "2026-02-01", "date_to": "2026-02-01"}, "jobs.period_out_of_order"),
        ({"min_confidence": 1.5}, "http.422"),
        ({"min_confidence": -0.1}, "http.422"),
        ({"countries": ["Portugal"]}, "http.422"),
        ({"countries": ["PT"] * 251}, "http.422"),
        ({"title": "nul \0"}, "http.422"),
        ({"title": "half \ud800"}, "http.422"),
        ({"title": ""}, "http.422"),
        ({"title": "x" * 201}, "http.422"),
        ({"version_id": "none"}, "http.422"),
        ({"max_total": "1.2099999"}, "http.422"),
        ({"surprise": 1}, "http.422"),
    ],
)
async def test_an_order_that_cannot_be_is_refused_and_costs_nothing(
    world: World, version_id: VersionId, wrong: dict[str, Any], code: str
) -> None:
    customer = await world.rich("customer", "1000")
    headers = {"content-type": "application/json"}
    content = json.dumps(order(version_id) | wrong)
    refused = await customer.ask("POST", "/v1/jobs", content=content, headers=headers)
    problem(refused, 422, code)
    assert (await customer.get("/v1/payments/balance")).json()["total"] == "1000"
    assert (await customer.get("/v1/jobs")).json()["items"] == []


async def test_nan_is_no_confidence(world: World, version_id: VersionId) -> None:
    customer = await world.rich("customer", "1000")
    content = json.dumps(order(version_id, min_confidence=float("nan")))
    headers = {"content-type": "application/json"}
    refused = await customer.ask("POST", "/v1/jobs", content=content, headers=headers)
    assert refused.status_code == 422


async def test_a_version_that_nobody_knows_is_refused(world: World) -> None:
    customer = await world.rich("customer", "1000")
    refused = await customer.post("/v1/jobs", order(VersionId(new_id())))
    problem(refused, 404, "algorithms.version_not_found")


async def test_one_micro_token_short_is_short(world: World, version_id: VersionId) -> None:
    customer = await world.rich("customer", "1.209999")
    refused = await customer.post("/v1/jobs", order(version_id))
    short = problem(refused, 409, "payments.insufficient_funds")
    assert short["missing"] == "0.000001"
    assert (await customer.get("/v1/payments/balance")).json()["reserved"] == "0"
    exact = await world.rich("customer", "1.21")
    assert (await exact.post("/v1/jobs", order(version_id))).status_code == 201
    balance = (await exact.get("/v1/payments/balance")).json()
    assert (balance["available"], balance["reserved"]) == ("0", "1.21")


async def test_two_jobs_at_once_do_not_spend_one_balance(
    world: World, version_id: VersionId
) -> None:
    customer = await world.rich("customer", "1.21")
    asked = (customer.post("/v1/jobs", order(version_id)) for _ in range(10))
    codes = [it.status_code for it in await asyncio.gather(*asked)]
    assert codes.count(201) == 1
    assert set(codes) <= {201, 409, 429}
    refused = await customer.post("/v1/jobs", order(version_id))
    problem(refused, 409, "payments.insufficient_funds")
    assert len((await customer.get("/v1/jobs")).json()["items"]) == 1


async def test_the_same_order_under_one_key_is_one_job(world: World, version_id: VersionId) -> None:
    customer = await world.rich("customer", "1000")
    body, headers = order(version_id), {"Idempotency-Key": "order-1"}
    asked = (customer.post("/v1/jobs", body, headers=headers) for _ in range(5))
    answers = await asyncio.gather(*asked)
    assert {it.status_code for it in answers} == {201}
    assert len({it.text for it in answers}) == 1
    assert len({it.headers["location"] for it in answers}) == 1
    assert len((await customer.get("/v1/jobs")).json()["items"]) == 1


async def test_closing_twice_under_one_key_is_closing_once(world: World) -> None:
    job, headers = await make_job(world), {"Idempotency-Key": "close-1"}
    first = await job.customer.post(f"{job.path}/close", headers=headers)
    again = await job.customer.post(f"{job.path}/close", headers=headers)
    assert (first.status_code, again.text) == (200, first.text)
    problem(await job.customer.post(f"{job.path}/close"), 409, "jobs.wrong_state")


async def test_a_price_that_rose_is_refused(world: World, version_id: VersionId) -> None:
    customer = await world.rich("customer", "1000")
    refused = await customer.post("/v1/jobs", order(version_id, max_total="1.2"))
    assert problem(refused, 409, "jobs.price_changed")["total"] == "1.21"
    agreed = await customer.post("/v1/jobs", order(version_id, max_total="1.21"))
    assert agreed.status_code == 201


async def test_somebody_elses_job_is_not_there(world: World) -> None:
    job = await make_job(world)
    stranger = await world.person("stranger")
    for path in ("", "/results", "/results.csv", "/events", "/timeline"):
        problem(await stranger.get(f"{job.path}{path}"), 404, "jobs.not_found")
    for verb in ("pause", "resume", "close"):
        problem(await stranger.post(f"{job.path}/{verb}"), 404, "jobs.not_found")
    problem(await stranger.get(f"/v1/jobs/{new_id()}"), 404, "jobs.not_found")
    assert (await stranger.get("/v1/jobs/nonsense")).status_code == 422
    assert (await world.client.get(job.path)).status_code == 401


async def test_a_moderator_reads_nobody_elses_job_and_ends_it_only_with_a_reason(
    world: World,
) -> None:
    job = await make_job(world)
    moderator = await world.person("moderator", Role.MODERATOR)
    for path in ("", "/results", "/results.csv", "/events", "/timeline"):
        problem(await moderator.get(f"{job.path}{path}"), 404, "jobs.not_found")
    for verb in ("pause", "resume"):
        problem(await moderator.post(f"{job.path}/{verb}"), 404, "jobs.not_found")
    assert (await moderator.get("/v1/jobs")).json()["items"] == []
    refused = await moderator.post(f"{job.path}/close")
    assert 400 <= refused.status_code < 500, refused.text
    closed = await moderator.post(f"{job.path}/close", {"reason": "It harms people."})
    assert closed.status_code == 200, closed.text
    problem(await moderator.get(job.path), 404, "jobs.not_found")


async def test_jobs_are_listed_in_pages_and_by_state(world: World, version_id: VersionId) -> None:
    customer = await world.rich("customer", "1000")
    made = [(await customer.post("/v1/jobs", order(version_id))).json() for _ in range(3)]
    await customer.post(f"/v1/jobs/{made[0]['id']}/pause")
    page = (await customer.get("/v1/jobs?limit=2")).json()
    assert [it["id"] for it in page["items"]] == [made[2]["id"], made[1]["id"]]
    rest = (await customer.get(f"/v1/jobs?limit=2&cursor={page['next_cursor']}")).json()
    assert [it["id"] for it in rest["items"]] == [made[0]["id"]]
    paused = (await customer.get("/v1/jobs?state=paused")).json()["items"]
    assert [it["id"] for it in paused] == [made[0]["id"]]
    assert (await customer.get("/v1/jobs?state=nonsense")).status_code == 422


async def test_results_are_given_as_csv(world: World) -> None:
    job = await make_job(world, max_devices=5)
    empty = await job.customer.get(f"{job.path}/results.csv")
    assert empty.text == "month,label,items\r\n"
    await work(world, job, 5)
    await fold_all(world)
    answer = await job.customer.get(f"{job.path}/results.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text.splitlines() == [
        "month,label,items",
        "2026-03,cat,10",
        "undated,dog,5",
        ",(uncertain),5",
    ]


async def test_a_job_that_ends_with_too_few_devices_pays_them_and_shows_no_counts(
    world: World,
) -> None:
    job = await make_job(world)
    devices = await work(world, job, 4)
    await fold_all(world)
    await job.customer.post(f"{job.path}/close")
    assert await settle(world, job) == "settled"
    results = await job.results()
    assert (results["devices_done"], results["devices_shown"]) == (4, 0)
    for hidden in ("items", "labels", "uncertain", "months", "undated"):
        assert results[hidden] is None
    for device in devices:
        assert (await device.owner.get("/v1/payments/balance")).json()["total"] == "0.1"


async def test_events_tell_each_step_and_the_end(world: World) -> None:
    job = await make_job(world, max_devices=5)
    seen: list[str] = []

    async def watch() -> None:
        answer = await job.customer.get(f"{job.path}/events")
        assert answer.headers["content-type"].startswith("text/event-stream")
        seen.extend(answer.text.split("\n\n"))

    watching = asyncio.create_task(watch())
    await work(world, job, 5)
    await fold_all(world)
    await asyncio.sleep(0.6)
    await job.customer.post(f"{job.path}/close")
    await settle(world, job)
    await asyncio.wait_for(watching, 10)
    events = [it for it in seen if "event:" in it]
    assert "event: end" in events[-1]
    first, last = (json.loads(it.split("data: ")[1]) for it in (events[0], events[-1]))
    assert first["labels"] is None
    assert last["labels"] == {"cat": 10, "dog": 5}
    versions = [json.loads(it.split("data: ")[1])["version"] for it in events]
    assert versions == sorted(versions)


async def test_a_revoked_device_gives_its_places_back(world: World) -> None:
    job = await make_job(world, max_devices=5)
    await work(world, job, 4)
    device = await make_device(world)
    await claim_of(device, job)
    assert (await device.owner.post(f"{device.path}/revoke")).status_code in (200, 204)
    refused = await device.post("/v1/assignments/claim", {"max": 1})
    problem(refused, 403, "devices.revoked")
    async with world.parts.sessions.begin() as tx:
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        await processes.end_leases_of_revoked(ctx, DeviceRevoked(device.id))
    other = await make_device(world)
    assert await claim_of(other, job)
