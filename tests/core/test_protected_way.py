"""The way to PostgreSQL is protected as its address says, for each of those that connect."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import psycopg
import pytest
from sqlalchemy import text

from dml.core import engine_supervisor
from dml.core.db import connect, connect_hot
from dml.core.engine_steps import connect_patiently
from dml.entrypoints import fitness

ASKS_FOR_TLS: Final = bytes.fromhex("0000000804d2162f")


@pytest.fixture
async def heard() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that has no TLS: its address, and what it is told by each who comes."""
    told: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told.append(await reader.read(1_000))
        if told[-1] == ASKS_FOR_TLS:
            writer.write(b"N")
            told[-1] += await reader.read(1_000)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield f"postgresql://dml:secret@127.0.0.1:{port}/dml", told
    server.close()


async def by_an_engine(url: str) -> None:
    engine = connect(url, name="test")
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    finally:
        await engine.dispose()


async def by_steps(url: str) -> None:
    engine = connect_patiently(url, connections=1)
    try:
        async with asyncio.timeout(1), engine.connect():
            """It tries until somebody ends it."""
    finally:
        await engine.dispose()


async def by_the_supervisor(url: str) -> None:
    await asyncio.to_thread(engine_supervisor.connect, url)


async def by_a_start(url: str) -> None:
    await fitness.ask(url, fitness.Needs.READ)


WAYS: Final[list[Callable[[str], Awaitable[Any]]]] = [
    by_an_engine,
    lambda url: connect_hot(url, name="test"),
    by_steps,
    by_the_supervisor,
    by_a_start,
]


@pytest.mark.parametrize("way", WAYS)
async def test_where_an_address_asks_for_tls_nothing_is_said_without(
    way: Callable[[str], Awaitable[Any]], heard: tuple[str, list[bytes]]
) -> None:
    url, told = heard
    with pytest.raises((OSError, TimeoutError, ssl.SSLError, psycopg.OperationalError)):
        await way(f"{url}?sslmode=require")
    assert set(told) == {ASKS_FOR_TLS}


async def test_an_address_may_do_without(new_database: str) -> None:
    await by_an_engine(f"{new_database}&sslmode=disable")
