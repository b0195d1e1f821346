"""A marketplace on several machines: each an address of the loopback network, with an API, mostly
a worker, links to PostgreSQL and Valkey that can be cut, and the proxy of `deploy/docker` in front.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx2

from dml.core.settings import Settings
from dml.entrypoints.embedded import free_ports, life, locks, servers
from dml.entrypoints.embedded.servers import Endpoints
from dml.entrypoints.supervisor.nursery import Nursery
from dml.entrypoints.supervisor.plan import Commands
from tests import canaries
from tests.conftest import ROOT
from tests.kill.links import Link
from tests.kill.marketplace import (
    SETTINGS,
    Marketplace,
    a_home,
    a_world,
    environment_of,
    show,
    until,
)
from tests.kill.processes import Kept, end, of_sessions
from tests.world import World

CADDY: Final = Path(sys.executable).with_name("caddy")
CADDYFILE: Final = ROOT / "deploy" / "docker" / "Caddyfile"
UPSTREAMS: Final = "api-1:8000 api-2:8000"
READY_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.05
END_SECONDS: Final = 20.0
HOSTS: Final = ("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4")
WITHOUT_WORKER: Final = HOSTS[2]
COMMANDS: Final = Commands()


@dataclass
class Born(Kept):
    """The first time it is a fork of who imported for all, as of `dml up`: a start is imports."""

    nursery: Nursery | None = None

    async def keep(self) -> None:
        assert self.nursery
        lock = locks.claim(self.log.with_suffix(".lock"))
        assert lock is not None
        command = COMMANDS.api if self.name == "server" else COMMANDS.worker
        pid = self.nursery.fork(command, self.environment, lock=lock, log=self.log)
        os.close(lock)
        assert pid is not None
        self.pids.append(pid)
        try:
            self.codes.append(await _end_of(pid))
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            async with asyncio.timeout(END_SECONDS):
                await _end_of(pid)
            raise
        await super().keep()


async def _end_of(pid: int) -> int:
    while (code := life.exit_code(pid)) is None:  # noqa: ASYNC110 - nobody tells of a fork's end
        await asyncio.sleep(LOOK_SECONDS)
    return code


@dataclass
class Node:
    """A machine. Its processes come back when they end, as systemd has it."""

    host: str
    port: int
    links: Sequence[Link]  # To PostgreSQL, to Valkey, and from the proxy.
    api: Kept
    worker: Kept | None
    keepers: list[asyncio.Task[None]] = field(default_factory=list)
    is_cut_off: bool = False

    @property
    def processes(self) -> list[Kept]:
        return [it for it in (self.api, self.worker) if it is not None]

    @property
    def front(self) -> Link:
        return self.links[2]

    def begin(self) -> None:
        self.keepers = [asyncio.create_task(it.keep()) for it in self.processes]
        self.keepers.append(asyncio.create_task(self._refuse_where_nobody_listens()))

    def kill(self) -> None:
        for it in self.processes:
            it.kill()
        self.front.cut()

    async def _refuse_where_nobody_listens(self) -> None:
        """Keep the link from the proxy as a machine would: to take and drop is another thing."""
        while True:
            listens = not free_ports.is_free(self.host, self.port)
            if not self.is_cut_off and listens != self.front.is_mended:
                if listens:
                    await self.front.mend()
                else:
                    self.front.cut()
            await asyncio.sleep(LOOK_SECONDS)

    async def freeze(self, seconds: float) -> None:
        """Let nothing of it run for a while; its connections stay open, as of one that swaps."""
        pids = [it.pid for it in self.processes]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    async def cut_off(self, seconds: float) -> None:
        """Have it reach nobody, and nobody reach it, for a while."""
        self.is_cut_off = True
        for link in self.links:
            link.cut()
        try:
            await asyncio.sleep(seconds)
        finally:
            for link in (it for it in self.links if it is not self.front):
                await link.mend()
            self.is_cut_off = False

    async def is_ready(self) -> bool:
        """Whether its API would be asked by the proxy."""
        with suppress(httpx2.TransportError):
            async with httpx2.AsyncClient() as client:
                url = f"http://{self.host}:{self.port}/readyz"
                return (await client.get(url, timeout=5)).status_code == 200
        return False

    async def device_requests(self) -> int:
        """How many requests of devices its API has answered since it lives."""
        async with httpx2.AsyncClient() as client:
            text = (await client.get(f"http://{self.host}:{self.port}/metrics")).text
        counted = [it for it in text.splitlines() if it.startswith("dml_device_requests_total")]
        return int(sum(float(it.rpartition(" ")[2]) for it in counted))

    async def ready(self) -> None:
        await until(self.is_ready, seconds=READY_SECONDS, what=f"{self.host} is ready")


@dataclass
class Machines:
    """All of them; `spare` has a place behind the proxy, and is not there yet."""

    market: Marketplace
    nodes: Sequence[Node]
    spare: Node


@asynccontextmanager
async def machines() -> AsyncIterator[Machines]:
    """Run three APIs and two workers on three machines, and prepare a fourth with both."""
    with a_home() as home:
        nursery = Nursery.start()
        endpoints = await asyncio.to_thread(servers.up, home)
        settings = Settings(
            home=home,
            port=free_ports.lasting("127.0.0.1"),
            database_url=endpoints.postgres_socket,
            redis_url=endpoints.valkey,
            **SETTINGS,
        )
        nodes = [await _node(it, home, endpoints, nursery) for it in HOSTS]
        proxy = await _proxy(settings.port, [it.front.address for it in nodes], home)
        *first, spare = nodes
        await until(nursery.is_ready, seconds=READY_SECONDS, what="all is imported")
        for it in first:
            it.begin()
        logs = [it.log for node in nodes for it in node.processes]
        try:
            async with a_world(settings) as world:
                _let_the_proxy_answer(world)
                market = Marketplace(
                    settings,
                    environment_of(settings, **_urls(endpoints)),
                    [it.api for it in first],
                    [it.worker for it in first if it.worker],
                    world,
                    is_supervised=False,
                )
                await asyncio.gather(*(it.ready() for it in first))
                await market.ready()
                yield Machines(market, first, spare)
        except BaseException:
            show(*logs, home / "proxy.log")
            raise
        finally:
            keepers = [it for node in nodes for it in node.keepers]
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
            await end(proxy)
            nursery.close()
            for link in (it for node in nodes for it in node.links):
                link.cut()
            kept = [it for node in nodes for it in node.processes]
            left = of_sessions({pid for it in kept for pid in it.pids})
            for pid in left:
                os.kill(pid, signal.SIGKILL)
        assert not left, f"processes outlived the worker or the API that started them: {left}"
        assert {code for it in kept for code in it.codes} <= {-signal.SIGKILL, 70}
        canaries.look_into(it for it in logs if it.exists())


def _let_the_proxy_answer(world: World) -> None:
    """Hold what our API answers to its description, and not what the proxy says by itself."""
    (described,) = world.client.event_hooks["response"]

    async def check(answer: httpx2.Response) -> None:
        if "x-request-id" in answer.headers:
            await described(answer)

    world.client.event_hooks["response"] = [check]


def _urls(endpoints: Endpoints) -> dict[str, str]:
    return {"database_url": endpoints.postgres_socket, "redis_url": endpoints.valkey}


async def _node(host: str, home: Path, endpoints: Endpoints, nursery: Nursery) -> Node:
    """Prepare a machine, on which nothing runs yet."""
    port = free_ports.lasting(host)
    postgres, valkey = urlsplit(endpoints.postgres), urlsplit(endpoints.valkey)
    assert (postgres.hostname, valkey.scheme) == ("127.0.0.1", "unix")
    links = [
        await Link.to(host, ("127.0.0.1", postgres.port or 0)),
        await Link.to(host, valkey.path),
        await Link.to(host, (host, port)),
    ]
    links[2].cut()
    own = home / host
    own.mkdir()
    environment = _environment(
        home=own,
        host=host,
        port=port,
        database_url=endpoints.postgres.replace(f"127.0.0.1:{postgres.port}", links[0].address),
        redis_url=f"redis://:{valkey.password}@{links[1].address}/0",
        # What machines share.
        blobs=home / "blobs",
        keys_file=home / "keys.json",
        factor_key_file=home / "factors.key",
        scorer_key_file=home / "scorer.key",
    )
    api = Born("server", environment, own / "api.log", nursery=nursery)
    worker = Born("worker", environment, own / "worker.log", nursery=nursery)
    return Node(host, port, links, api, None if host == WITHOUT_WORKER else worker)


def _environment(**said: object) -> Mapping[str, str]:
    inherited = {name: it for name, it in os.environ.items() if not name.startswith("DML_")}
    named = {f"DML_{name.upper()}": str(it) for name, it in (SETTINGS | said).items()}
    return {**inherited, **named, "PYTHONPATH": str(ROOT / "src")}


async def _proxy(port: int, upstreams: Sequence[str], home: Path) -> asyncio.subprocess.Process:
    """Start Caddy with our own Caddyfile, without TLS and with these in the place of its two."""
    text = CADDYFILE.read_text()
    assert UPSTREAMS in text
    config = home / "Caddyfile"
    config.write_text(text.replace(UPSTREAMS, " ".join(upstreams)))
    with (home / "proxy.log").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            str(CADDY),
            *("run", "--config", str(config), "--adapter", "caddyfile"),
            env={"HOME": str(home), "DML_DOMAIN": f"http://127.0.0.1:{port}"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
