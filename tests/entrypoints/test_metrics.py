"""`/metrics`: for this machine, or for who has the token; by routes, never by paths."""

from collections.abc import Iterator

import httpx2
import pytest
from pydantic import SecretStr

from tests.core.test_metrics import values
from tests.world import World

TOKEN = "a token of sixteen or more"


def client_from(world: World, address: str) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(world.app, client=(address, 1234))
    return httpx2.AsyncClient(transport=transport, base_url="http://test")


async def test_requests_are_counted_by_their_route(world: World) -> None:
    person = await world.person("someone")
    for path in ("/problems/no.one", "/problems/no.other", "/nothing/here", "/nothing/there"):
        await world.client.get(path)
    await world.client.request("BREW", "/healthz")
    await person.get(f"/v1/users/{person.id}")
    async with client_from(world, "127.0.0.1") as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "nothing" not in answer.text
    assert str(person.id) not in answer.text
    seen = values(answer.text)
    assert seen['dml_requests_total{method="GET",route="/problems/{code}",status="4xx"}'] >= 2
    assert seen['dml_requests_total{method="GET",route="none",status="4xx"}'] >= 2
    assert seen['dml_requests_total{method="GET",route="/v1/users/{user_id}",status="2xx"}'] >= 1
    assert any('method="other"' in name for name in seen)
    assert seen['dml_request_seconds_count{method="GET",route="/v1/users/{user_id}"}'] >= 1
    assert seen['dml_processes{kind="api"}'] >= 1


@pytest.fixture
def with_token(world: World) -> Iterator[None]:
    before = world.app.state.settings
    world.app.state.settings = before.model_copy(update={"metrics_token": SecretStr(TOKEN)})
    yield
    world.app.state.settings = before


async def test_from_elsewhere_it_is_not_there(world: World) -> None:
    async with client_from(world, "192.0.2.7") as client:
        assert (await client.get("/metrics")).status_code == 404
        sent = {"Authorization": f"Bearer {TOKEN}"}
        assert (await client.get("/metrics", headers=sent)).status_code == 404


@pytest.mark.usefixtures("with_token")
@pytest.mark.parametrize(
    ("token", "status"), [(TOKEN, 200), (f"{TOKEN}x", 404), (TOKEN[:-1], 404), (None, 404)]
)
async def test_but_for_who_has_the_token_that_is_set(
    world: World, token: str | None, status: int
) -> None:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with client_from(world, "192.0.2.7") as client:
        assert (await client.get("/metrics", headers=headers)).status_code == status
    async with client_from(world, "::1") as client:
        assert (await client.get("/metrics")).status_code == 200
