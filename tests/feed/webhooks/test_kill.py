"""A worker that is killed with deliveries in hand: none is lost, and none was written twice."""

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Sized
from pathlib import Path
from typing import Final

import httpx2
import psycopg
from pydantic import SecretStr

from dml.core.db import connect
from dml.core.settings import Settings
from dml.entrypoints.server import create_app
from tests.feed.webhooks.hooks import happen, make_hook, somebody
from tests.feed.webhooks.sink import listening, status
from tests.kill.processes import Kept
from tests.world import World

EVENTS: Final = 40
KILLS: Final = 3
IN_HAND: Final = 4  # Of one webhook, by one worker.


async def until(is_true: Callable[[], bool], *, seconds: float = 90) -> None:
    async with asyncio.timeout(seconds):
        while not is_true():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.02)


async def test_a_worker_that_is_killed_again_and_again_loses_no_delivery(
    settings: Settings, new_database: str, open_folder: Path
) -> None:
    changed = {"database_url": SecretStr(new_database), "home": open_folder}
    own = settings.model_copy(update=changed)
    app = create_app(own, connect(new_database, name="test api"))
    environment = dict(os.environ) | {
        "DML_HOME": str(open_folder),
        "DML_DATABASE_URL": new_database,
        "DML_REDIS_URL": own.redis_url.get_secret_value() if own.redis_url else "",
        "DML_WEBHOOKS_TO_LOOPBACK": "true",
    }
    worker = Kept("worker", environment, open_folder / "worker.log")
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
        listening() as sink,
    ):
        world = World(app, client)
        hook = await make_hook(world, sink.url, "user.password_reset")
        subjects = [somebody() for _ in range(EVENTS // 2)]
        sink.answer = _slowly(status(204))
        keeper = asyncio.create_task(worker.keep())
        try:
            for number in range(1, KILLS + 1):
                await happen(world, hook.owner, *subjects[: EVENTS // 2 // KILLS])
                seen = len(sink.calls)
                await _beyond(sink.calls, seen + 1)
                worker.kill()
                await _beyond(worker.pids, number)
                _end_leases(new_database)  # As half a minute would.
            await happen(world, hook.owner, *subjects)
            log = await _all_events(hook.owner.get)
            await until(lambda: set(sink.event_ids) >= set(log))
            await until(lambda: _waiting(new_database) == 0)
        finally:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper
    times = Counter(sink.event_ids)
    assert set(times) == set(log)
    assert sum(times.values()) - len(log) <= KILLS * IN_HAND
    with psycopg.connect(new_database) as connection:
        rows = connection.execute(
            "SELECT count(*), count(DISTINCT number), count(*) FILTER (WHERE state = 'delivered') "
            "FROM webhook_deliveries"
        ).fetchone()
    assert rows == (len(log), len(log), len(log))
    for subject in subjects:  # Each event's first call came after those before it.
        mine = [it.event_id for it in sink.calls if str(subject).encode() in it.body]
        assert list(dict.fromkeys(mine)) == [it for it in log if it in mine]


async def _beyond(things: Sized, count: int) -> None:
    """Wait until there are more than so many."""
    await until(lambda: len(things) > count)


def _slowly(
    answer: Callable[[asyncio.StreamWriter], Awaitable[None]],
) -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
    async def answer_slowly(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        await answer(writer)

    return answer_slowly


async def _all_events(get: Callable[..., Awaitable[httpx2.Response]]) -> list[str]:
    asked = {"types": "user.password_reset", "limit": 100}
    page = (await get("/v1/events", params=asked)).json()
    assert not page["has_more"]
    return [it["id"] for it in page["items"]]


def _end_leases(database_url: str) -> None:
    """Let the next worker take at once what the killed one had in hand."""
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE webhook_queues SET due_at = now() WHERE lease_id IS NOT NULL")


def _waiting(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        found = connection.execute("SELECT count(*) FROM webhook_queues").fetchone()
    assert found is not None
    return int(found[0])
