"""Who guesses passwords, from however many addresses, and whom that does not keep out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import func, select, update

from dml.accounts import sessions, statements
from dml.accounts.models import KnownNetwork
from dml.core import metrics
from dml.core.addresses import network_of
from dml.core.context import NOBODY, Context
from dml.core.db import connect
from dml.core.ids import new_id
from dml.core.settings import Settings
from dml.edge.http import Parts
from dml.edge.limits import Here
from dml.entrypoints.server import create_app
from tests.world import PASSWORD, World, make_user, problem

HOME = "198.51.100.8"


class Elsewhere:
    """One API, asked from any address."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    async def ask(self, address: str, path: str, body: object) -> httpx2.Response:
        transport = httpx2.ASGITransport(self.app, client=(address, 1))
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.post(path, json=body)

    async def register(self, address: str = HOME) -> str:
        """Register somebody whose password is quickly hashed, and who came from this address."""
        parts: Parts = self.app.state
        async with parts.sessions.begin() as tx:
            user = await make_user(tx, f"ada-{new_id()}")
            ctx = Context(tx, NOBODY, datetime.now(UTC))
            await sessions.know_network(ctx, user.id, network_of(address))
        return str(user.email)

    async def sign_in(self, address: str, email: str, password: str = PASSWORD) -> httpx2.Response:
        body = {"email": email, "password": password}
        return await self.ask(address, "/v1/users/authenticate", body)

    async def guess(self, email: str, count: int = 60, at_once: int = 60) -> list[int]:
        """Send wrong passwords, each from another address."""
        places = asyncio.Semaphore(at_once)

        async def one(number: int) -> int:
            async with places:
                wrong = f"wrong guess {number}"
                return (await self.sign_in(f"203.0.113.{number}", email, wrong)).status_code

        return await asyncio.gather(*(one(it) for it in range(count)))


@pytest.fixture
def api(world: World) -> Elsewhere:
    return Elsewhere(world.app)


@asynccontextmanager
async def serving(settings: Settings, database_url: str) -> AsyncIterator[Elsewhere]:
    app = create_app(settings, connect(database_url, name="test of limits"))
    async with app.router.lifespan_context(app):
        yield Elsewhere(app)


@asynccontextmanager
async def without_valkey(settings: Settings, database_url: str) -> AsyncIterator[Elsewhere]:
    away = settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1")})
    async with serving(away, database_url) as api:
        yield api


@pytest.mark.parametrize("at_once", [1, 60])
async def test_sixty_guesses_from_sixty_addresses_are_slowed(api: Elsewhere, at_once: int) -> None:
    email = await api.register()
    tries = await api.guess(email, at_once=at_once)
    assert tries.count(401) <= sessions.FREE_GUESSES + 3
    assert set(tries) == {401, 429}
    refused = await api.sign_in("203.0.113.200", email)
    waits = problem(refused, 429, "edge.too_many_tries")["retry_after_seconds"]
    assert 1 <= waits <= 60
    assert refused.headers["retry-after"] == str(waits)
    assert (await api.sign_in(HOME, email)).status_code == 200  # Its owner is not kept out.


async def test_guesses_are_slowed_while_valkey_is_away(
    settings: Settings, database_url: str
) -> None:
    async with without_valkey(settings, database_url) as api:
        email = await api.register()
        assert set(await api.guess(email, 20)) == {401, 429}
        problem(await api.sign_in("203.0.113.200", email), 429, "edge.too_many_tries")
        assert (await api.sign_in(HOME, email)).status_code == 200


async def test_an_address_is_limited_while_valkey_is_away(
    settings: Settings, database_url: str
) -> None:
    few = settings.model_copy(update={"sign_ins_a_minute": 3})
    (before,) = metrics.COUNTED_ALONE.values[()]
    async with without_valkey(few, database_url) as api:
        answers = await refreshed(api, 4)
    assert [it.status_code for it in answers] == [401, 401, 401, 429]
    assert metrics.COUNTED_ALONE.values[()] == [before + 4]


async def refreshed(api: Elsewhere, times: int) -> list[httpx2.Response]:
    """Ask for other tokens so often, each time from another address of one network."""
    network = f"2001:db8:{new_id().int % 65_536:x}:1"
    body = {"refresh_token": "none"}
    return [await api.ask(f"{network}::{it}", "/v1/users/refresh", body) for it in range(times)]


async def test_what_is_left_is_told_before_a_limit_is_hit(
    settings: Settings, database_url: str
) -> None:
    few = settings.model_copy(update={"sign_ins_a_minute": 2})
    async with serving(few, database_url) as api:
        first, second, refused = await refreshed(api, 3)
    policy = '"sign_in";q=2;w=60'
    assert {it.headers["ratelimit-policy"] for it in (first, second, refused)} == {policy}
    left = [it.headers["ratelimit"].split(";t=") for it in (first, second, refused)]
    assert [it for it, _ in left] == ['"sign_in";r=1', '"sign_in";r=0', '"sign_in";r=0']
    assert all(1 <= int(seconds) <= 60 for _, seconds in left)
    assert refused.headers["retry-after"] == left[2][1]


async def test_nobody_learns_by_guessing_whether_there_is_an_account(api: Elsewhere) -> None:
    email, nobody = await api.register(), f"nobody-{new_id()}@example.org"
    for one in (email, nobody):
        tries = await api.guess(one, 12, at_once=1)
        assert tries[: sessions.FREE_GUESSES] == [401] * sessions.FREE_GUESSES
        assert tries[sessions.FREE_GUESSES] == 429
        problem(await api.sign_in("203.0.113.99", one.upper()), 429, "edge.too_many_tries")


async def test_who_is_known_somewhere_is_slowed_there_by_guesses_made_there(
    api: Elsewhere,
) -> None:
    email = await api.register("2001:db8:7:7::1")
    for it in range(sessions.FREE_GUESSES_KNOWN):
        refused = await api.sign_in(f"2001:db8:7:7::{it + 2:x}", email, "a wrong guess")
        assert refused.status_code == 401
    problem(await api.sign_in("2001:db8:7:7::1", email), 429, "edge.too_many_tries")
    assert (await api.sign_in("203.0.113.1", email)).status_code == 200  # Nobody guessed there.
    assert (await api.sign_in("203.0.113.1", email, "a wrong guess")).status_code == 401


async def test_right_passwords_are_no_guesses(api: Elsewhere) -> None:
    email = await api.register()
    for it in range(3 * sessions.FREE_GUESSES):
        assert (await api.sign_in(f"203.0.113.{it}", email)).status_code == 200


async def test_of_networks_the_last_are_known_and_for_a_while(world: World) -> None:
    user_id = (await world.person()).id
    now = datetime.now(UTC)

    async def count() -> int | None:
        query = select(func.count()).where(KnownNetwork.user_id == user_id)
        async with world.parts.sessions() as tx:
            return await tx.scalar(query)

    async with world.parts.sessions.begin() as tx:
        for it in range(statements.NETWORKS_MAX + 5):
            at = now + timedelta(seconds=it)
            await statements.know_network(tx, user_id, it.to_bytes(32, "big"), at)
    assert await count() == statements.NETWORKS_MAX
    async with world.parts.sessions.begin() as tx:
        mine = update(KnownNetwork).where(KnownNetwork.user_id == user_id)
        await tx.execute(mine.values(last_at=now - statements.NETWORKS_KEPT - timedelta(days=1)))
        await sessions.forget_expired(tx, now)
    assert await count() == 0


def test_what_a_process_counts_is_bounded_and_waits_grow_up_to_a_minute() -> None:
    here = Here(most=100)
    for it in range(10_000):
        here.count(f"limit:{it}", 0)
    assert len(here.counters) == 100
    now, waits = 0.0, list[float]()
    for _ in range(10):
        assert here.take("ada", now, 3) == 0
        waits.append(max(0, here.counters["ada"].free_from - now))
        now += waits[-1]
    assert waits == [0, 0, 15, 30, 60, 60, 60, 60, 60, 60]


def test_a_minute_and_an_hour_later_a_process_has_forgotten() -> None:
    here = Here()
    assert [here.count("a", it)[0] for it in (0, 30, 59, 60)] == [1, 2, 3, 1]
    for _ in range(2):
        here.take("b", 0, 1)
    assert here.take("b", 3_601, 1) == 0
    here.forgive("b")
    assert here.take("b", 3_601, 1) == 0
