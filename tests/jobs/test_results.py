"""Results that are refused, and cost nothing."""

from typing import Any

import pytest

from tests.jobs.factories import claim_of, hand_in, make_device, make_job, places, result
from tests.world import World, problem

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"items": 5}, "jobs.implausible_result"),
    ({"uncertain": 2}, "jobs.implausible_result"),
    ({"undated": 0}, "jobs.implausible_result"),
    ({"labels": {"cat": 2, "fox": 1}}, "jobs.implausible_result"),
    ({"months": {"2026-03": {"fox": 2}}}, "jobs.implausible_result"),
    ({"months": {"2026-13": {"cat": 2}}}, "http.422"),
    ({"months": {"9999-01": {"cat": 2}}}, "http.422"),
    ({"months": {"2026-03\n": {"cat": 2}}}, "http.422"),
    ({"months": {"2026-03": {"cat": 1}, "20٢٦-03": {"cat": 1}}}, "http.422"),
    ({"items": -1}, "http.422"),
    ({"labels": {"cat": -2, "dog": 5}}, "http.422"),
    ({"items": 10**9, "uncertain": 10**9 - 3}, "http.422"),
    ({"items": 2**70}, "http.422"),
    ({"items": "4"}, "http.422"),
    ({"items": 4.0}, "http.422"),
    ({"items": True}, "http.422"),
    ({"items": None}, "http.422"),
    ({"labels": {"nul\0": 2, "dog": 1}}, "http.422"),
    ({"labels": [1, 2]}, "http.422"),
    ({"more": 1}, "http.422"),
]


@pytest.mark.parametrize(("wrong", "code"), WRONG)
async def test_a_result_that_cannot_be_is_refused_and_costs_nothing(
    world: World, wrong: dict[str, Any], code: str
) -> None:
    job, device = await make_job(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    refused = problem(await hand_in(device, lease, result() | wrong), 422, code)
    assert refused.get("problems") or refused.get("errors")
    assert await places(world, job) == (9, 1, 0)
    assert (await hand_in(device, lease)).status_code == 200


@pytest.mark.parametrize("period", [{"date_from": "2026-04-01"}, {"date_to": "2026-03-01"}])
async def test_a_month_outside_the_period_is_refused(world: World, period: dict[str, str]) -> None:
    job, device = await make_job(world, **period), await make_device(world)
    (lease,) = await claim_of(device, job)
    outside = result(dog=0)
    problem(await hand_in(device, lease, outside), 422, "jobs.implausible_result")
    undated = result(cat=0)
    problem(await hand_in(device, lease, undated), 422, "jobs.implausible_result")


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"{", 422), (b"", 422), (b"[]", 422), (b"\xff\xfe", 422), (b"x" * 10_000_000, 413)],
)
async def test_a_body_that_is_no_result_is_refused(
    world: World, content: bytes, status: int
) -> None:
    job, device = await make_job(world), await make_device(world)
    (lease,) = await claim_of(device, job)
    headers = {"content-type": "application/json"}
    path = f"/v1/assignments/{lease['id']}/result"
    refused = await device.ask("POST", path, content=content, headers=headers)
    assert refused.status_code == status, refused.text
    assert refused.headers["content-type"] == "application/problem+json"
    assert (await hand_in(device, lease)).status_code == 200
