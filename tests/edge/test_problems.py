"""The transaction ends before the client hears of it, and every failure is a problem document."""

import json
from typing import Any

import asyncpg
import httpx2
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict
from redis.exceptions import RedisError
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, TimeoutError as PoolTimeout

from dml.accounts.models import User
from dml.core.errors import Conflict, Invalid, all_refusals
from dml.edge.descriptions import facts_schema, sample_of
from dml.edge.http import PublicCtx
from dml.edge.problems import answer, answer_in_problems
from tests.conftest import Sessions
from tests.world import World, make_user


async def test_commit_comes_before_the_response(committing: Sessions) -> None:
    app = FastAPI()
    app.state.sessions, app.state.scopes = committing, {}
    seen: list[int | None] = []

    @app.post("/")
    async def write(ctx: PublicCtx) -> None:
        await make_user(ctx.tx, "somebody")

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        async def watching_send(message: Any) -> None:
            if message["type"] == "http.response.start":
                async with committing() as tx:
                    seen.append(await tx.scalar(select(func.count()).select_from(User)))
            await send(message)

        await app(scope, receive, watching_send)

    transport = httpx2.ASGITransport(watched)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        await client.post("/")
    assert seen == [1]


class OrigError(Exception):
    """How SQLAlchemy hands on an error of asyncpg: as the cause of one of its own."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.__cause__ = cause


class Clash(Conflict):
    code = "edge.clash"
    reason = "This cannot be now."
    remedy = "Try another one."
    type: str
    title: str
    status: str
    detail: str
    sent: str


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    max_devices: int


@pytest.fixture
def strict() -> httpx2.AsyncClient:
    """A server whose every route fails in its own way."""
    app = FastAPI()
    answer_in_problems(app)

    @app.get("/refused")
    async def refused() -> None:
        reserved = dict.fromkeys(("type", "title", "status", "detail"), "overwritten")
        raise Clash(**reserved, sent="\ud800")

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("password=hunter2")

    @app.post("/jobs")
    async def create(body: Body, size: int = 1) -> None: ...

    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://test")


def problem(answer: httpx2.Response) -> Any:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    return answer.json()


async def test_a_fact_cannot_overwrite_a_member_of_the_problem(strict: httpx2.AsyncClient) -> None:
    assert problem(await strict.get("/refused")) == {
        "type": "/problems/edge.clash",
        "title": "This cannot be now.",
        "status": 409,
        "detail": "Try another one.",
        "code": "edge.clash",
        "sent": "\ud800",
    }


async def test_each_character_of_a_problem_is_written_as_itself(world: World) -> None:
    refused = await world.client.get("/v1/users/me")
    assert "`Authorization: Bearer …`" in refused.text
    person = await world.person()
    refused = await person.get("/v1/jobs?größe=☃")
    assert '"pointer": "/größe"' in refused.text


async def test_broken_json_says_where(world: World) -> None:
    headers = {"content-type": "application/json"}
    for body, where in (
        ('{"email": "ada@example.org",}', "at character 29"),
        ('{\n "email": "ada@example.org",\n "password": nope}', "at character 14 of line 3"),
    ):
        refused = problem(await world.client.post("/v1/users", content=body, headers=headers))
        assert refused["errors"][0]["detail"].endswith(where), refused


async def test_a_bug_is_a_problem_that_tells_nothing(strict: httpx2.AsyncClient) -> None:
    assert problem(await strict.get("/broken")) == {
        "type": "/problems/http.500",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "This is our mistake, and nothing was changed. "
        "Try again, or tell us the request id.",
        "code": "http.500",
    }


async def test_no_such_path_and_no_such_method_are_problems(strict: httpx2.AsyncClient) -> None:
    assert problem(await strict.get("/nowhere"))["type"] == "/problems/http.404"
    refused = await strict.delete("/jobs")
    assert problem(refused)["type"] == "/problems/http.405"
    assert refused.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ('{"max_devices": "many"}', "/max_devices"),
        ("{}", "/max_devices"),
        ('{"max_devices": 1, "a/b~": 1}', "/a~1b~0"),
        ('{"max_devices": 1, "\\ud800": 1}', ""),
        ('{"max_devices": ', ""),
    ],
)
async def test_wrong_input_is_pointed_at(
    strict: httpx2.AsyncClient, body: str, pointer: str
) -> None:
    headers = {"content-type": "application/json"}
    answer = problem(await strict.post("/jobs", content=body, headers=headers))
    assert answer["type"] == "/problems/http.422"
    assert [it["pointer"] for it in answer["errors"]] == [pointer]
    assert all(it.keys() == {"pointer", "detail"} for it in answer["errors"])


async def test_a_wrong_parameter_is_pointed_at(strict: httpx2.AsyncClient) -> None:
    answer = problem(await strict.post("/jobs?size=big", json={"max_devices": 1}))
    assert [it["pointer"] for it in answer["errors"]] == ["/size"]


async def test_openapi_tells_of_problems_and_not_of_the_frameworks_own_422(world: World) -> None:
    told = (await world.client.get("/openapi.json")).json()
    assert "HTTPValidationError" not in told["components"]["schemas"]
    for path, methods in told["paths"].items():
        for method in methods.values():
            content = method["responses"]["422"]["content"]
            assert list(content) == ["application/problem+json"], path


async def test_openapi_tells_what_the_edge_refuses_by_itself(world: World) -> None:
    told = (await world.client.get("/openapi.json")).json()
    for methods in told["paths"].values():
        for operation in methods.values():
            answers, body = operation["responses"], operation.get("requestBody", {"content": {}})
            assert "401" in answers or "security" not in operation, operation["operationId"]
            if "application/json" in body["content"]:
                assert {"400", "413"} <= answers.keys(), operation["operationId"]


async def test_a_problem_type_is_explained_where_it_points(world: World) -> None:
    told = (await world.client.get("/problems/payments.insufficient_funds")).json()
    assert told["status"] == 409
    assert told["title"] == "The balance does not cover this amount."
    assert problem(await world.client.get("/problems/nonsense"))["code"].endswith("no_such_problem")


@pytest.mark.parametrize(
    "passing",
    [
        OSError("no route"),
        RedisError("away"),
        PoolTimeout("full"),
        asyncpg.DeadlockDetectedError("deadlock"),
        DBAPIError("", None, OrigError(asyncpg.CannotConnectNowError("starting"))),
        DBAPIError("", None, Exception("gone"), connection_invalidated=True),
    ],
    ids=lambda it: type(it).__name__,
)
async def test_what_passes_is_answered_with_503_and_when_to_come_back(passing: Exception) -> None:
    app = FastAPI()
    answer_in_problems(app)

    @app.get("/")
    async def fail() -> None:
        raise passing

    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/")
    assert problem(answer)["status"] == 503
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    "bug",
    [
        DBAPIError("", None, OrigError(asyncpg.UndefinedColumnError("no such column"))),
        asyncpg.UndefinedColumnError("no such column"),
        asyncpg.DiskFullError("an operator is needed, and no second try"),
    ],
    ids=["by SQLAlchemy", "by asyncpg", "disk"],
)
async def test_an_error_that_does_not_pass_is_a_bug(bug: Exception) -> None:
    app = FastAPI()
    answer_in_problems(app)

    @app.get("/")
    async def fail() -> None:
        raise bug

    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        assert problem(await client.get("/"))["status"] == 500


async def test_what_a_failing_statement_was_about_stays_out_of_its_error(
    committing: Sessions,
) -> None:
    async with committing() as tx:
        with pytest.raises(DBAPIError) as failed:
            await tx.execute(text("SELECT CAST(:secret AS text)::int"), {"secret": "1" * 30})
    assert "parameters hidden" in str(failed.value)


@pytest.mark.parametrize(
    "refusal", [it for it in all_refusals() if issubclass(it, Invalid)], ids=lambda it: it.code
)
def test_each_refusal_of_an_input_names_its_fields(refusal: type[Invalid]) -> None:
    facts = {name: sample_of(it) for name, it in facts_schema(refusal).items()}
    (named,) = json.loads(bytes(answer(refusal(**facts)).body))["errors"]
    assert named == {"pointer": refusal.pointer, "detail": refusal.remedy}
    assert refusal.pointer == "" or refusal.pointer.startswith("/")


async def test_a_refusal_of_a_domain_points_at_the_field(world: World) -> None:
    ada = await world.person()
    refused = problem(await ada.patch("/v1/users/me", {"date_of_birth": "2150-01-01"}))
    assert refused["code"] == "accounts.born_in_the_future"
    assert [it["pointer"] for it in refused["errors"]] == ["/date_of_birth"]


async def test_openapi_tells_which_reads_need_no_token_and_of_headers(world: World) -> None:
    paths = (await world.client.get("/openapi.json")).json()["paths"]
    assert {} in paths["/v1/bounties"]["get"]["security"]
    assert {} in paths["/v1/bounties/{bounty_id}/evidence/{sha256}"]["get"]["security"]
    assert {} not in paths["/v1/bounties"]["post"]["security"]
    assert "security" not in paths["/v1/users"]["post"]
    assert paths["/v1/devices/self"]["get"]["security"] == [{"DeviceBearer": []}]
    assert {} not in paths["/v1/jobs/{job_id}/events"]["get"]["security"]
    for methods in paths.values():
        for it in methods.values():
            told = it["responses"]
            assert "Retry-After" in told["503"]["headers"]
            assert "429" not in told or "Retry-After" in told["429"]["headers"]
            assert "201" not in told or "Location" in told["201"]["headers"]
    assert "ETag" in paths["/v1/users/me"]["patch"]["responses"]["200"]["headers"]
    paired = paths["/v1/devices/pairing-codes"]["post"]["responses"]["201"]
    assert "Idempotency-Replayed" in paired["headers"]
