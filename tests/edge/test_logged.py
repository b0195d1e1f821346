"""What the log says of a request: which, whose, how it ended; and none of what was sent."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dml.edge.requests import Requests
from tests.canaries import FILE_CANARY, logged
from tests.world import PASSWORD, World


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    with logged() as said:
        yield said


async def test_a_line_says_which_request_who_asked_and_why_it_was_refused(
    world: World, lines: list[dict[str, Any]]
) -> None:
    person = await world.person("someone")
    path = f"/v1/jobs/{person.id}"
    await person.get(path, headers={"X-Request-ID": "mine-12345"})
    (line,) = (it for it in lines if it.get("path") == path)
    assert line["request_id"] == "mine-12345"
    assert line["user_id"] == str(person.id)
    assert (line["status"], line["code"]) == (404, "jobs.not_found")
    await world.client.get("/v1/algorithms")
    assert not {"user_id", "code"} & lines[-1].keys()


async def test_what_was_sent_is_in_no_line(world: World, lines: list[dict[str, Any]]) -> None:
    address = "somebody.new@example.org"
    body = {"email": address, "password": PASSWORD}
    await world.client.post("/v1/users", json=body)
    await world.client.post("/v1/users/authenticate", json=body)
    await world.client.post("/v1/users", json=[FILE_CANARY])
    await world.client.get(f"/v1/users/{address}?token=dml_pat_0123456789abcdef")
    person = await world.person("someone")
    await person.post("/v1/algorithms", {"name": FILE_CANARY, "secret": person.token})
    await world.client.get("/v1/users/me", headers={"Authorization": f"Bearer {person.token}x"})
    whole = json.dumps(lines)
    assert len(lines) >= 6
    for secret in (address, PASSWORD, FILE_CANARY, "dml_pat_", person.token[:30]):
        assert secret not in whole


async def test_of_a_bug_the_log_has_the_trace_and_not_the_row(lines: list[dict[str, Any]]) -> None:
    wrong = "DETAIL:  Key (email)=(ada@example.org) exists."

    async def fail(_: Request) -> Response:
        raise ValueError(wrong)

    app = Requests(Starlette(routes=[Route("/fails", fail)]), body_limit_bytes=1_000)
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/fails", headers={"X-Request-ID": "mine-12345"})
    assert answer.status_code == 500
    (bug,) = (it for it in lines if it["level"] == "error")
    assert bug["request_id"] == "mine-12345"
    assert "ValueError: DETAIL: [left out]" in bug["exception"]
    assert "example.org" not in json.dumps(lines)
