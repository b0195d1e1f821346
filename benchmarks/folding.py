"""How fast waiting results are folded, with all that they earn, by real workers.

    python -m benchmarks.folding --results 100000

A database of its own gets a backlog of results, each of another owner; workers are started and wait
at an empty inbox; then the backlog appears, and the time until all of it is counted and paid is
taken. In the end the books are compared with what was handed in: a wrong sum is an error.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import psycopg

from benchmarks import backlog, processor
from benchmarks.backlog import Backlog
from dml.entrypoints import doctor, migrate
from dml.entrypoints.embedded import places, postgres, servers

LOOK_SECONDS: Final = 0.02
START_SECONDS: Final = 60.0
STALL_SECONDS: Final = 30.0  # Nothing was folded for so long: it never will be.
_ALIVE: Final = """
    SELECT count(*) FROM nodes WHERE kind = 'worker' AND seen_at > now() - interval '5 s'
"""
_FOLDED: Final = "SELECT coalesce(sum(folded), 0) FROM job_totals"
_FOLDS: Final = "SELECT count(DISTINCT fold_id) FROM assignments"


def measure(
    home: Path, *, results: int = 100_000, workers: int = 2, jobs: int = 1, examine: bool = True
) -> dict[str, Any]:
    """Fold a backlog with the servers of this home, which are started where they do not run.

    `examine` runs the whole `dml doctor` over what came of it, too.
    """
    shares = [results // jobs + (number < results % jobs) for number in range(jobs)]
    endpoints = servers.up(home)
    name = f"dml_folding_{os.getpid()}"
    postgres.drop_database(home, name)
    url = postgres.create_database(home, name)
    try:
        migrate.migrate(url)
        waiting = asyncio.run(backlog.prepare(url, shares))
        leader = postgres.process(home)
        assert leader is not None
        with (
            psycopg.connect(url, autocommit=True) as connection,
            _workers(home, url, endpoints.valkey, workers) as pids,
        ):
            connection.execute("VACUUM ANALYZE")
            _until_alive(connection, workers)
            told = _fold(url, connection, waiting, pids, leader.pid)
        _check(url, waiting)
        if examine:
            complaints = asyncio.run(doctor.examine(url)).complaints
            if complaints:
                raise RuntimeError(f"folding left the books wrong: {complaints}")
        return {"workers": workers, "jobs": jobs, **told}
    finally:
        postgres.drop_database(home, name)


def _fold(
    url: str,
    connection: psycopg.Connection[Any],
    waiting: Backlog,
    workers: Sequence[int],
    postmaster: int,
) -> dict[str, Any]:
    """Let the backlog appear, wait until it is folded, and tell what that took."""
    asyncio.run(backlog.fill(url, waiting.jobs))
    ours_before, theirs_before = processor.of_trees(workers), processor.of_trees([postmaster])
    began = time.perf_counter()
    folded, moved_at = 0, began
    while folded < waiting.results:
        time.sleep(LOOK_SECONDS)
        before, folded = folded, _ask(connection, _FOLDED)
        if folded > before:
            moved_at = time.perf_counter()
        elif time.perf_counter() - moved_at > STALL_SECONDS:
            raise RuntimeError(f"nothing is folded any more, after {folded}")
    seconds = time.perf_counter() - began
    ours = processor.of_trees(workers) - ours_before
    theirs = processor.of_trees([postmaster]) - theirs_before
    folds = _ask(connection, _FOLDS)
    a_result = 1e6 / waiting.results
    return {
        "results": waiting.results,
        "seconds": round(seconds, 2),
        "results_per_second": round(waiting.results / seconds),
        "worker_us_per_result": round(ours * a_result, 1),
        "postgres_us_per_result": round(theirs * a_result, 1),
        "results_per_fold": round(waiting.results / folds),
    }


def _check(url: str, waiting: Backlog) -> None:
    """Compare ledger and counts with what was handed in, or raise."""
    expected: dict[str, Any] = {
        "the sum of the ledger": 0,
        "results folded": waiting.results,
        "results waiting": 0,
        "items counted": waiting.items,
        "items of each label": list(waiting.by_label),
        "owners paid": waiting.results,
        "rewards paid": waiting.results * 100_000,
        "fees of the platform": waiting.results * 11_000,
        "fees of the developer": waiting.results * 10_000,
    }
    queries = [
        "SELECT sum(balance)::bigint FROM ledger_accounts",
        "SELECT sum(folded)::bigint FROM job_totals",
        "SELECT count(*) FROM result_inbox",
        "SELECT sum(items)::bigint FROM job_totals",
        "SELECT array_agg(c ORDER BY label) FROM (SELECT label, sum(counted)::bigint AS c "
        "FROM job_counts GROUP BY label) s",
        "SELECT count(*) FROM ledger_accounts a JOIN users u ON a.code = 'wallet:' || u.id "
        "WHERE u.email LIKE 'owner-%' AND a.balance = 100000",
        *(
            f"SELECT coalesce(sum(amount), 0)::bigint FROM ledger_transfers WHERE code = '{code}'"
            for code in ("device_reward", "platform_fee")
        ),
        # Those of the last few wait for a step that may show them.
        "SELECT (SELECT coalesce(sum(amount), 0) FROM ledger_transfers "
        "WHERE code = 'developer_fee')::bigint + "
        "(SELECT sum(held_devices) FROM job_totals)::bigint * 10000",
    ]
    with psycopg.connect(url) as connection:
        found = [_ask(connection, query) for query in queries]
    wrong = {
        what: (is_, due)
        for (what, due), is_ in zip(expected.items(), found, strict=True)
        if is_ != due
    }
    if wrong:
        raise RuntimeError(f"folding is not exact (is, should be): {wrong}")


@contextlib.contextmanager
def _workers(home: Path, url: str, redis_url: str, count: int) -> Iterator[list[int]]:
    """Run so many `dml worker`s, as `dml up` does, and end them."""
    environment = {
        **{name: it for name, it in os.environ.items() if not name.startswith("DML_")},
        "DML_HOME": str(home),
        "DML_DATABASE_URL": url,
        "DML_REDIS_URL": redis_url,
        "DML_LOG_LEVEL": "WARNING",
    }
    command = [sys.executable, "-m", "dml.entrypoints.cli", "worker"]
    started = [subprocess.Popen(command, env=environment) for _ in range(count)]
    try:
        yield [it.pid for it in started]
    finally:
        for it in started:
            it.send_signal(signal.SIGTERM)
        for it in started:
            try:
                it.wait(20)
            except subprocess.TimeoutExpired:
                it.kill()
                it.wait()


def _ask(connection: psycopg.Connection[Any], query: str) -> Any:
    """The one value that a query answers with."""
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def _until_alive(connection: psycopg.Connection[Any], workers: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while _ask(connection, _ALIVE) < workers:
        if time.monotonic() > deadline:
            raise RuntimeError("the workers did not start")
        time.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure folding with its transfers.")
    parser.add_argument("--results", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--home", type=Path, help="of servers to use; else new ones are started")
    asked = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = asked.home or stack.enter_context(_new_home())
        for _ in range(asked.rounds):
            told = measure(home, results=asked.results, workers=asked.workers, jobs=asked.jobs)
            print(json.dumps(told), flush=True)


@contextlib.contextmanager
def _new_home() -> Iterator[Path]:
    """A home whose servers are stopped, and gone, in the end."""
    with tempfile.TemporaryDirectory(prefix="dml-bench-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)  # As root, PostgreSQL runs as somebody who must be able to enter.
        home = Path(folder) / "home"
        home.mkdir(mode=0o755)
        try:
            yield home
        finally:
            site = places.find(home)
            servers.down(home)
            if site is not None and site.place.parent == places.SHARED:
                shutil.rmtree(site.place)


if __name__ == "__main__":
    main()
