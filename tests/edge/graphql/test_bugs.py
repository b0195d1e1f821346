"""A bug tells a client nothing but the id of its request, and leaves what else was asked."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter, FastAPI

from dml.core.wire import Wire
from dml.edge.graphql import routes
from dml.edge.graphql.graph import Graph, Read
from dml.edge.graphql.late import LateGraph
from dml.edge.problems import answer_in_problems
from dml.edge.requests import Requests
from dml.edge.routing import StrictRoute
from tests.world import World

SECRET = "postgresql://admin:a-password@somewhere"
router = APIRouter(prefix="/v1/things", route_class=StrictRoute)


class ThingOut(Wire):
    name: str
    size: int


@router.get("/broken", operation_id="things.get_broken")
async def get_broken() -> ThingOut:
    raise RuntimeError(SECRET)


@router.get("/good", operation_id="things.get_good")
async def get_good() -> ThingOut:
    return ThingOut(name="good", size=2**40)


GRAPH = Graph(
    reads=(Read("broken", "things.get_broken"), Read("good", "things.get_good")),
    without={"graph.ask": "It is the graph."},
)


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    """A small API with a bug, and a graph over it."""
    app = FastAPI()
    app.state = world.app.state
    mine = LateGraph(app, lambda: [GRAPH])
    answer_in_problems(app)
    app.include_router(router)
    app.include_router(routes.router)
    app.add_middleware(Requests, body_limit_bytes=10_000)
    known, app.state.graph = app.state.graph, mine
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    app.state.graph = known


async def test_a_bug_says_nothing_but_an_id(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.post("/graphql", json={"query": "{ broken { name } good { name size } }"})
    assert answer.status_code == 200
    assert SECRET not in answer.text
    told: Any = answer.json()
    assert told["data"] == {"broken": None, "good": {"name": "good", "size": 2**40}}
    (error,) = told["errors"]
    assert error["path"] == ["broken"]
    assert error["extensions"]["code"] == "http.500"
    assert error["extensions"]["requestId"] == answer.headers["x-request-id"]
    assert SECRET in caplog.text


async def test_a_query_that_is_wrong_is_not_logged(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.post("/graphql", json={"query": '{ broken(password: "a secret") { x } }'})
    assert answer.json()["errors"]
    assert "a secret" not in caplog.text
