"""What one customer may have at once, and what of many jobs is kept only once."""

import asyncio
import time
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime

from dml.core.context import Actor, Context
from dml.jobs import queries, service, settling
from dml.jobs.device_path.service import DevicePath
from dml.jobs.service import Limits
from tests.jobs import factories
from tests.jobs.factories import (
    claim,
    claim_of,
    hand_in,
    make_device,
    make_job,
    make_version,
    order,
)
from tests.world import World, problem, soon

LABELS = [f"a label with a name of its own, number {number}" for number in range(1_000)]


async def test_a_reward_that_is_next_to_nothing_is_refused(world: World) -> None:
    job = await make_job(world)
    answer = await job.customer.post("/v1/jobs", order(job.version_id, reward="0.000999"))
    assert problem(answer, 422, "jobs.reward_too_low")["least"] == "0.001"
    answer = await job.customer.post("/v1/jobs", order(job.version_id, reward="0.001"))
    assert answer.status_code == 201


async def test_a_customer_has_so_many_jobs_at_once_and_may_order_again_after_one(
    world: World,
) -> None:
    job = await make_job(world)
    most = world.parts.settings.jobs_at_once
    one = order(job.version_id, max_devices=5, reward="0.001")
    answers = [await job.customer.post("/v1/jobs", one) for _ in range(most - 3)]
    for _ in range(20):  # Five at once: no two are taken at one time.
        answers += await asyncio.gather(*(job.customer.post("/v1/jobs", one) for _ in range(5)))
    codes = [it.status_code for it in answers]
    assert codes.count(201) == most - 1
    assert set(codes) <= {201, 409, 429}
    refused = next(it for it in answers if it.status_code == 409)
    assert problem(refused, 409, "jobs.too_many_open")["most"] == most
    rival = await world.rich("rival", "10")
    assert (await rival.post("/v1/jobs", one)).status_code == 201

    assert (await job.customer.post(f"{job.path}/close")).status_code == 200
    problem(await job.customer.post("/v1/jobs", one), 409, "jobs.too_many_open")  # It settles.
    async with world.parts.sessions.begin() as tx:
        ctx = Context(tx, Actor(None), datetime.now(UTC))
        assert await settling.try_to_settle(ctx, job.id) == "settled"
    assert (await job.customer.post("/v1/jobs", one)).status_code == 201


async def test_a_customers_orders_do_not_wait_for_each_other_with_a_connection_each(
    world: World,
) -> None:
    """While one is taken, as slowly as can be, 55 more are refused and others go on at once."""
    job = await make_job(world)
    rival = await world.rich("rival", "10")
    body = order(job.version_id, max_devices=5, reward="0.001")
    async with world.parts.sessions.begin() as tx:
        assert await queries.take_turn(tx, job.customer.id)
        began = time.perf_counter()
        orders = asyncio.gather(*(job.customer.post("/v1/jobs", body) for _ in range(55)))
        others = await rival.post("/v1/jobs", body)
        answers = await orders
        took = time.perf_counter() - began
    assert others.status_code == 201, others.text
    for answer in answers:
        told = problem(answer, 429, "jobs.order_under_way")
        assert answer.headers["retry-after"] == str(told["retry_after_seconds"])
    assert took < 4, took  # They would have waited for five seconds, and then failed.
    assert (await job.customer.post("/v1/jobs", body)).status_code == 201


async def test_many_labels_need_dates_and_few_do_not(world: World) -> None:
    developer, customer = await world.person("developer"), await world.rich("customer", "100")
    version_id = await make_version(world, developer, labels=LABELS)
    answer = await customer.post("/v1/jobs", order(version_id))
    assert problem(answer, 422, "jobs.too_many_counts")["months"] == 249
    period = {"date_from": "2006-01-01", "date_to": "2026-01-01"}
    assert (await customer.post("/v1/jobs", order(version_id, **period))).status_code == 201
    few = await make_version(world, developer, labels=LABELS[:100])
    assert (await customer.post("/v1/jobs", order(few))).status_code == 201


async def test_a_result_of_another_century_is_refused_with_the_months_that_count(
    world: World,
) -> None:
    job, device = await make_job(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    body = {"items": 1, "labels": {"cat": 1}, "uncertain": 0, "undated": 0}
    answer = await hand_in(device, lease, body | {"months": {"2150-01": {"cat": 1}}})
    problem(answer, 422, "jobs.implausible_result")
    answer = await hand_in(device, lease, body | {"months": {"1826-05": {"cat": 1}}})
    assert answer.status_code == 200


async def test_hundreds_of_jobs_of_a_version_have_its_labels_in_memory_once(
    world: World,
) -> None:
    """Three hundred jobs with 1,000 labels each were 50 MiB in each process of the API."""
    job, device = await make_job(world), await make_device(world)
    version_id = await make_version(world, job.developer, labels=LABELS)
    limits = Limits.of(world.parts.settings)
    wanted = service.Order(
        version_id=version_id,
        title="many",
        max_devices=5,
        max_devices_per_owner=1,
        reward=limits.least_reward,
        countries=[factories._here[0]],
        date_from=None,
        date_to=None,
        min_confidence=0.5,
        starts_at=None,
        deadline=datetime.fromisoformat(soon(days=1)),
        max_total=None,
    )
    async with world.parts.sessions.begin() as tx:
        ctx = Context(tx, Actor(job.customer.id), datetime.now(UTC))
        for number in range(300):
            it = replace(wanted, title=f"number {number}")
            await service.create(ctx, it, platform_fee_bps=0, min_owners=2)
    path: DevicePath = world.app.state.device_path
    tracemalloc.start()
    try:
        await claim(device)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 4_000_000, f"{held} bytes"
    offers = [it for it in path._shortlist._offers.values() if len(it.labels) == 1_000]
    assert len(offers) >= 300
    assert len({id(it.labels) for it in offers if it.version_id == version_id}) == 1
