"""The price of a job before it is created: the same as afterwards, and refused for the same."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dml.core.settings import Settings
from dml.jobs.crowds import statements
from dml.jobs.crowds.models import EVERYWHERE
from tests.jobs.factories import make_job, order
from tests.world import World, problem, soon

QUOTES = "/v1/jobs/quotes"


async def test_a_job_costs_what_its_quote_said(world: World) -> None:
    job = await make_job(world)
    asked = order(job.version_id, max_devices=7, reward="0.05")
    quoted = (await job.customer.post(QUOTES, asked)).json()
    made = (await job.customer.post("/v1/jobs", asked | {"max_total": quoted["cost"]})).json()
    assert (quoted["within"], quoted["expected_precision"]) == (0, None)  # It is exact.
    money = ("reward", "device_fee", "platform_fee", "cost")
    shared = (*money, "min_owners", "answers", "epsilon", "max_items", "max_norm", "precision")
    assert {name: quoted[name] for name in shared} == {name: made[name] for name in shared}
    assert quoted["least_reward"] == "0.001"


async def test_a_norm_bounds_how_many_items_are_expected(world: World) -> None:
    job = await make_job(world)
    asked = order(job.version_id, max_devices=100, answers="noisy")
    usual, by_norm, by_items = [
        (await job.customer.post(QUOTES, asked | it)).json()["expected_precision"]
        for it in ({}, {"max_norm": 1}, {"max_items": 1})
    ]
    assert usual["items_of_an_owner"] == 50
    assert by_norm == by_items
    assert by_norm["items_of_an_owner"] == 1


async def test_a_quote_keeps_nothing_and_needs_no_money(world: World) -> None:
    job, poor = await make_job(world), await world.person("poor")
    assert (await poor.post(QUOTES, order(job.version_id))).status_code == 200
    assert (await poor.get("/v1/jobs")).json()["items"] == []
    assert (await poor.get("/v1/payments/transfers")).json()["items"] == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"max_devices": 4}, "jobs.too_few_devices"),
        ({"precision": 0.01}, "jobs.exact_has_no_precision"),
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


@asynccontextmanager
async def crowds(world: World, **changes: Any) -> AsyncIterator[datetime]:
    """As if so many had been counted; with these settings, and none afterwards."""
    now, state = datetime.now(UTC), world.app.state
    counted = {
        ("photo", EVERYWHERE): [1_000, 1_000, 500, 500, 0, 100, 0, 0],
        ("photo", "PT"): [95, 5],
        ("photo", "LI"): [3, -8],
    }
    before = state.settings
    state.settings = before.model_copy(update=changes)
    async with world.parts.sessions.begin() as tx:
        await statements.replace(tx, counted, now)
    try:
        yield now
    finally:
        state.settings = before
        async with world.parts.sessions.begin() as tx:
            await statements.replace(tx, {}, now)


async def test_a_quote_says_who_could_take_part_and_how_soon(world: World) -> None:
    job = await make_job(world)
    asked = order(job.version_id, countries=["PT"], max_devices=100, deadline=soon(days=20))
    before = (await job.customer.post(QUOTES, asked)).json()
    assert before["crowd"]["counted_at"] is None
    assert "not counted" in before["half_in"]["unknown_because"]
    async with crowds(world, target_owners=50) as now:
        told = (await job.customer.post(QUOTES, asked)).json()
        few = (await job.customer.post(QUOTES, asked | {"countries": ["LI"]})).json()
        everywhere = {"countries": [], "max_devices": 3_000, "deadline": soon(days=9)}
        all_of_them = (await job.customer.post(QUOTES, asked | everywhere)).json()
    crowd = told["crowd"]
    assert (crowd["at_least"], crowd["below"], crowd["least"]) == (100, 200, 50)
    assert crowd["is_enough"]
    half, most = (datetime.fromisoformat(told[it]["at"]) for it in ("half_in", "most_in"))
    assert now + timedelta(hours=12) < half < now + timedelta(hours=15), "100 of 3,100 in a day"
    assert half < most < now + timedelta(days=20)
    assert (few["crowd"]["at_least"], few["crowd"]["below"]) == (None, 50)
    assert not few["crowd"]["is_enough"]
    assert few["half_in"]["at"] is None
    assert all_of_them["crowd"]["at_least"] == 1_600
    assert all_of_them["most_in"]["unknown_because"].startswith("As they came lately")


async def test_a_job_for_few_people_is_refused_with_the_reason(world: World) -> None:
    job = await make_job(world)
    default = Settings.model_fields["target_owners"].default
    assert default >= 10 * world.app.state.settings.min_owners
    async with crowds(world, target_owners=default):
        few = await job.customer.post("/v1/jobs", order(job.version_id, countries=["LI"]))
        told = problem(few, 422, "jobs.target_too_small")
        assert (told["least"], told["counted_every_hours"]) == (default, 24)
        nobody = await job.customer.post("/v1/jobs", order(job.version_id, countries=["FR"]))
        problem(nobody, 422, "jobs.target_too_small")
        for countries in (["PT"], ["PT", "LI"]):
            made = await job.customer.post("/v1/jobs", order(job.version_id, countries=countries))
            assert made.status_code == 201, made.text
            closed = await job.customer.post(f"/v1/jobs/{made.json()['id']}/close")
            assert closed.status_code == 200


async def test_who_agreed_to_exact_answers_is_a_crowd_of_its_own(world: World) -> None:
    job = await make_job(world)
    async with crowds(world, target_owners=50, exact_answers="agreed"):
        exact = (await job.customer.post(QUOTES, order(job.version_id, countries=["PT"]))).json()
    assert exact["crowd"]["at_least"] is None


async def test_a_quote_says_how_precise_the_answer_should_be(world: World) -> None:
    job = await make_job(world)
    noisy = order(job.version_id, answers="noisy", epsilon=1, max_devices=1_000)
    told = (await job.customer.post(QUOTES, noisy)).json()["expected_precision"]
    twice = noisy | {"max_devices": 2_000}
    more = (await job.customer.post(QUOTES, twice)).json()["expected_precision"]
    assert told["items_of_an_owner"] == 50
    assert 0.01 < told["as_ordered"] < 0.02
    assert told["with_twice_the_devices"] == more["as_ordered"] < told["as_ordered"]
    assert told["with_twice_the_epsilon"] < told["as_ordered"]
    most = noisy | {"epsilon": 100}
    told = (await job.customer.post(QUOTES, most)).json()["expected_precision"]
    assert told["with_twice_the_epsilon"] is None


async def test_quotes_are_limited_for_each_user(world: World) -> None:
    job = await make_job(world)
    async with crowds(world, quotes_a_minute=2):
        answers = [await job.customer.post(QUOTES, order(job.version_id)) for _ in range(3)]
    problem(answers[2], 429, "edge.too_many_tries")
    assert [it.status_code for it in answers[:2]] == [200, 200]


async def test_strangers_are_told_no_price(world: World) -> None:
    assert (await world.client.post(QUOTES, json={})).status_code == 401
