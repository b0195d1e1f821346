"""Input is read strictly and alike everywhere, and no input at all is answered with a 500.

Each test walks what OpenAPI says there is, so that a new route is held to it, too.
"""

import json
from typing import Any, Final

import pytest
from fastapi import FastAPI

from dml.core.countries import ALPHA_2
from dml.core.ids import new_id
from tests.edge.walking import (
    PAGE,
    Caller,
    Operation,
    filled,
    operations,
    places,
    pointers,
    put,
    type_of,
    types,
)
from tests.world import PASSWORD, World, problem

VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    1,
    2.0,
    0.5,
    10**30,
    "",
    "2",
    "2.0",
    "true",
    "yes",
    "1800000000",
    "2027-01-31",
    "nul \0",
    "half \ud800",
    [],
    [None],
    [1],
    [[]],
    {},
    {"": 1},
)
BROKEN: Final[dict[str, bytes]] = {
    "nothing": b"",
    "no JSON": b"{",
    "text": b"hello",
    "no UTF-8": b'{"reason": "\xff\xfe"}',
    "UTF-16": '{"reason": "x"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "null": b"null",
    "a list": b"[]",
    "a number": b"1",
    "not a number": b"NaN",
    "numbers that are none": b'{"amount": NaN, "reward": Infinity, "min_confidence": -Infinity}',
    "a huge float": b'{"min_confidence": 1e999, "max": 1e999, "place": 1e999}',
    "a huge number": b'{"max": 1' + b"0" * 5_000 + b"}",
    "a large number": b'{"max": 1' + b"0" * 100 + b"}",
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 50_000,
    "deep and whole": b'{"reason": ' + b"[" * 900 + b"]" * 900 + b"}",
    "a key twice": b'{"reason": "a", "reason": "b", "password": "a", "password": "b"}',
    "half a character": b'{"reason": "\\ud800", "\\ud800": 1}',
    "NUL": b'{"reason": "\\u0000", "\\u0000": 1}',
}


def test_a_field_of_another_type_is_refused_by_its_name(app: FastAPI) -> None:
    wrong, seen = [], 0
    for operation in operations(app):
        for pointer, at, schema in places(operation):
            allowed = types(operation.whole, schema)
            for value in VALUES:
                named = pointers(operation, put(operation.example, at, value))
                if type_of(value) not in allowed and allowed:
                    seen += 1
                    if not any(it.startswith(pointer) for it in named):
                        wrong.append((operation.path, pointer, value, named))
    assert (wrong, seen > 1_000) == ([], True)


async def test_an_unknown_field_is_refused_by_its_name(world: World) -> None:
    caller = await Caller.make(world)
    for operation in operations(world.app):
        body = json.dumps(operation.example | {"more": 1}).encode()
        answer = problem(await caller.send(operation, body), 422, "http.422")
        assert "/more" in [it["pointer"] for it in answer["errors"]], operation.path


async def test_no_body_at_all_is_answered_with_500(world: World) -> None:
    caller, crashed = await Caller.make(world), []
    known = list(operations(world.app))
    whole = known[0].whole
    bodiless = [
        Operation("post", path, {}, {"DeviceBearer": []} in it["post"].get("security", []), whole)
        for path, it in whole["paths"].items()
        if "post" in it and not any(path == one.path for one in known)
    ]
    for operation in [*known, *bodiless]:
        for name, body in BROKEN.items():
            answer = await caller.send(operation, body, f"key-{new_id()}")
            if answer.status_code == 500:
                crashed.append((operation.method, operation.path, name))
    assert crashed == []


async def test_a_withdrawal_with_a_key_and_no_json_is_refused(world: World) -> None:
    ada = await world.rich("ada", "10")
    headers = {"idempotency-key": "one", "content-type": "application/json"}
    for body in BROKEN.values():
        answer = await ada.post("/v1/payments/withdrawals", content=body, headers=headers)
        assert answer.status_code in (400, 422), answer.text


def test_the_example_of_each_body_is_good_for_its_model(app: FastAPI) -> None:
    for operation in operations(app):
        assert operation.schema.get("examples"), operation.path
        body = json.dumps(operation.example).encode()
        assert pointers(operation, body) == [], operation.path


TIMES: Final = (
    1_800_000_000,
    1_800_000_000.5,
    "1800000000",
    "1800000000.5",
    "2030-01-31",
    "2030-01-31T12:00:00",
    "2030-01-31T12:00Z",
    "20300131T120000Z",
    "2030-W05-4T12:00:00Z",
    "31.01.2030 12:00",
    "P1D",
    "now",
)
DAYS: Final = (
    0,
    20_000,
    "0",
    "20000",
    "1800000000",
    "2026-01-01T00:00:00",
    "2026-01-01T00:00:00Z",
    "20260101",
    "01/02/2026",
)


@pytest.mark.parametrize(("kind", "wrongs", "least"), [("date-time", TIMES, 10), ("date", DAYS, 3)])
def test_a_time_has_a_zone_and_a_day_has_no_time(
    app: FastAPI, kind: str, wrongs: tuple[Any, ...], least: int
) -> None:
    seen = 0
    for operation in operations(app):
        for pointer, at, schema in places(operation):
            if kind in {it.get("format") for it in schema.get("anyOf", [schema])}:
                seen += 1
                for wrong in wrongs:
                    named = pointers(operation, put(operation.example, at, wrong))
                    assert pointer in named, (operation.path, wrong)
    assert seen >= least


@pytest.mark.parametrize(
    "wrong", ["UK", "XX", "EU", "ZZ", "AA", "XK", "pt", "Pt", "PRT", "P", "ПТ"]
)
async def test_a_country_is_one_of_iso_3166(world: World, wrong: str) -> None:
    ada = await world.person()
    refused = problem(await ada.patch("/v1/users/me", {"country": wrong}), 422, "http.422")
    assert [it["pointer"] for it in refused["errors"]] == ["/country"]
    assert (await ada.patch("/v1/users/me", {"country": "GB"})).status_code == 200


def test_there_are_249_countries() -> None:
    assert len(ALPHA_2) == 249


@pytest.mark.parametrize(
    ("method", "path", "body", "pointer"),
    [
        ("PATCH", "/v1/users/me", {"permitted_kinds": ["photo", "photo"]}, "/permitted_kinds"),
        ("PATCH", "/v1/devices/self", {"kinds": ["text", "photo", "text"]}, "/kinds"),
        ("PUT", "/v1/devices/limits", {"refused_labels": ["a", "a "]}, "/refused_labels"),
        ("POST", "/v1/jobs", {"countries": ["PT", "ES", "PT"]}, "/countries"),
        ("POST", "/v1/algorithms", {"labels": ["a", "a"]}, "/labels"),
        ("POST", "/v1/algorithms", {"tags": ["a", "a"]}, "/tags"),
        ("POST", "/v1/bounties", {"tags": ["a", "a"]}, "/tags"),
    ],
)
def test_a_list_that_is_a_set_names_each_once(
    app: FastAPI, method: str, path: str, body: dict[str, Any], pointer: str
) -> None:
    (operation,) = (it for it in operations(app) if (it.method, it.path) == (method.lower(), path))
    assert pointers(operation, json.dumps(operation.example | body).encode()) == [pointer]


@pytest.mark.parametrize(
    "asked",
    [
        "limit=2.0",
        "limit=+2",
        "limit=%2B2",
        "limit=%202",
        "limit=1_0",
        "limit=02",
        "limit=",
        "limit=true",
        "limit=%D9%A2",
        "mine=1",
        "mine=yes",
        "mine=on",
        "mine=True",
        "mine=",
        "closes_after=1800000000",
        "closes_after=2030-01-31",
        "closes_after=2030-01-31T12:00:00",
        "prize_min=1e3",
        "more=1",
        "limit=2&limit=3",
    ],
)
async def test_a_parameter_has_one_form(world: World, asked: str) -> None:
    ada = await world.person()
    told = problem(await ada.get(f"/v1/bounties?{asked}"), 422, "http.422")["errors"]
    assert [it["pointer"] for it in told] == ["/" + asked.partition("=")[0]]


async def test_the_one_form_of_a_parameter_is_read(world: World) -> None:
    ada = await world.person()
    asked = "limit=2&mine=true&entered=false&closes_after=2030-01-31T12:00:00%2B01:00"
    assert (await ada.get(f"/v1/bounties?{asked}")).status_code == 200


async def test_an_unknown_parameter_is_refused_everywhere(world: World) -> None:
    caller = await Caller.make(world)
    whole = world.app.openapi()
    for path, methods in whole["paths"].items():
        if not path.startswith("/v1/"):
            continue
        for method, it in methods.items():
            device = {"DeviceBearer": []} in it.get("security", [])
            token = await caller.device.token() if device else caller.admin.token
            answer = await world.client.request(
                method,
                f"{filled(path)}?utterly_unknown=1",
                headers={"authorization": f"Bearer {token}", **PAGE},
                json={"password": PASSWORD},
            )
            told = problem(answer, 422, "http.422")["errors"]
            assert "/utterly_unknown" in [it["pointer"] for it in told], (method, path)
