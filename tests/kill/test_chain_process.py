"""`dml chain run`, really killed: another that stands by goes on, and nothing is counted twice."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import async_sessionmaker

from dml.core.db import connect
from dml.core.engine_supervisor import LOST
from dml.core.settings import Settings
from dml.entrypoints.embedded import locks
from dml.entrypoints.local_chain import faucet
from tests.entrypoints.up.chains import LocalChain
from tests.entrypoints.up.marketplace import SOURCE
from tests.kill.processes import DML
from tests.world import make_user

WORKS: Final = "reads the chain from now on"
STANDS_BY: Final = "this one stands by"
EMAIL: Final = "ada@example.org"


@dataclass
class Readers:
    """Chain processes of one home and one database."""

    local_chain: LocalChain
    database_url: str
    started: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.local_chain.home

    def start(self, says: str) -> "subprocess.Popen[bytes]":
        """Start one, and wait until it says so."""
        log = self.log(len(self.started))
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*DML, "chain", "run"],
                env={
                    "PATH": os.defpath,
                    "PYTHONPATH": str(SOURCE),
                    "DML_HOME": str(self.home),
                    "DML_DATABASE_URL": self.database_url,
                    "DML_CHAIN_POLL_SECONDS": "0.1",
                    "DML_COMPARE_SECONDS": "0.2",
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self.started.append(process)
        self.until(lambda: says in log.read_text())
        return process

    def log(self, number: int) -> Path:
        return self.home / f"reader-{number}.log"

    def rows(self, query: str) -> list[Any]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()

    def until(self, holds: Callable[[], object], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            logs = "\n".join(self.log(n).read_text() for n in range(len(self.started)))
            assert time.monotonic() < deadline, logs
            time.sleep(0.02)


@pytest.fixture
def readers(open_folder: Path, new_database: str) -> Iterator[Readers]:
    local_chain = LocalChain(open_folder / "home")
    local_chain.start()
    it = Readers(local_chain, new_database)
    yield it
    for number, process in enumerate(it.started):
        process.kill()
        process.wait()
        sys.stdout.write(it.log(number).read_text())  # Shown where the test fails.
    local_chain.clean_up()


async def test_whoever_stands_by_goes_on_where_the_killed_one_was(readers: Readers) -> None:
    engine = connect(readers.database_url, name="test")
    async with async_sessionmaker(engine).begin() as tx:
        await make_user(tx, "ada")
    await engine.dispose()
    first = readers.start(WORKS)
    second = readers.start(STANDS_BY)
    settings = Settings(home=readers.home, database_url=SecretStr(readers.database_url))

    giving = asyncio.create_task(asyncio.to_thread(faucet.run, settings, EMAIL, "7"))
    await asyncio.to_thread(
        readers.until, lambda: readers.rows("SELECT 1 FROM deposits WHERE state = 'seen'")
    )
    first.kill()
    killed_at = time.monotonic()
    await asyncio.to_thread(readers.until, lambda: WORKS in readers.log(1).read_text())
    assert time.monotonic() - killed_at < 3
    assert await giving == 0
    assert readers.rows("SELECT state, amount FROM deposits") == [("credited", 7_000_000)]
    assert readers.rows("SELECT balance FROM ledger_accounts WHERE code = 'chain'") == [
        (-7_000_000,)
    ]
    compared = "SELECT balance, difference FROM vaults WHERE compared_at IS NOT NULL"
    await asyncio.to_thread(readers.until, lambda: readers.rows(compared) == [(7_000_000, None)])

    # The chain itself is killed: what was final is there, and it goes on.
    (killed,) = readers.local_chain.started
    killed.kill()
    killed.wait()
    await asyncio.to_thread(readers.until, lambda: not locks.is_held(readers.local_chain.lock))
    await asyncio.to_thread(readers.local_chain.start)
    assert await asyncio.to_thread(faucet.run, settings, EMAIL, "5") == 0
    assert readers.rows("SELECT sum(amount) FROM deposits WHERE state = 'credited'") == [
        (12_000_000,)
    ]
    assert readers.rows("SELECT halted_at FROM vaults") == [(None,)]

    # Who loses the lock cannot know whose turn it is.
    readers.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database d ON d.oid = database "
        "WHERE locktype = 'advisory' AND datname = current_database()"
    )
    assert second.wait(10) == LOST

    third = readers.start(WORKS)
    third.send_signal(signal.SIGTERM)
    asked_at = time.monotonic()
    assert third.wait(10) == 0
    assert time.monotonic() - asked_at < 2


async def test_without_a_chain_it_says_what_to_do(open_folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *DML[1:],
        "chain",
        "run",
        env={"PATH": os.defpath, "PYTHONPATH": str(SOURCE), "DML_HOME": str(open_folder / "none")},
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await process.communicate()
    assert process.returncode == 1
    assert told.startswith(b"dml: there is no chain: name one in DML_CHAIN_URL")
