"""What can be offered as an algorithm, and what not."""

import json
from typing import Any

import pytest

from dml.core.ids import new_id
from tests.algorithms.offers import offer
from tests.world import World, problem

pytestmark = pytest.mark.usefixtures("worker_parts")


async def test_the_same_offer_sent_twice_is_one(world: World) -> None:
    ada, headers = await world.person("ada"), {"Idempotency-Key": str(new_id())}
    answers = [await ada.post("/v1/algorithms", offer(), headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[0].headers["location"] == answers[1].headers["location"]
    other = await ada.post("/v1/algorithms", offer(title="Other"), headers=headers)
    problem(other, 422, "edge.idempotency_key_reused")
    assert len((await ada.get("/v1/algorithms?mine=true")).json()["items"]) == 1
    problem(await world.client.post("/v1/algorithms", json=offer()), 401, "core.not_signed_in")


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"title": ""}, "/title"),
        ({"title": "x" * 201}, "/title"),
        ({"title": "nul \0"}, "/title"),
        ({"title": "half \ud800"}, "/title"),
        ({"summary": "x" * 501}, "/summary"),
        ({"model_card": "nul \0"}, "/model_card"),
        ({"model_card": "half \udfff"}, "/model_card"),
        ({"model_card": "x" * 20_001}, "/model_card"),
        ({"kind": "smell"}, "/kind"),
        ({"data_kind": "thoughts"}, "/data_kind"),
        ({"data_kind": "audio"}, "/data_kind"),  # no device makes an image of it
        ({"tags": [str(it) for it in range(21)]}, "/tags"),
        ({"tags": ["a", "a"]}, "/tags"),
        ({"tags": ["nul \0"]}, "/tags/0"),
        ({"tags": ["x" * 41]}, "/tags/0"),
        ({"device_fee": "-1"}, "/device_fee"),
        ({"device_fee": 1}, "/device_fee"),
        ({"device_fee": "1e3"}, "/device_fee"),
        ({"device_fee": "NaN"}, "/device_fee"),
        ({"device_fee": "0.0000001"}, "/device_fee"),
        ({"device_fee": "1000000.000001"}, "/device_fee"),
        ({"device_fee": "99999999999999999999"}, "/device_fee"),
        ({"labels": []}, "/labels"),
        ({"labels": ["cat", " cat "]}, "/labels"),
        ({"labels": [str(it) for it in range(1_025)]}, "/labels"),
        ({"labels": ["cat", ""]}, "/labels/1"),
        ({"labels": ["cat", "nul \0"]}, "/labels/1"),
        ({"labels": ["cat", "half \ud83d"]}, "/labels/1"),
        ({"labels": ["x" * 101]}, "/labels/0"),
        ({"labels": "cat"}, "/labels"),
        ({"state": "listed"}, "/state"),
        ({"developer_id": str(new_id())}, "/developer_id"),
    ],
)
async def test_what_is_no_offer_is_refused(
    world: World, wrong: dict[str, Any], pointer: str
) -> None:
    ada, headers = await world.person("ada"), {"content-type": "application/json"}
    content = json.dumps(offer() | wrong)  # As a hostile client may: httpx2 sends no half pairs.
    answer = await ada.ask("POST", "/v1/algorithms", content=content, headers=headers)
    refused = problem(answer, 422, "http.422")
    assert {it["pointer"] for it in refused["errors"]} == {pointer}
    assert (await ada.get("/v1/algorithms?mine=true")).json()["items"] == []


@pytest.mark.parametrize(
    "extreme",
    [
        {"device_fee": "0"},
        {"device_fee": "1000000"},
        {"labels": [f"{it} {'é' * 90}" for it in range(1_024)]},
        {"labels": ["uncertain"]},
        {"tags": []},
        {"tags": [str(it) for it in range(20)]},
        {"data_kind": "photo"},
        {"title": "\U0001f9e0" * 200},
    ],
)
async def test_what_is_just_allowed_comes_back_as_sent(
    world: World, extreme: dict[str, Any]
) -> None:
    ada = await world.person("ada")
    answer = await ada.post("/v1/algorithms", offer() | extreme)
    assert answer.status_code == 201, answer.text
    assert answer.json() | extreme == answer.json()
