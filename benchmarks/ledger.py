"""Moving money: transactions a second of one movement and of ten, in an empty and a full ledger.

What they are measured by is a plain loop of asyncpg, on one connection with the same constraints,
that inserts the same transfers, `rows`, and one that changes the balances too, `rows_balances`:
neither looks whether a movement was made before, whether it is covered, or who else pays just then.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median
from typing import Final, TypeAlias

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from benchmarks.device_path import Say
from benchmarks.figures import Figure, compared
from benchmarks.market import opened
from dml.core.context import SYSTEM, Context
from dml.core.db import RawConnection, connect
from dml.core.ids import new_id, new_ids
from dml.core.money import MicroTokens
from dml.payments import service, statements
from dml.payments.models import CHAIN, Movement, TransferCode

FULL: Final = 300_000
ACCOUNTS: Final = 1_000
SLICE_SECONDS: Final = 0.1  # Short turns, so that what else the machine does falls on all alike.
WARM: Final = 30  # Transactions before the clock runs: six plan a statement for good.
GOALS: Final = {1: "≥ 0.8", 10: "≥ 1"}
Turn: TypeAlias = Callable[[list[Movement]], Awaitable[None]]

_INSERT: Final = (
    "INSERT INTO ledger_transfers (id, code, reference, source, target, amount, created_at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7)"
)
_CHANGE: Final = "UPDATE ledger_accounts SET balance = balance + $2 WHERE code = $1"
_FILL: Final = text(
    "INSERT INTO ledger_transfers (id, code, reference, source, target, amount, created_at) "
    "SELECT uuidv7(), 'deposit', 'old:' || n, 'chain', 'escrow:' || n % :accounts, 1, now() "
    "FROM generate_series(1, :rows) n"
)


def ledger(home: Path, rounds: int, seconds: float, say: Say) -> list[Figure]:
    """Four figures and what each is measured by."""
    with opened(home, "ledger") as market:
        return asyncio.run(_measure(market.url, rounds, seconds, say))


async def _measure(url: str, rounds: int, seconds: float, say: Say) -> list[Figure]:
    figures: list[Figure] = []
    for rows in (0, FULL):
        # Connections of its own: they plan their statements for what the tables hold now.
        engine, plain = connect(url, name="benchmark ledger"), await asyncpg.connect(url)
        await prepare(engine, rows)
        for size in GOALS:
            rates = await _take_turns(engine, plain, size, rounds, seconds)
            say(f"ledger, {rows:,} transfers, {size} at once: {rates}")
            names = f"ledger_{size}_of_{rows}"
            for against in ("rows", "rows_balances"):
                goal = GOALS[size] if against == "rows_balances" else ""
                figures.append(
                    compared(f"{names}_vs_{against}", rates["ours"], rates[against], goal, "tx/s")
                )
        await plain.close()
        await engine.dispose()
    return figures


async def prepare(engine: AsyncEngine, rows: int) -> None:
    async with AsyncSession(engine) as tx, tx.begin():
        await statements.open_accounts(tx, dict.fromkeys([CHAIN, *map(_account, range(ACCOUNTS))]))
        await tx.execute(text("SET LOCAL statement_timeout = '2min'"))
        await tx.execute(_FILL, {"rows": rows, "accounts": ACCOUNTS})
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM ANALYZE"))


async def _take_turns(
    engine: AsyncEngine, plain: RawConnection, size: int, rounds: int, seconds: float
) -> dict[str, float]:
    """Transactions a second of each way: medians of rounds that take turns."""
    sessions = async_sessionmaker(engine, expire_on_commit=False)

    async def ours(movements: list[Movement]) -> None:
        async with sessions.begin() as tx:
            await service.transfer_many(Context(tx, SYSTEM, datetime.now(UTC)), movements)

    async def rows_alone(movements: list[Movement]) -> None:
        async with plain.transaction():
            await _insert(plain, movements)

    async def rows_balances(movements: list[Movement]) -> None:
        async with plain.transaction():
            await _insert(plain, movements)
            changes = [(it.source, -it.amount) for it in movements]
            await plain.executemany(_CHANGE, changes + [(it.target, it.amount) for it in movements])

    ways: dict[str, Turn] = {"ours": ours, "rows": rows_alone, "rows_balances": rows_balances}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        for _, movements in zip(range(WARM), _movements(size), strict=False):
            await way(movements)
    for _ in range(round(rounds * seconds / SLICE_SECONDS)):
        for name, way in ways.items():
            rates[name].append(await rate(way, size))
    return {name: round(median(them), 1) for name, them in rates.items()}


async def rate(way: Turn, size: int) -> float:
    began, done = time.perf_counter(), 0
    for movements in _movements(size):
        await way(movements)
        done += 1
        if time.perf_counter() - began > SLICE_SECONDS:
            break
    return done / (time.perf_counter() - began)


async def _insert(plain: RawConnection, movements: list[Movement]) -> None:
    now = datetime.now(UTC)
    rows = [
        (id, it.code, it.reference, it.source, it.target, it.amount, now)
        for id, it in zip(new_ids(len(movements)), movements, strict=True)
    ]
    if len(rows) == 1:
        await plain.execute(_INSERT, *rows[0])
    else:
        await plain.executemany(_INSERT, rows)


def _movements(size: int) -> Iterator[list[Movement]]:
    """Payments from the chain, each to accounts whose turn it is."""
    for turn in count():
        reference = f"benchmark:{new_id()}"
        yield [
            Movement(
                TransferCode.DEPOSIT,
                reference,
                CHAIN,
                _account((turn * size + n) % ACCOUNTS),
                MicroTokens(1),
            )
            for n in range(size)
        ]


def _account(number: int) -> str:
    return f"escrow:{number}"
