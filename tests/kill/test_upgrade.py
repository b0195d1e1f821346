"""The next release's migration, while this one serves: a migration expands, and much later another
contracts. Neither may be noticed, whichever tables they touch; so each of them is.
"""

import asyncio
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import psycopg
import pytest

from dml.core.db import SCHEMA_REVISION
from tests.kill.marketplace import Marketplace, kept, until
from tests.kill.test_kills import Size, Storm, a_seed, judge

LOAD: Final = Size(6, 5, 2, 0.3, 0.3, (), 60)
TABLES: Final = """
    SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND c.relname <> 'alembic_version' ORDER BY c.relname
"""
NEXT_REVISION: Final = "9999"
TRIES_SECONDS: Final = 30.0
LOCKED_SECONDS: Final = 3.0  # A migration gives up after four.


class Migration:
    """What migrations do to tables of ours, each statement as patient as they are."""

    def __init__(self, url: str) -> None:
        self.url = url
        with self.connected() as connection:
            self.tables = [name for (name,) in connection.execute(TABLES.encode())]

    def connected(self) -> "psycopg.Connection[tuple[Any, ...]]":
        return psycopg.connect(self.url, autocommit=True, options="-c lock_timeout=4s")

    def expand(self) -> Iterator[str]:
        for table in self.tables:
            yield f"ALTER TABLE {table} ADD COLUMN noted_later text"
            yield f"ALTER TABLE {table} ADD COLUMN counted_later bigint NOT NULL DEFAULT 7"
            yield f"CREATE INDEX {table}_later_idx ON {table} (counted_later)"
        yield "CREATE TABLE added_later (id uuid PRIMARY KEY)"

    def contract(self) -> Iterator[str]:
        for table in self.tables:
            yield f"ALTER TABLE {table} DROP COLUMN noted_later, DROP COLUMN counted_later"
        yield "DROP TABLE added_later"

    def run(self, statements: Iterator[str], revision: str = NEXT_REVISION) -> None:
        with self.connected() as connection:
            for statement in statements:
                deadline = time.monotonic() + TRIES_SECONDS
                while True:
                    try:
                        connection.execute(statement.encode())
                        break
                    except psycopg.errors.LockNotAvailable:
                        assert time.monotonic() < deadline, statement
            connection.execute("UPDATE alembic_version SET version_num = %s", [revision])

    def run_behind_a_reader(self) -> None:
        """Wait for somebody who reads, as others then wait for us, the devices among them.

        In the end its tables are called this release's, for who looks whether all adds up.
        """
        with psycopg.connect(self.url) as reader, ThreadPoolExecutor(1) as pool:
            reader.execute("SELECT count(*) FROM jobs")
            change = iter(["ALTER TABLE jobs ADD COLUMN noted_last text"])
            waiting = pool.submit(self.run, change, SCHEMA_REVISION)
            time.sleep(LOCKED_SECONDS)
            assert not waiting.done()
            reader.rollback()
            waiting.result()


@pytest.mark.timeout(180)
async def test_this_release_serves_on_while_the_next_one_s_tables_come_and_old_ones_go() -> None:
    async with kept(workers=1) as market:
        storm = Storm(market, LOAD, random.Random(a_seed()))
        customer = await storm.gather_people()
        async with asyncio.TaskGroup() as tasks:
            stop = asyncio.Event()
            for agent in storm.agents:
                tasks.create_task(agent.run(stop))
            await storm.order_wave(customer)
            migration = await asyncio.to_thread(Migration, market.database_url)
            assert len(migration.tables) > 50
            for change in (migration.expand, migration.contract):
                await asyncio.to_thread(migration.run, change())
                ready = (await market.world.client.get("/readyz")).json()
                assert (ready["ready"], ready["database"]) == (True, "ok")
                await storm.order_wave(customer)
            await asyncio.to_thread(migration.run_behind_a_reader)
            await storm.order_wave(customer)
            storm.record.calm = True
            await until(lambda: all_ended(market), seconds=LOAD.end_seconds, what="every job ends")
            stop.set()
        judge(storm, customer)


def all_ended(market: Marketplace) -> bool:
    return bool(market.rows("SELECT count(*) FROM jobs WHERE ended_at IS NULL") == [(0,)])
