"""A noisy job, as its customer sees it from the order to the whole answer."""

from typing import Any

from sqlalchemy import text, update

from dml.core.checks import look
from dml.jobs.budgets import doctor as budget_doctor
from dml.jobs.models import Job, JobState
from dml.jobs.noise import doctor as noise_doctor
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
)
from tests.world import World, problem

NOISY: dict[str, Any] = {"answers": "noisy", "epsilon": 100, "max_items": 4}


async def noisy_job(world: World, **changes: Any) -> Ordered:
    return await make_job(world, **NOISY | changes)


async def answer_some(world: World, job: Ordered, number: int, body: Any = None) -> None:
    """Results of so many new owners, each folded as it comes."""
    for _ in range(number):
        (lease,) = await claim_of(device := await make_device(world), job)
        answer = await hand_in(device, lease, body)
        assert answer.status_code == 200, answer.text
        await fold(world)


async def faults(world: World) -> list[str]:
    async with world.parts.sessions() as tx:
        return await look(tx, [*noise_doctor.CHECKS, *budget_doctor.CHECKS])


async def releases(world: World, job: Ordered) -> list[Any]:
    query = "SELECT part, number, devices, counts FROM job_releases WHERE job_id = :id"
    async with world.parts.sessions() as tx:
        found = await tx.execute(text(f"{query} ORDER BY created_at, part"), {"id": job.id})
        return [tuple(row) for row in found]


async def test_an_order_is_noisy_unless_it_says_otherwise(world: World) -> None:
    customer = await world.rich("customer", "1000")
    body = order(await make_version(world, await world.person("developer")))
    del body["answers"]
    quoted = (await customer.post("/v1/jobs/quotes", body)).json()
    made = (await customer.post("/v1/jobs", body)).json()
    for it in (quoted, made):
        assert (it["answers"], it["epsilon"]) == ("noisy", 1.0)
        assert (it["max_items"], it["max_norm"]) == (100, 71)  # The model has two labels.
    assert 700 < quoted["within"] < 800
    closer = (await customer.post("/v1/jobs/quotes", body | {"max_norm": 10})).json()
    assert closer["max_norm"] == 10
    assert 100 < closer["within"] < 110
    refused = await customer.post("/v1/jobs", body | {"max_items": 10_001})
    problem(refused, 422, "jobs.max_items_out_of_bounds")
    both = await customer.post("/v1/jobs", body | {"answers": "exact", "epsilon": 1})
    problem(both, 422, "jobs.exact_has_no_epsilon")


async def test_an_answer_grows_in_few_steps_and_says_how_sure_it_is(world: World) -> None:
    job = await noisy_job(world, max_devices=21, max_items=1_000)
    seen = [await job.results()]
    assert (seen[0]["items"], seen[0]["intervals"]) == (None, None)
    for _ in range(21):
        await answer_some(world, job, 1, result(cat=600, dog=300))
        seen.append(await job.results())
    versions = [it["version"] for it in seen]
    assert [n for n in range(1, 22) if versions[n] != versions[n - 1]] == [5, 10, 20]
    ten = seen[10]
    assert (ten["answers"], ten["epsilon"], ten["devices_shown"]) == ("noisy", 100.0, 10)
    assert ten["months"] == []
    cats = ten["intervals"]["labels"]["cat"]
    assert cats["value"] == ten["labels"]["cat"] == ten["other_months"]["cat"]
    deviation = (cats["high"] - cats["low"]) / 2 / 1.96
    assert abs(cats["value"] - 6_000) < 8 * deviation
    await settle(world, job, JobState.COMPLETED)
    whole = await job.results()
    assert (whole["state"], whole["devices_shown"]) == ("completed", 21)
    assert whole["next_step"] is None
    sure = whole["intervals"]
    assert sum(whole["labels"].values()) + whole["uncertain"] == whole["items"]
    assert sure["items"]["low"] <= whole["items"] <= sure["items"]["high"]
    # Of all owners, with most of the budget: surer than the steps were, though these are more.
    last = sure["labels"]["cat"]
    assert last["high"] - last["low"] < cats["high"] - cats["low"]
    assert abs(last["value"] - 12_600) < 8 * (last["high"] - last["low"]) / 2 / 1.96
    assert [it["month"] for it in whole["months"]] == ["2026-03"]
    assert whole["undated"] > 0
    assert await faults(world) == []


async def test_noise_is_drawn_once_however_often_an_answer_is_asked_for(world: World) -> None:
    job = await noisy_job(world, max_devices=6)
    await answer_some(world, job, 5)
    told = [await job.results() for _ in range(3)]
    assert told[0] == told[1] == told[2]
    drawn = await releases(world, job)
    await answer_some(world, job, 1)
    await settle(world, job, JobState.COMPLETED)
    assert (await releases(world, job))[: len(drawn)] == drawn
    before = await job.results()
    await settle(world, job)
    assert await job.results() == before


async def test_between_two_steps_nothing_moves_whatever_the_results_hold(world: World) -> None:
    """When a step comes depends on who handed in a result, and not on what."""
    moved = []
    for body in (result(), {**result(cat=0, dog=0), "items": 0, "uncertain": 0, "months": {}}):
        job = await noisy_job(world, max_devices=20)
        version, steps = 0, []
        for number in range(1, 13):
            await answer_some(world, job, 1, body)
            if (now := (await job.results())["version"]) != version:
                steps.append(number)
                version = now
        moved.append(steps)
    assert moved == [[5, 10], [5, 10]]


async def test_a_job_that_ends_with_too_few_owners_tells_nothing(world: World) -> None:
    job = await noisy_job(world, max_devices=20)
    await answer_some(world, job, 4)
    assert (await job.customer.post(f"{job.path}/close")).status_code == 200
    await settle(world, job)
    told = await job.results()
    assert (told["state"], told["items"], told["devices_shown"]) == ("cancelled", None, 0)
    assert "fewer than 5 owners" in told["next_step"]["reason"]
    assert await releases(world, job) == []
    assert await faults(world) == []


async def test_a_result_with_more_items_than_an_owner_may_add_is_refused(world: World) -> None:
    job = await noisy_job(world, max_devices=10, max_devices_per_owner=2, max_items=9)
    (lease,) = await claim_of(device := await make_device(world), job)
    assert (lease["max_items"], lease["answers"], lease["epsilon"]) == (4, "noisy", 100.0)
    refused = await hand_in(device, lease, result(cat=2, dog=2))  # And one is uncertain.
    assert problem(refused, 422, "jobs.implausible_result")["errors"][0]["pointer"] == "/items"
    assert (await hand_in(device, lease, result(cat=2, dog=1))).status_code == 200


async def test_a_result_beyond_the_norm_is_refused_and_one_at_its_bound_counts_as_clipped(
    world: World,
) -> None:
    job = await noisy_job(world, max_devices=6, max_items=1_000, max_norm=5)
    (lease,) = await claim_of(device := await make_device(world), job)
    assert lease["max_norm"] == 5
    refused = await hand_in(device, lease, result(cat=5, dog=0))  # And one is uncertain.
    assert problem(refused, 422, "jobs.implausible_result")["errors"][0]["pointer"] == "/labels"
    assert (await hand_in(device, lease, result(cat=4, dog=2))).status_code == 200
    await answer_some(world, job, 1, result(cat=4, dog=2))
    await answer_some(world, job, 3, result(cat=2, dog=1))
    assert (await job.results())["intervals"]["clipped"] is None
    await answer_some(world, job, 1, result(cat=2, dog=1))
    await settle(world, job, JobState.COMPLETED)
    told = (await job.results())["intervals"]["clipped"]
    assert 0 <= told["low"] <= told["value"] <= told["high"] <= 6
    async with world.parts.sessions() as tx:
        query = text("SELECT clipped FROM job_totals WHERE job_id = :id")
        assert await tx.scalar(query, {"id": job.id}) == 2
    assert await faults(world) == []


async def test_the_csv_of_a_noisy_answer_says_how_sure_each_count_is(world: World) -> None:
    job = await noisy_job(world, max_devices=6, max_items=1_000)
    await answer_some(world, job, 5, result(cat=600, dog=300))
    lines = (await job.customer.get(f"{job.path}/results.csv")).text.splitlines()
    assert lines[0] == "month,label,items,low,high"
    month, label, items, low, high = next(it for it in lines if ",cat," in it).split(",")
    assert (month, label) == ("other", "cat")
    assert int(low) <= int(items) <= int(high)


async def test_devices_whose_owner_did_not_agree_get_no_work_for_exact_answers(
    world: World,
) -> None:
    state, before = world.app.state, world.parts.settings
    shortlist = state.device_path._shortlist
    job = await make_job(world, max_devices=10)
    device = await make_device(world)
    shortlist._agree_to_exact = False
    try:
        await shortlist._refresh()
        assert await claim_of(device, job) == []
        older = await make_job(world, max_devices=10)
        async with world.parts.sessions.begin() as tx:
            asked = update(Job).where(Job.id == older.id).values(needs_agreement=False)
            await tx.execute(asked)  # As the release before wrote it.
        await shortlist._refresh()
        assert len(await claim_of(await make_device(world), older)) == 1
        limits: dict[str, Any] = {
            "refused_jobs": [],
            "refused_developers": [],
            "refused_labels": [],
        }
        agreed = await device.owner.ask(
            "PUT", "/v1/devices/limits", json=limits | {"allows_exact": True}
        )
        assert agreed.json()["allows_exact"]
        (lease,) = await claim_of(device, job)
        assert (lease["answers"], lease["epsilon"], lease["max_items"]) == ("exact", None, None)
    finally:
        shortlist._agree_to_exact = before.exact_answers == "anybody"
