"""What a client sends has one meaning, or is refused by name: bodies, ids, parameters and types."""

import json
from typing import Any, Final
from uuid import UUID

import pytest
from fastapi import FastAPI

from dml.core.ids import new_id
from tests.algorithms.offers import file_part, form, make_algorithm, part, send
from tests.edge.walking import Caller, filled, operations, places, pointers, put
from tests.inference.models import IMAGE_SPEC as SPEC
from tests.world import World, problem

JSON: Final = {"content-type": "application/json"}
ID: Final = "01890a5d-ac96-774b-bcce-b302099a8057"
IDS: Final = (  # Python and pydantic take them all.
    UUID(ID).hex,
    f"{{{ID}}}",
    f"urn:uuid:{ID}",
    f" {ID}",
    f"{ID} ",
    f"{ID}\n",
    ID.replace("-", "", 1),
    f"{ID[:9]}{ID[9:].replace('-', '')}",
)


async def test_a_name_that_is_there_twice_is_refused_on_every_route(world: World) -> None:
    caller, asked = await Caller.make(world), 0
    for operation in operations(world.app):
        for name, value in operation.example.items():
            again = f", {json.dumps(name)}: {json.dumps(value)}}}"
            body = json.dumps(operation.example)[:-1] + again
            answer = problem(await caller.send(operation, body.encode()), 422, "http.422")
            told = {"pointer": f"/{name}", "detail": f'names "{name}" twice'}
            assert answer["errors"] == [told], operation.path
            asked += 1
    assert asked > 80


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"display_name": "a", "more": {"x": 1, "x": 1}}', 'names "x" twice'),
        (b'{"display_name": "\\ud800"}', "has half of a character (a lone surrogate)"),
        (b'\xef\xbb\xbf{"display_name": "a"}', "is no JSON"),
        (b'{"display_name": "\xff"}', "is no UTF-8"),
        (b'{"display_name": NaN}', "has NaN"),
        (b'{"display_name": ' + b"9" * 500_000 + b"}", "has a number of more than 100 digits"),
        (b'{"display_name": ' + b"[" * 50_000, "is nested too deeply"),
    ],
)
async def test_a_body_of_two_meanings_is_refused_with_or_without_a_key(
    world: World, body: bytes, detail: str
) -> None:
    ada = await world.person()
    for key in ({}, {"idempotency-key": "one"}):
        for method, path in (("PATCH", "/v1/users/me"), ("POST", "/v1/payments/withdrawals")):
            answer = await ada.ask(method, path, content=body, headers=JSON | key)
            assert detail in problem(answer, 422, "http.422")["errors"][0]["detail"]


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/problem+json",
        "application/merge-patch+json",
        "application/x-www-form-urlencoded",
        "application/octet-stream",
        "nonsense",
    ],
)
async def test_another_type_of_body_is_refused(world: World, kind: str) -> None:
    ada = await world.person()
    for path in ("/v1/users/me", "/v1/devices/limits"):
        method = "PATCH" if path.endswith("me") else "PUT"
        answer = await ada.ask(method, path, content=b"{}", headers={"content-type": kind})
        problem(answer, 415, "http.415")
        stranger = await world.client.request(
            method, path, content=b"{}", headers={"content-type": kind}
        )
        assert stranger.status_code == 401


async def test_the_type_of_json_may_name_its_charset_and_no_encoding(world: World) -> None:
    ada = await world.person()
    for kind in ("application/json;charset=UTF-8", 'Application/JSON; charset="utf-8"'):
        answer = await ada.ask(
            "PATCH", "/v1/users/me", content=b"{}", headers={"content-type": kind}
        )
        assert answer.status_code == 200, answer.text
    packed = JSON | {"content-encoding": "gzip"}
    refused = await ada.ask("PATCH", "/v1/users/me", content=b"{}", headers=packed)
    problem(refused, 415, "http.415")


async def test_an_id_in_a_path_has_one_form(world: World) -> None:
    caller, asked = await Caller.make(world), 0
    for path, methods in world.app.openapi()["paths"].items():
        names = [it for it in path.split("/") if it.endswith("_id}")]
        for method, operation in methods.items():
            device = {"DeviceBearer": []} in operation.get("security", [])
            token = await caller.device.token() if device else caller.admin.token
            for name in names:
                wrong = filled(path.replace(name, "AN-ID")).replace("AN-ID", IDS[asked % 5])
                answer = await world.client.request(
                    method, wrong, headers={"authorization": f"Bearer {token}"}
                )
                told = problem(answer, 422, "http.422")["errors"]
                assert f"/{name[1:-1]}" in [it["pointer"] for it in told], (method, path)
                asked += 1
    assert asked > 100


async def test_an_id_may_be_in_capitals_as_its_standard_has_it(world: World) -> None:
    ada = await world.person()
    answer = await ada.get(f"/v1/jobs/{str(new_id()).upper()}")
    problem(answer, 404, "jobs.not_found")


def test_an_id_in_a_body_has_one_form(app: FastAPI) -> None:
    seen = 0
    for operation in operations(app):
        for pointer, at, schema in places(operation):
            several = schema.get("anyOf", [schema])
            for place, it in ((at, it) for it in several):
                listed = it.get("items", {}).get("format") == "uuid"
                if it.get("format") != "uuid" and not listed:
                    continue
                seen += 1
                for wrong in IDS:
                    value: Any = [wrong] if listed else wrong
                    named = pointers(operation, put(operation.example, place, value))
                    assert any(one.startswith(pointer) for one in named), (operation.path, wrong)
    assert seen >= 5


@pytest.mark.parametrize("wrong", IDS[:3])
async def test_an_id_in_a_query_has_one_form(world: World, wrong: str) -> None:
    ada = await world.person()
    answer = await ada.get(f"/v1/bounties/{new_id()}/submissions", params={"enrollment_id": wrong})
    told = problem(answer, 422, "http.422")["errors"]
    assert [it["pointer"] for it in told] == ["/enrollment_id"]


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [("limit=2&limit=2", "/limit"), ("limit=2&more=1", "/more"), ("q=%ff%fe", "")],
)
async def test_who_sends_no_token_has_odd_parameters_refused_too(
    world: World, asked: str, pointer: str
) -> None:
    told = problem(await world.client.get(f"/v1/bounties?{asked}"), 422, "http.422")["errors"]
    assert pointer in [it["pointer"] for it in told]


def test_a_whole_number_beyond_what_is_kept_is_refused(app: FastAPI) -> None:
    seen = 0
    for operation in operations(app):
        for pointer, at, schema in places(operation):
            if "integer" in {it.get("type") for it in schema.get("anyOf", [schema])}:
                seen += 1
                for wrong in (2**63, 10**90, -(2**63) - 1, 1.0, 1e3):
                    named = pointers(operation, put(operation.example, at, wrong))
                    assert pointer in named, (operation.path, wrong)
    assert seen >= 10


@pytest.mark.parametrize(
    ("spec", "detail"),
    [
        (json.dumps(SPEC)[:-1] + ', "width": 9}', 'names "width" twice'),
        (json.dumps(SPEC).replace(str(SPEC["width"]), "NaN", 1), "has NaN"),
        ("\ufeff" + json.dumps(SPEC), "is no JSON"),
    ],
)
async def test_the_spec_in_a_form_has_one_meaning_too(world: World, spec: str, detail: str) -> None:
    ada = await world.person()
    path = await make_algorithm(ada)
    refused = await send(ada, path, form(part("input_spec", spec.encode()), file_part()))
    assert detail in problem(refused, 422, "algorithms.bad_input_spec")["errors"][0]["detail"]


async def test_the_parts_of_a_form_come_in_any_order(world: World) -> None:
    ada = await world.person()
    path = await make_algorithm(ada)
    spec = part("input_spec", json.dumps(SPEC).encode())
    assert (await send(ada, path, form(file_part(), spec))).status_code == 201
