"""What surrounds a request: its id, the largest body, other origins, health."""

import asyncio
import re

import httpx2
import pytest
from sqlalchemy import delete, func, select
from starlette.types import Message, Receive, Scope, Send

from dml.core import nodes, pool
from dml.core.db import connect
from dml.core.settings import Settings
from dml.edge.requests import Requests
from dml.entrypoints.server import create_app
from tests.world import World, problem


async def test_a_request_id_is_told_and_taken_where_it_is_safe(world: World) -> None:
    made = (await world.client.get("/healthz")).headers["x-request-id"]
    assert len(made) == 32
    given = await world.client.get("/healthz", headers={"X-Request-ID": "mine-12345"})
    assert given.headers["x-request-id"] == "mine-12345"
    forged = await world.client.get("/healthz", headers={"X-Request-ID": "a b\tc" * 9})
    assert forged.headers["x-request-id"] != "a b\tc" * 9


@pytest.mark.parametrize("tell_length", [True, False])
async def test_a_body_that_is_too_large_is_refused(world: World, tell_length: bool) -> None:
    async def chunks() -> object:
        for _ in range(300):
            yield b"x" * 8_192

    content = b"x" * 2_500_000 if tell_length else chunks()
    headers = {"content-type": "application/json"}
    refused = await world.client.post("/v1/users", content=content, headers=headers)  # type: ignore[arg-type]
    problem(refused, 413, "http.413")


async def test_where_too_many_wait_a_request_is_refused_at_once_and_the_process_is_alive(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "WAITING_MAX", 0)
    headers = {"content-type": "application/json", "x-request-id": "mine-12345"}
    for _ in range(2):
        for method, path in (("GET", "/v1/algorithms"), ("POST", "/v1/users"), ("GET", "/none")):
            content = b"x" * 100_000 if method == "POST" else b""
            refused = await world.client.request(method, path, content=content, headers=headers)
            problem(refused, 503, "http.503")
            assert refused.headers["retry-after"] == "1"
            assert refused.headers.get_list("x-request-id") == ["mine-12345"]
            assert refused.headers.get_list("x-content-type-options") == ["nosniff"]
    assert (await world.client.head("/v1/algorithms")).content == b""
    assert (await world.client.get("/healthz")).status_code == 200
    monkeypatch.undo()
    assert (await world.client.get("/v1/algorithms")).status_code == 200


async def test_other_origins_are_let_in_only_where_settings_say_so(world: World) -> None:
    asked = await world.client.get("/healthz", headers={"Origin": "https://evil.example.org"})
    assert "access-control-allow-origin" not in asked.headers


async def test_it_is_ready_with_database_valkey_and_a_worker(world: World) -> None:
    name = "worker-of-a-test"
    async with world.parts.sessions.begin() as tx:
        await nodes.renew(tx, name, "worker", {})
    without_its_lock = await world.client.get("/readyz")
    async with world.parts.sessions.begin() as tx:  # Until this ends, the lock is held.
        key = func.hashtextextended(name, nodes.LOCK_SEED)
        await tx.execute(select(func.pg_advisory_xact_lock(key)))
        ready = await world.client.get("/readyz")
        await tx.execute(delete(nodes.Node).where(nodes.Node.name == name))
    assert without_its_lock.status_code == 503
    assert without_its_lock.json()["worker"] == "none is at work"
    assert ready.status_code == 200, ready.text
    told = ready.json()
    assert (told["ready"], told["database"], told["valkey"]) == (True, "ok", "ok")


async def test_the_docs_load_from_this_server_alone(world: World) -> None:
    page = (await world.client.get("/docs")).text
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(links) >= 3
    for link in links:
        assert re.match(r"/(?!/)", link)
        assert (await world.client.get(link)).status_code == 200
    assert 'href="/docs"' in (await world.client.get("/")).text


@pytest.mark.parametrize(
    "body", ["[" * 100_000, '{"a": ' + "9" * 5_000 + "}", "\ufeff{}", '{"email": NaN}', "", "null"]
)
async def test_broken_json_is_the_clients_mistake(world: World, body: str) -> None:
    headers = {"content-type": "application/json"}
    refused: httpx2.Response = await world.client.post("/v1/users", content=body, headers=headers)
    assert refused.status_code in (400, 422), refused.text
    assert refused.headers["content-type"] == "application/problem+json"


async def test_a_crowd_that_writes_does_not_stand_before_who_comes_to_read() -> None:
    begun: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun.append(scope["method"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def ask(method: str) -> None:
        scope = {"type": "http", "method": method, "path": "/healthz", "headers": []}
        await requests(scope, receive, send)

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None: ...

    requests = Requests(app, body_limit_bytes=1_000)
    await asyncio.gather(*(ask("POST") for _ in range(100)), ask("GET"))
    assert begun.count("POST") == 100
    assert begun.index("GET") < 5


async def test_what_is_no_page_loads_runs_and_frames_nothing(world: World) -> None:
    for path in ("/healthz", "/v1/algorithms", "/nothing/here"):
        answer = await world.client.get(path)
        assert answer.headers.get_list("content-security-policy") == [
            "default-src 'none'; frame-ancestors 'none'"
        ]
        assert "strict-transport-security" not in answer.headers


async def test_where_the_public_url_is_https_browsers_are_told_to_stay_there(
    settings: Settings,
) -> None:
    public = settings.model_copy(update={"public_url": "https://market.example.org"})
    app = create_app(public, connect("postgresql://nobody@127.0.0.1:1/none", name="none"))
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        for path in ("/healthz", "/", "/nothing/here"):
            answer = await client.get(path)
            assert answer.headers["strict-transport-security"] == "max-age=31536000"
