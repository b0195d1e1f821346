"""Connections are given out in order, and one whose other side is gone is opened anew."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import exc, text
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from dml.core import pool
from dml.core.db import connect, raw


@pytest.fixture
async def one(new_database: str) -> AsyncIterator[AsyncEngine]:
    """An engine with a single connection, so that everybody else waits."""
    engine = connect(new_database, name="test", connections=1)
    yield engine
    await engine.dispose()


async def pid(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text("SELECT pg_backend_pid()")))


async def use(engine: AsyncEngine, name: int, order: list[int]) -> None:
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        order.append(name)


async def test_first_come_is_first_served_and_nobody_passes_by(one: AsyncEngine) -> None:
    order: list[int] = []
    async with one.connect():
        waiting = [asyncio.create_task(use(one, number, order)) for number in range(20)]
        await asyncio.sleep(0.05)
    # Given back just now: who comes at this moment has to wait behind those twenty.
    await use(one, 20, order)
    await asyncio.gather(*waiting)
    assert order == list(range(21))


async def test_who_finds_too_many_waiting_is_refused_at_once(
    one: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "WAITING_MAX", 3)
    order: list[int] = []
    async with one.connect():
        waiting = [asyncio.create_task(use(one, number, order)) for number in range(3)]
        await asyncio.sleep(0.05)
        began = time.monotonic()
        with pytest.raises(exc.TimeoutError):
            await use(one, 3, order)
        assert time.monotonic() - began < 0.5
    await asyncio.gather(*waiting)
    assert order == [0, 1, 2]


async def test_who_comes_while_others_have_waited_for_long_is_refused_at_once(
    one: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "WAITED_SECONDS", 0.1)
    order: list[int] = []
    async with one.connect():
        gone = asyncio.create_task(use(one, 0, order))
        await asyncio.sleep(0.15)
        waiting = asyncio.create_task(use(one, 1, order))
        await asyncio.sleep(0)
        with pytest.raises(exc.TimeoutError):
            await waiting
        gone.cancel()  # Whoever gave up tells nothing of how long it takes now.
        waiting = asyncio.create_task(use(one, 2, order))
        await asyncio.sleep(0.15)
        began = time.monotonic()
        with pytest.raises(exc.TimeoutError):
            await use(one, 3, order)
        assert time.monotonic() - began < 0.1
    await waiting
    assert order == [2]


async def test_who_gives_up_takes_nobody_s_place(one: AsyncEngine) -> None:
    order: list[int] = []
    async with one.connect():
        waiting = [asyncio.create_task(use(one, number, order)) for number in range(5)]
        await asyncio.sleep(0.05)
        waiting[0].cancel()
        waiting[3].cancel()
    waiting[1].cancel()  # At the very moment at which it would be its turn.
    await asyncio.gather(*waiting, return_exceptions=True)
    assert order == [2, 4]
    assert await asyncio.wait_for(pid(one), 2)


async def test_who_waits_too_long_is_told(new_database: str) -> None:
    engine = connect(new_database, name="test", connections=1)
    engine.pool._timeout = 0.2  # type: ignore[attr-defined]  # SQLAlchemy's own, read at each wait
    order: list[int] = []
    async with engine.connect():
        with pytest.raises(exc.TimeoutError):
            await use(engine, 0, order)
    await use(engine, 1, order)
    assert order == [1]
    await engine.dispose()


async def test_a_connection_that_was_closed_while_it_rested_is_opened_anew(
    one: AsyncEngine, own_engine: AsyncEngine, new_database: str
) -> None:
    before = await pid(one)
    other = connect(new_database, name="killer", connections=1)
    async with other.connect() as connection:
        await connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": before})
    await asyncio.sleep(0.2)
    assert await pid(one) != before
    await other.dispose()


async def test_a_transaction_that_nobody_knows_of_goes_with_its_connection(
    one: AsyncEngine, own_engine: AsyncEngine
) -> None:
    before = await pid(one)
    async with one.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.execute("BEGIN")  # Past SQLAlchemy, which so neither ends nor undoes it.
        await driver.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
    async with own_engine.begin() as other, asyncio.timeout(5):
        await other.execute(text("LOCK TABLE users IN ACCESS EXCLUSIVE MODE"))
    assert await pid(one) != before


async def test_who_is_cancelled_as_a_transaction_begins_leaves_none_to_the_next(
    one: AsyncEngine, own_engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin: Any = AsyncAdapt_asyncpg_connection._start_transaction

    async def cancelled(self: Any) -> None:
        await begin(self)
        self._transaction = None  # As where it is cancelled before that is noted.
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(AsyncAdapt_asyncpg_connection, "_start_transaction", cancelled)
        async with AsyncSession(one) as tx:
            with pytest.raises(asyncio.CancelledError):
                await raw(tx)
    async with AsyncSession(one) as tx:
        await (await raw(tx)).execute("CREATE TABLE kept (it int)")
        await tx.commit()
    async with own_engine.connect() as other:
        assert await other.scalar(text("SELECT to_regclass('kept')::text")) == "kept"


async def test_one_that_rested_for_long_is_asked_first(
    one: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    dialect = one.dialect
    ping = dialect.do_ping

    def count(connection: object) -> bool:
        asked.append(connection)
        return ping(connection)  # type: ignore[arg-type]  # SQLAlchemy's own kind of connection

    monkeypatch.setattr(dialect, "do_ping", count)
    await pid(one)
    await pid(one)
    assert asked == []
    monkeypatch.setattr(pool, "RESTED_SECONDS", -1.0)
    await pid(one)
    assert len(asked) == 1


async def test_many_that_wait_for_a_server_that_is_away_all_hear_of_it(new_database: str) -> None:
    away = new_database.rpartition("/")[0] + "/no_such_database"
    engine = connect(away, name="test", connections=2)
    order: list[int] = []
    asked = (use(engine, number, order) for number in range(10))
    outcomes = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 10)
    assert order == []
    assert all(isinstance(it, Exception) for it in outcomes)
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # of this kind of pool
    await engine.dispose()


async def test_the_raw_connection_is_inside_the_transaction_of_its_session(
    own_engine: AsyncEngine,
) -> None:
    """`raw` begins it by a private name of SQLAlchemy's."""
    async with AsyncSession(own_engine) as tx:
        connection = await raw(tx)
        assert connection.is_in_transaction()
        await connection.execute(
            "INSERT INTO ledger_accounts (code, balance) VALUES ('revenue', 0)"
        )
        assert await raw(tx) is connection
        await tx.rollback()
        assert not await (await raw(tx)).fetchval("SELECT count(*) FROM ledger_accounts")
        await tx.commit()
        assert not connection.is_in_transaction()
        await (await raw(tx)).execute(
            "INSERT INTO ledger_accounts (code, balance) VALUES ('revenue', 0)"
        )
        await tx.commit()
    async with AsyncSession(own_engine) as tx:
        assert await tx.scalar(text("SELECT count(*) FROM ledger_accounts")) == 1
