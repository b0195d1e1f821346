"""Nodes of their own that are killed, and a PostgreSQL that is: what then happens, and how soon."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from dml.core import engine as engines, processes
from dml.core.context import Context
from dml.core.db import connect
from dml.core.engine_supervisor import LOST
from dml.entrypoints.embedded import postgres, servers
from tests.conftest import ROOT
from tests.core import engine_node
from tests.core.engine_watch import Watch, a_name, until
from tests.seeds import plant

ACCOUNTS, TIMES = 12, 8
log = logging.getLogger(__name__)


class Node:
    """A worker in a process of its own; `name` is what its rows are marked with."""

    def __init__(self, process: asyncio.subprocess.Process, name: str) -> None:
        self.process = process
        self.name = name

    def kill(self) -> None:
        self.process.kill()


async def spawn(url: str, folder: Path) -> asyncio.subprocess.Process:
    with log_of(folder).open("ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.core.engine_node",
            url,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"},
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )


def log_of(folder: Path) -> Path:
    """Return where a node's log goes: beside its folder, which must stay empty."""
    return folder.with_suffix(".log")


@asynccontextmanager
async def running(url: str, folder: Path) -> AsyncIterator[Node]:
    process = await spawn(url, folder)
    assert process.stdout is not None
    name = (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip()
    assert name, log_of(folder).read_text()
    try:
        yield Node(process, name)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@asynccontextmanager
async def watching(url: str) -> AsyncIterator[Watch]:
    database = connect(url, name="watch")
    async with database.begin() as connection:
        await connection.execute(engine_node.TABLE)
    yield Watch(database)
    await database.dispose()


async def open_accounts(watch: Watch) -> list[str]:
    accounts = [a_name() for _ in range(ACCOUNTS)]

    async def start_all(ctx: Context) -> None:
        for account in accounts:
            await processes.start(ctx, account, engine_node.post_all, account, TIMES)

    await watch.act(start_all)
    return accounts


async def all_are_exact(watch: Watch, accounts: list[str]) -> None:
    for account in accounts:
        assert await watch.end(account) == ("SUCCESS", '"posted"')
        assert await watch.postings(account) == list(range(TIMES))


async def in_hand(watch: Watch, node: str) -> list[str]:
    rows = await watch.rows(
        "SELECT workflow_uuid AS id FROM dbos.workflow_status "
        "WHERE status = 'PENDING' AND executor_id = :node",
        node=node,
    )
    return [it.id for it in rows]


async def a_busy_one(watch: Watch, *nodes: Node) -> Node | None:
    for node in nodes:
        if len(await in_hand(watch, node.name)) >= 3:
            return node
    return None


def network_sockets(pid: int) -> set[str]:
    """Return the internet sockets, of either protocol, that a process has open."""
    mine = {os.readlink(it) for it in Path(f"/proc/{pid}/fd").iterdir() if it.is_symlink()}
    return {
        line
        for table in ("tcp", "tcp6", "udp", "udp6")
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        if f"socket:[{line.split()[9]}]" in mine
    }


async def test_the_work_of_a_node_that_is_killed_goes_on_elsewhere_within_seconds(
    new_database: str, tmp_path: Path
) -> None:
    engines.migrate(url := new_database)
    (folder := tmp_path / "node").mkdir()
    async with watching(url) as watch, running(url, folder) as one, running(url, folder) as two:
        accounts = await open_accounts(watch)
        victim = await until(lambda: a_busy_one(watch, one, two))
        survivor = two if victim is one else one
        await asyncio.sleep(0.4)
        victim.kill()
        killed = time.monotonic()
        taken = await in_hand(watch, victim.name)
        assert taken

        async def nothing_left() -> bool:
            return not await in_hand(watch, victim.name)

        async def all_begun() -> bool:
            waiting = await watch.rows(
                "SELECT 1 FROM dbos.workflow_status WHERE status = 'ENQUEUED' LIMIT 1"
            )
            return not waiting

        await until(nothing_left)
        await until(all_begun)
        seconds = time.monotonic() - killed
        log.info("%s processes taken over after %.2f s", len(taken), seconds)
        assert seconds < 5
        await all_are_exact(watch, accounts)

        assert network_sockets(survivor.process.pid) == set()  # It spoke to PostgreSQL alone.
        assert list(folder.iterdir()) == []
        await watch.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'dml-supervisor' AND datname = current_database()"
        )
        assert await asyncio.wait_for(survivor.process.wait(), 5) == LOST


async def test_the_work_of_a_node_that_stands_still_goes_on_elsewhere(
    new_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUNG_SECONDS", "2")
    engines.migrate(url := new_database)
    (folder := tmp_path / "node").mkdir()
    async with watching(url) as watch, running(url, folder) as one, running(url, folder) as two:
        accounts = await open_accounts(watch)
        victim = await until(lambda: a_busy_one(watch, one, two))
        victim.process.send_signal(signal.SIGSTOP)
        assert await in_hand(watch, victim.name)

        async def nothing_left() -> bool:
            return not await in_hand(watch, victim.name)

        await until(nothing_left, seconds=30)
        await all_are_exact(watch, accounts)
        victim.process.send_signal(signal.SIGCONT)
        assert await asyncio.wait_for(victim.process.wait(), 15) == LOST
        assert await in_hand(watch, victim.name) == []
        for account in accounts:
            assert await watch.postings(account) == list(range(TIMES))


async def test_a_node_told_to_stop_leaves_its_work_to_others(
    new_database: str, tmp_path: Path
) -> None:
    engines.migrate(url := new_database)
    (folder := tmp_path / "node").mkdir()
    async with watching(url) as watch:
        async with running(url, folder) as first:
            accounts = await open_accounts(watch)

            async def busy() -> list[str]:
                return await in_hand(watch, first.name)

            await until(busy)
            first.process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(first.process.wait(), 15) == 0
        async with running(url, folder):
            await all_are_exact(watch, accounts)


@pytest.fixture
async def own_home(open_folder: Path) -> AsyncIterator[Path]:
    home = await asyncio.to_thread(plant, open_folder / "home")
    await asyncio.to_thread(servers.start_postgres, home, settings={"fsync": "off"})
    yield home
    await asyncio.to_thread(servers.down, home)


async def test_processes_go_on_after_postgresql_was_killed(own_home: Path, tmp_path: Path) -> None:
    url = await asyncio.to_thread(servers.start_postgres, own_home)
    engines.migrate(url)
    (folder := tmp_path / "node").mkdir()
    codes: list[int] = []

    async def keep() -> None:
        """Start a node again whenever it ends, as `dml up` or systemd does."""
        while True:
            process = await spawn(url, folder)
            try:
                codes.append(await process.wait())
            except asyncio.CancelledError:
                process.kill()
                await process.wait()
                raise

    keeper = asyncio.create_task(keep())
    try:
        async with watching(url) as watch:
            accounts = await open_accounts(watch)

            async def half_way() -> bool:
                return len(await watch.rows("SELECT 1 FROM trial_postings")) > ACCOUNTS * 3

            await until(half_way)
            leader = postgres.process(own_home)
            assert leader is not None
            os.kill(leader.pid, signal.SIGKILL)

            async def node_gave_up() -> bool:
                return bool(codes)

            await until(node_gave_up)
            await asyncio.sleep(3)  # The next node meets a PostgreSQL that is away, and waits.
            with pytest.raises((OSError, DBAPIError)):
                await watch.rows("SELECT 1")
            await asyncio.to_thread(servers.start_postgres, own_home)

            accounts += await open_accounts(watch)
            await all_are_exact(watch, accounts)
            assert codes == [LOST]
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
