"""A job from its order to its end, through HTTP on a real database."""

from dml.jobs.models import JobState
from tests.jobs.factories import (
    Ordered,
    claim_of,
    fold,
    hand_in,
    make_device,
    make_job,
    order,
    result,
    settle,
    work,
)
from tests.world import World, problem


async def test_a_job_from_order_to_refund(world: World) -> None:
    job = await make_job(world, max_devices=10)
    ordered = await job.get()
    assert ordered["platform_fee"] == "0.011"
    assert (ordered["cost"], ordered["spent"]) == ("1.21", "0")
    balance = (await job.customer.get("/v1/payments/balance")).json()
    assert (balance["available"], balance["reserved"]) == ("998.79", "1.21")

    devices = await work(world, job, 6)
    assert (await job.results())["labels"] is None
    await fold(world)
    results = await job.results()
    assert (results["devices_done"], results["devices_shown"]) == (5, 5)
    assert results["labels"] == {"cat": 10, "dog": 5}
    assert results["months"] == [{"month": "2026-03", "labels": {"cat": 10}}]
    assert (results["items"], results["uncertain"], results["undated"]) == (20, 5, 5)
    earned = (await devices[0].owner.get("/v1/payments/balance")).json()
    assert earned["available"] == "0.1"
    developed = (await job.developer.get("/v1/payments/balance")).json()
    assert developed["available"] == "0.05"  # The sixth is paid with its step, or at the end.

    closed = await job.customer.post(f"{job.path}/close")
    assert closed.json()["state"] == "settling"
    assert await settle(world, job) == "settled"
    ended = await job.get()
    assert (ended["state"], ended["end_reason"]) == ("cancelled", "cancelled")
    assert ended["spent"] == "0.726"
    balance = (await job.customer.get("/v1/payments/balance")).json()
    assert (balance["available"], balance["reserved"]) == ("999.274", "0")
    developed = (await job.developer.get("/v1/payments/balance")).json()
    assert developed["available"] == "0.06"
    told = (await job.customer.get(f"{job.path}/timeline")).json()
    assert [it["to_state"] for it in told["entries"]] == ["open", "settling", "cancelled"]
    assert told["next"] == []


async def runs_of(job: Ordered) -> int:
    """How often the algorithm was run, as everybody reads it."""
    algorithm = (await job.get())["algorithm_id"]
    runs: int = (await job.developer.get(f"/v1/algorithms/{algorithm}")).json()["runs"]
    return runs


async def test_a_full_job_completes_and_shows_everything(world: World) -> None:
    job = await make_job(world, max_devices=7)
    await work(world, job, 7)
    await fold(world)
    assert await settle(world, job, JobState.COMPLETED) == "settled"
    assert (await job.get())["state"] == "completed"
    assert (await job.results())["devices_shown"] == 7
    assert await runs_of(job) == 7
    customer = job.customer
    assert (await customer.post("/v1/jobs", order(job.version_id))).status_code == 201
    late = await make_device(world)
    assert await claim_of(late, job) == []


async def test_the_same_result_again_gets_the_same_answer_and_another_is_refused(
    world: World,
) -> None:
    job, device = await make_job(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    first = await hand_in(device, lease)
    assert (first.status_code, first.json()) == (200, {"state": "accepted"})
    again = await hand_in(device, lease, result() | {"labels": {"dog": 1, "cat": 2}})
    assert (again.status_code, again.json()) == (200, {"state": "accepted"})
    other = await hand_in(device, lease, result(cat=3))
    problem(other, 409, "jobs.another_result_accepted")
    assert await fold(world) >= 1
    await job.customer.post(f"{job.path}/close")
    assert await settle(world, job) == "settled"
    assert (await job.get())["devices_done"] == 1
    assert await runs_of(job) == 0, "too few owners to show that any of them ran it"
