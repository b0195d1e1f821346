"""A whole marketplace of its own, durable, in a folder of its own, that is hit and recovers.

Only what was started for it is ever killed, by its pid; at the end nothing of it is left.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
import psycopg

from dml.core.settings import Settings
from dml.entrypoints import wiring
from dml.entrypoints.embedded import accounts, free_ports, life, locks, places, postgres, servers
from dml.entrypoints.server import create_app
from dml.entrypoints.supervisor import children, up
from tests import canaries, folders
from tests.conftest import ROOT
from tests.kill.processes import Kept, Killable, Supervised, end, of_sessions, start
from tests.seeds import plant
from tests.world import World

SETTINGS: Final[dict[str, Any]] = {
    "lease_seconds": 4,
    "device_token_seconds": 30,
    "device_tokens_a_minute": 1_000_000,
    "pairing_tries_a_minute": 1_000_000,
    "database_connections": 20,
    "api_processes": 2,
    "worker_processes": 2,
    "log_level": "WARNING",
    "local_chain": False,
    "second_admin_above": "1000000",
    "exact_answers": "anybody",
    "target_owners": 0,  # Nobody was counted yet.
}


@dataclass
class Marketplace:
    """Where everything is, and how it is hit."""

    settings: Settings
    environment: Mapping[str, str]  # Of a command that shall find it.
    apis: Sequence[Killable]
    workers: Sequence[Killable]
    world: World  # Its people talk to the API that is killed.
    is_supervised: bool  # By `dml up`, which starts PostgreSQL again too.

    @property
    def api(self) -> Killable:
        return self.apis[0]

    @property
    def database_url(self) -> str:
        return wiring.database_url(self.settings)

    @property
    def postgres_log(self) -> Path:
        site = places.find(self.settings.home)
        assert site is not None
        return site.place / "postgres.log"

    def rows(self, query: str, **values: Any) -> list[Any]:
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(query, values).fetchall()

    async def ready(self) -> None:
        """Wait until the API can serve and each worker is alive."""
        await until(self._is_ready, seconds=60, what="everything runs again")

    async def _is_ready(self) -> bool:
        try:
            answer = await self.world.client.get("/readyz")
            alive = self.rows("""SELECT name FROM nodes
                WHERE kind = 'worker' AND seen_at > now() - interval '5 seconds'""")
        except (httpx2.TransportError, psycopg.OperationalError):
            return False
        names = " ".join(name for (name,) in alive)
        return answer.status_code == 200 and all(f"-{it.pid}-" in names for it in self.workers)

    async def kill_postgres(self, *, away_seconds: float) -> None:
        """Kill PostgreSQL's first process; where nobody else does, start it after a while."""
        leader = postgres.process(self.settings.home)
        assert leader is not None
        url = self.database_url
        os.kill(leader.pid, signal.SIGKILL)
        if not self.is_supervised:
            await asyncio.sleep(away_seconds)
            await asyncio.to_thread(servers.start_postgres, self.settings.home)
            assert self.database_url == url

    def kill_backend(self) -> None:
        """Kill one of PostgreSQL's processes, upon which it ends the others, and recovers."""
        ((pid,),) = self.rows(
            "SELECT pid FROM pg_stat_activity "
            "WHERE starts_with(application_name, 'dml api') ORDER BY random() LIMIT 1"
        )
        os.kill(pid, signal.SIGKILL)

    def kill_supervisor(self) -> None:
        lock = up.make_plan(self.settings).lock("supervisor")
        (supervisor,) = locks.heads(lock, accounts.caller())
        os.kill(supervisor.pid, signal.SIGKILL)


@asynccontextmanager
async def kept(*, workers: int = 2, **variables: str) -> AsyncIterator[Marketplace]:
    """Run one whose API and workers the test itself keeps alive, with these variables besides."""
    with a_home() as home:
        endpoints = await asyncio.to_thread(servers.up, home)
        urls: dict[str, Any] = {
            "database_url": endpoints.postgres_socket,
            "redis_url": endpoints.valkey,
        }
        settings = Settings(home=home, port=free_ports.lasting("127.0.0.1"), **SETTINGS, **urls)
        environment = environment_of(settings, **urls) | variables
        api = Kept("server", environment, home / "api.log")
        its = [Kept("worker", environment, home / f"worker-{n}.log") for n in range(workers)]
        keepers = [asyncio.create_task(it.keep()) for it in (api, *its)]
        try:
            async with a_world(settings) as world:
                made = Marketplace(settings, environment, [api], its, world, is_supervised=False)
                await made.ready()
                yield made
        except BaseException:
            show(*(it.log for it in (api, *its)))
            raise
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
            left = of_sessions({pid for it in (api, *its) for pid in it.pids})
            for pid in left:
                os.kill(pid, signal.SIGKILL)
        assert not left, f"processes outlived the worker or the API that started them: {left}"
        assert set(api.codes) <= {-signal.SIGKILL}
        assert {code for it in its for code in it.codes} <= {-signal.SIGKILL, 70}
        canaries.look_into(it.log for it in (api, *its))


@asynccontextmanager
async def supervised() -> AsyncIterator[Marketplace]:
    """Run one by `dml up`, which alone brings back what is killed."""
    with a_home() as home:
        settings = Settings(home=home, port=free_ports.lasting("127.0.0.1"), **SETTINGS)
        environment = environment_of(settings)
        plan = up.make_plan(settings)
        process = await start("up", environment, home.with_name("up.log"))
        try:
            await until(plan.lock("worker-1").exists, seconds=60, what="`dml up` starts")
            async with a_world(settings) as world:
                made = Marketplace(
                    settings,
                    environment,
                    [Supervised(it) for it in children.apis(plan)],
                    [Supervised(it) for it in children.workers(plan)],
                    world,
                    is_supervised=True,
                )
                await made.ready()
                yield made
        except BaseException:
            show(home.with_name("up.log"), *plan.logs.glob("*.log"))
            raise
        finally:
            await end(process)
            down = await start("down", environment, home.with_name("up.log"))
            assert await down.wait() == 0
            assert not any(locks.is_held(plan.lock(name)) for name in ("up", "supervisor"))
            assert not children.running(plan)
            canaries.look_into(plan.logs.glob("*.log"))


def show(*logs: Path) -> None:
    """Show how these end, to whoever must find out why a test failed: they are gone with it."""
    for path in logs:
        sys.stdout.write(f"\n{path.name} closes with:\n{life.tail(path, lines=40)}\n")


@contextlib.contextmanager
def a_home() -> Any:
    """A home whose servers are stopped, and whose folders are gone, when the test ends."""
    folder = folders.make("dmltest-")
    home = folder / "home"
    home.mkdir(mode=0o755)
    plant(home)
    try:
        yield home
    finally:
        site = places.find(home)
        servers.down(home)
        life.reap()
        if site is not None and site.place.parent == places.SHARED:
            shutil.rmtree(site.place)
        shutil.rmtree(folder)


@asynccontextmanager
async def a_world(settings: Settings) -> AsyncIterator[World]:
    """Provide the parts of an API that serves nobody, and a client of the one that does."""
    engine = wiring.make_engine(settings, "test")
    app = create_app(settings, engine)
    try:
        async with httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{settings.port}",
            timeout=httpx2.Timeout(8),
            limits=httpx2.Limits(max_connections=300),
        ) as client:
            yield World(app, client)
    finally:
        await app.state.redis.aclose()
        await engine.dispose()


def environment_of(settings: Settings, **urls: str) -> dict[str, str]:
    said = {"home": settings.home, "port": settings.port, **SETTINGS, **urls}
    inherited = {name: it for name, it in os.environ.items() if not name.startswith("DML_")}
    named = {f"DML_{name.upper()}": str(value) for name, value in said.items()}
    return {**inherited, **named, "PYTHONPATH": str(ROOT / "src")}


async def until(
    condition: Callable[[], bool | Awaitable[bool]], *, seconds: float, what: str
) -> None:
    """Wait for something to be so, and fail if it does not become so in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if await answer if isinstance(answer, Awaitable) else answer:
            return
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        await asyncio.sleep(0.05)
