"""The price of a job before it is created: the same as afterwards, and refused for the same."""

from typing import Any

import pytest

from tests.jobs.factories import make_job, order
from tests.world import World, problem, soon

QUOTES = "/v1/jobs/quotes"


async def test_a_job_costs_what_its_quote_said(world: World) -> None:
    job = await make_job(world)
    asked = order(job.version_id, max_devices=7, reward="0.05")
    quoted = (await job.customer.post(QUOTES, asked)).json()
    made = (await job.customer.post("/v1/jobs", asked | {"max_total": quoted["cost"]})).json()
    assert quoted.pop("within") == 0  # It is exact.
    money = ("reward", "device_fee", "platform_fee", "cost")
    shared = (*money, "min_devices", "answers", "epsilon", "max_items", "max_norm")
    assert quoted == {name: made[name] for name in shared}


async def test_a_quote_keeps_nothing_and_needs_no_money(world: World) -> None:
    job, poor = await make_job(world), await world.person("poor")
    assert (await poor.post(QUOTES, order(job.version_id))).status_code == 200
    assert (await poor.get("/v1/jobs")).json()["items"] == []
    assert (await poor.get("/v1/payments/transfers")).json()["items"] == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"max_devices": 4}, "jobs.too_few_devices"),
        ({"deadline": soon(days=-1)}, "jobs.deadline_not_ahead"),
        ({"version_id": "01987c1e-0000-7000-8000-000000000001"}, "algorithms.version_not_found"),
    ],
)
async def test_what_could_not_be_ordered_has_no_price(
    world: World, changes: dict[str, Any], code: str
) -> None:
    job = await make_job(world)
    asked = order(job.version_id) | changes
    quoted = await job.customer.post(QUOTES, asked)
    created = await job.customer.post("/v1/jobs", asked)
    assert problem(quoted, created.status_code, code)["title"] == created.json()["title"]


async def test_strangers_are_told_no_price(world: World) -> None:
    assert (await world.client.post(QUOTES, json={})).status_code == 401
