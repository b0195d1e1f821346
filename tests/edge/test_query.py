"""A list's query is read at once, and refused as FastAPI refuses it."""

from typing import Annotated

import httpx2
import pytest
from fastapi import FastAPI, Query
from fastapi.routing import APIRoute
from pydantic import Field

from dml.core.wire import Parameters
from dml.edge import query
from dml.edge.problems import answer_in_problems
from dml.edge.routing import StrictRoute
from tests.world import World, problem


class One(Parameters):
    limit: int = Field(20, ge=1)
    word: str | None = None


class Many(Parameters):
    words: list[str] = Field([])


async def one(it: Annotated[One, Query()]) -> str:
    return repr(it)


async def many(it: Annotated[Many, Query()]) -> str:
    return repr(it)


async def test_it_is_read_as_fastapi_reads_it(world: World) -> None:
    strict, plain = FastAPI(), FastAPI()
    strict.router.route_class = StrictRoute
    for app in (strict, plain):
        answer_in_problems(app)
        app.get("/v1/one")(one)
        app.get("/v1/many")(many)
    asked = ["", "?limit=3&word=a%20b", "?limit=0&word=", "?limit=x", "?word=%F0%9F%8C%8D"]
    for path in [f"/v1/one{it}" for it in asked] + ["/v1/many", "/v1/many?words=a"]:
        answers = []
        for app in (strict, plain):
            transport = httpx2.ASGITransport(app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://t") as client:
                answers.append(await client.get(path))
        ours, theirs = answers
        assert (ours.status_code, ours.json()) == (theirs.status_code, theirs.json()), path
    assert strict.openapi()["paths"] == plain.openapi()["paths"]


@pytest.mark.parametrize(("endpoint", "is_quick"), [(one, True), (many, False)])
def test_only_a_shape_of_single_values_is_read_at_once(endpoint: object, is_quick: bool) -> None:
    described = APIRoute("/v1/it", endpoint).dependant  # type: ignore[arg-type]  # Either.
    assert (query.without(described) is not None) == is_quick


async def test_all_that_is_wrong_with_a_query_is_told(world: World) -> None:
    document = problem(await world.client.get("/v1/bounties?limit=0&state=lost"), 422, "http.422")
    assert [it["pointer"] for it in document["errors"]] == ["/limit", "/state"]
