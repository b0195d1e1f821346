"""What a developer sees of an algorithm, by version and by day, and what everybody does."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from dml.core.checks import look
from dml.jobs.history import doctor
from dml.jobs.history.rules import band_of
from dml.jobs.models import JobState
from tests.edge.graphql.asking import data
from tests.jobs.factories import Ordered, fold, make_job, settle, work
from tests.world import World, problem


async def statistics(job: Ordered, **asked: Any) -> Any:
    algorithm_id = (await job.get())["algorithm_id"]
    answer = await job.developer.get(f"/v1/algorithms/{algorithm_id}/statistics", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_they_grow_in_the_steps_of_jobs_and_are_what_the_developer_was_paid(
    world: World,
) -> None:
    job = await make_job(world, max_devices=12)
    path = f"/v1/algorithms/{(await job.get())['algorithm_id']}"
    today = datetime.now(UTC).date()
    seen = []
    for devices in (4, 1, 3):
        await work(world, job, devices)
        await fold(world)
        total = (await statistics(job))["total"]
        balance = (await job.developer.get("/v1/payments/balance")).json()
        assert total["earned"] == balance["available"]
        seen.append((total["devices"], total["earned"]))
    assert seen == [(0, "0"), (5, "0.05"), (5, "0.05")]
    assert await settle(world, job, JobState.CANCELLED) == "settled"
    told = await statistics(job)
    assert told["total"] == {"devices": 5, "earned": "0.08", "rating_count": 0, "rating": None}
    assert await job.customer.ask("PUT", f"{path}/rating", json={"stars": 4})
    told = await statistics(job)
    assert (told["first_day"], told["last_day"]) == (
        str(today - timedelta(days=29)),
        str(today),
    )
    sums = {"devices": 5, "earned": "0.08", "rating_count": 1, "rating": 4.0}
    assert told["days"] == [{"day": str(today), **sums}]
    assert told["versions"] == [{"version_id": str(job.version_id), "number": 1, **sums}]
    assert await statistics(job, version_id=str(job.version_id)) == told
    before = await statistics(job, **{"from": "2020-01-01", "to": "2021-01-01"})
    assert (before["days"], before["total"]["earned"]) == ([], "0")
    usage = (await world.client.get(f"{path}/usage")).json()
    assert (usage["runs"], usage["jobs"], usage["rating"], usage["rating_count"]) == (
        5,
        "1-9",
        4,
        1,
    )
    query = f'{{algorithm(id: "{path[-36:]}") {{statistics {{total {{devices}}}} usage {{jobs}}}}}}'
    assert (await data(job.developer, query))["algorithm"] == {
        "statistics": {"total": {"devices": 5}},
        "usage": {"jobs": "1-9"},
    }
    async with world.parts.sessions() as tx:
        said = await look(tx, doctor.CHECKS)
    assert not [it for it in said if str(job.version_id) in it]


async def test_they_are_for_the_developer_and_of_a_bounded_period(world: World) -> None:
    job = await make_job(world, max_devices=5)
    path = f"/v1/algorithms/{(await job.get())['algorithm_id']}/statistics"
    problem(await job.customer.get(path), 403, "algorithms.not_developer")
    problem(await world.client.get(path), 401, "core.not_signed_in")
    for wrong in (
        {"from": "2020-01-01", "to": "2021-01-02"},
        {"from": "2020-01-02", "to": "2020-01-02"},
        {"from": "2199-12-31"},
    ):
        answer = await job.developer.get(path, params=wrong)
        problem(answer, 422, "algorithms.period_not_good")
    for broken in ({"from": "yesterday"}, {"to": "0001-01-01"}, {"version_id": "1"}):
        assert (await job.developer.get(path, params=broken)).status_code == 422


async def test_what_the_release_before_shows_is_counted_by_the_database(world: World) -> None:
    """It knows nothing of statistics: whoever changes totals changes them, too."""
    first, second = await make_job(world, max_devices=20), await make_job(world, max_devices=20)
    async with world.parts.sessions.begin() as tx:
        await tx.execute(
            text(
                "UPDATE job_totals SET folded = 9, shown_devices = 7, held_devices = 2 "
                "WHERE job_id IN (:first, :second)"
            ),
            {"first": first.id, "second": second.id},
        )
        for job in (first, second):
            query = "SELECT devices, earned FROM algorithm_statistics WHERE version_id = :id"
            row = (await tx.execute(text(query), {"id": job.version_id})).one()
            assert tuple(row) == (7, 70_000)
        await tx.rollback()


@pytest.mark.parametrize("jobs", [(0, "0"), (1, "1-9"), (9, "1-9"), (10, "10-99"), (5000, "1000+")])
def test_a_number_of_jobs_is_told_in_bands(jobs: tuple[int, str]) -> None:
    assert band_of(jobs[0]) == jobs[1]
