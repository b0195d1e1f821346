"""Requests that wait share a statement; what goes wrong with one is its own, and nothing hangs."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from dml.core.batching import (
    PATIENCE_SECONDS,
    RACED,
    Batcher,
    DatabaseAway,
    Overloaded,
    Raced,
)
from dml.core.db import RawConnection, connect_hot

DOUBLED = (
    "SELECT 2 * n, pg_sleep(0.02) FROM unnest($1::int[]) WITH ORDINALITY AS u (n, k) ORDER BY k"
)
KILL = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'batching' AND datname = current_database()"""


async def double(connection: RawConnection, items: Sequence[Any]) -> list[int | Raced]:
    return [row[0] for row in await connection.fetch(DOUBLED, items)]


@asynccontextmanager
async def batching(
    url: str, statement: Any = double, **limits: Any
) -> AsyncIterator[tuple[Batcher[Any, int], list[int]]]:
    """A batcher, and the sizes of the batches that it sent."""
    sizes: list[int] = []

    async def connect() -> RawConnection:
        return await connect_hot(url, name="batching")

    made = Batcher[Any, int](connect, statement, observe=sizes.append, **limits)
    yield made, sizes
    await made.close()


async def test_what_waits_meanwhile_shares_the_next_statement(database_url: str) -> None:
    async with batching(database_url, limit=64) as (batcher, sizes):
        assert await batcher.ask(1) == 2
        answers = await asyncio.gather(*(batcher.ask(n) for n in range(200)))
    assert answers == [2 * n for n in range(200)]
    assert sizes == [1, 64, 64, 64, 8]


async def test_large_items_share_less(database_url: str) -> None:
    async with batching(database_url, size_of=lambda n: n * 1024 * 1024) as (batcher, sizes):
        asked = [batcher.ask(n) for n in (2, 2, 2, 2, 10, 10, 1)]
        assert await asyncio.gather(*asked) == [4, 4, 4, 4, 20, 20, 2]
    assert sizes == [3, 2, 1, 1]


async def test_more_bytes_than_may_wait_are_refused_at_once(database_url: str) -> None:
    async with batching(database_url, size_of=lambda n: n * 1024 * 1024) as (batcher, _):
        asked = [batcher.ask(n) for n in (40, 40)]
        with pytest.raises(Overloaded):
            batcher.ask(1)
        assert await asyncio.gather(*asked) == [80, 80]
        assert await batcher.ask(1) == 2


@pytest.mark.parametrize("bad", [2**31, "no number", 2**30])
async def test_a_bad_item_fails_alone(database_url: str, bad: Any) -> None:
    """What asyncpg cannot send, and what PostgreSQL refuses: 2 × 2**30 is out of range."""
    async with batching(database_url) as (batcher, _):
        asked = [batcher.ask(n) for n in (1, 2, bad, 3)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [answers[n] for n in (0, 1, 3)] == [2, 4, 6]
    assert isinstance(answers[2], asyncpg.DataError)


async def test_a_lost_connection_is_nobodys_failure(database_url: str) -> None:
    killer = await asyncpg.connect(database_url)
    async with batching(database_url) as (batcher, _):
        for turn in range(5):
            asked = [batcher.ask(n) for n in range(100)]
            await asyncio.sleep(0.005 * turn)
            await killer.fetch(KILL)
            assert await asyncio.gather(*asked) == [2 * n for n in range(100)]
    await killer.close()


async def test_a_database_that_is_away_is_told_in_time_and_to_all() -> None:
    async with batching("postgresql://127.0.0.1:1/none") as (batcher, _):
        began = time.monotonic()
        asked = [batcher.ask(n) for n in range(200)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(it, DatabaseAway) for it in answers)
        assert time.monotonic() - began < PATIENCE_SECONDS + 0.5


async def test_a_statement_that_hangs_is_given_up_in_time(database_url: str) -> None:
    async def hang(connection: RawConnection, items: Sequence[Any]) -> list[int | Raced]:
        await connection.execute("SELECT pg_sleep(60)", timeout=60)
        return []

    async with batching(database_url, hang) as (batcher, _):
        began = time.monotonic()
        with pytest.raises(DatabaseAway):
            await batcher.ask(1)
        assert time.monotonic() - began < PATIENCE_SECONDS + 1


async def test_more_than_can_wait_is_refused_at_once(database_url: str) -> None:
    async with batching(database_url, queue_max=10) as (batcher, _):
        asked = [batcher.ask(n) for n in range(10)]
        with pytest.raises(Overloaded) as refused:
            batcher.ask(10)
        assert 1 <= refused.value.facts["retry_after_seconds"] <= 5  # type: ignore[operator]
        assert await asyncio.gather(*asked) == [2 * n for n in range(10)]


async def test_what_was_outrun_is_asked_anew_and_not_for_ever(database_url: str) -> None:
    asked: list[int] = []

    async def outrun(connection: RawConnection, items: Sequence[int]) -> list[int | Raced]:
        asked.extend(items)
        return [RACED if it < 0 or asked.count(it) < it else it for it in items]

    async with batching(database_url, outrun) as (batcher, _):
        assert await asyncio.gather(*(batcher.ask(n) for n in (1, 3, 5))) == [1, 3, 5]
        with pytest.raises(Overloaded):
            await batcher.ask(-1)


async def test_whose_client_has_gone_is_no_harm(database_url: str) -> None:
    async with batching(database_url) as (batcher, _):
        gone, stays = batcher.ask(1), batcher.ask(2)
        gone.cancel()
        assert await stays == 4
