"""A marketplace to be measured: durable servers of its own, and processes as `dml up` has them."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx2
import psycopg
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks import processor
from dml.core.db import connect
from dml.core.settings import Settings
from dml.entrypoints import domains, migrate, wiring
from dml.entrypoints.embedded import postgres, servers
from dml.sim.population import Operator

START_SECONDS: Final = 90.0
# One address and one user are here what thousands are elsewhere.
_ROOM: Final = {
    "DML_CONNECTIONS_OF_ONE_ADDRESS": "10000",
    "DML_STREAMS_OF_ONE_USER": "10000",
}
_DML: Final = (sys.executable, "-m", "dml.entrypoints.cli")


@dataclass
class Market:
    """One database, its port, and the processes that serve it."""

    home: Path
    settings: Settings
    port: int
    apis: list[subprocess.Popen[bytes]] = field(default_factory=list)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)  # Settings of what is started next.

    @property
    def url(self) -> str:
        return wiring.database_url(self.settings)

    @contextmanager
    def operator(self) -> Iterator[tuple[Operator, AsyncEngine]]:
        """What its operator has at hand, for one event loop."""
        domains.load_processes()
        engine = connect(self.url, name="benchmark")
        made = wiring.make_sessions(engine), wiring.make_keys(self.settings)
        yield Operator(*made, wiring.make_blobs(self.settings), self.settings), engine

    def api_seconds(self) -> float:
        """The processor time that API processes took so far."""
        return processor.of_trees(it.pid for it in self.apis)

    def worker_seconds(self) -> float:
        return processor.of_trees(it.pid for it in self.workers)

    def postgres_seconds(self) -> float:
        leader = postgres.process(self.home)
        assert leader is not None
        return processor.of_trees([leader.pid])

    def start(self, *, apis: int = 0, workers: int = 0) -> None:
        """Start so many processes more, and wait until they serve."""
        self.apis += [self.spawn("server") for _ in range(apis)]
        self.workers += [self.spawn("worker") for _ in range(workers)]
        if apis:
            self._until_ready()

    def stop(self) -> None:
        """End all of them."""
        ending = [*self.apis, *self.workers]
        for it in ending:
            it.send_signal(signal.SIGTERM)
        for it in ending:
            it.wait(START_SECONDS)
        self.apis, self.workers = [], []

    def spawn(self, command: str) -> subprocess.Popen[bytes]:
        """Start another process, and wait for nothing."""
        environment = {
            **os.environ,
            **self.environment,
            "DML_HOME": str(self.home),
            "DML_DATABASE_URL": self.url,
            "DML_REDIS_URL": wiring.redis_url(self.settings),
            "DML_PORT": str(self.port),
        }
        with open(self.home / f"{command}.log", "ab") as log:
            return subprocess.Popen((*_DML, command), env=environment, stdout=log, stderr=log)

    def _until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx2.TransportError):
                # Without a worker it is not ready for people, and serves all the same.
                ready = httpx2.get(f"http://127.0.0.1:{self.port}/readyz").json()
                if ready["database"] == "ok":
                    return
            time.sleep(0.05)
        raise RuntimeError(f"the API does not serve: see {self.home}/server.log")


@contextmanager
def opened(home: Path, label: str) -> Iterator[Market]:
    """A new, migrated database on the servers of this home; it is dropped in the end."""
    endpoints = servers.up(home)
    name = f"dml_benchmark_{label}"
    postgres.drop_database(home, name)
    url = postgres.create_database(home, name)
    migrate.migrate(url)
    settings = Settings(
        home=home, database_url=SecretStr(url), redis_url=SecretStr(endpoints.valkey)
    )
    market = Market(home, settings, _free_port(), environment=dict(_ROOM))
    try:
        yield market
    finally:
        market.stop()
        postgres.drop_database(home, name)


def vacuum(market: Market) -> None:
    """Let the tables be as autovacuum and the checkpointer leave them in the end."""
    with psycopg.connect(market.url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
