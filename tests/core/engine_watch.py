"""What tests of the engine ask of its tables, and how they wait for it."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from dml.core.context import SYSTEM, Context
from dml.core.engine import Engine
from dml.core.ids import new_id

_OUTCOME = """
    SELECT status, kept.output FROM dbos.workflow_status
    LEFT JOIN dbos.workflow_output AS kept USING (workflow_uuid) WHERE workflow_uuid = :process_id
"""
_POSTINGS = "SELECT number FROM trial_postings WHERE account = :account ORDER BY number"


def a_name() -> str:
    return f"trial:{new_id()}"


async def until(condition: Callable[[], Awaitable[Any]], *, seconds: float = 60) -> Any:
    """Return the first answer that is true."""
    deadline = time.monotonic() + seconds
    while not (answer := await condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.05)
    return answer


class Watch:
    """A database in which a node runs the processes of `engine_node`."""

    def __init__(self, database: AsyncEngine) -> None:
        self.database = database

    async def rows(self, sql: str, **values: object) -> list[Any]:
        async with self.database.connect() as connection:
            return list((await connection.execute(text(sql), values)).all())

    async def act(self, use_case: Callable[[Context], Awaitable[Any]]) -> Any:
        async with AsyncSession(self.database) as tx, tx.begin():
            return await use_case(Context(tx, SYSTEM, datetime.now(UTC)))

    async def outcome(self, process_id: str) -> tuple[str, str] | None:
        """Return how a process ended and what it answered. None while it has not."""
        rows = await self.rows(_OUTCOME, process_id=process_id)
        if not rows or rows[0].status in ("DELAYED", "ENQUEUED", "PENDING"):
            return None
        return rows[0].status, rows[0].output

    async def end(self, process_id: str) -> tuple[str, str]:
        async def ended() -> tuple[str, str] | None:
            return await self.outcome(process_id)

        answer: tuple[str, str] = await until(ended)
        return answer

    async def postings(self, account: str) -> list[int]:
        return [it.number for it in await self.rows(_POSTINGS, account=account)]


@contextmanager
def running_node(database_url: str) -> Iterator[Engine]:
    """Run a node on a loop of its own, which goes on while the loop of the tests pauses."""
    started = threading.Event()
    node = Engine(database_url)

    async def run() -> None:
        await node.start()
        started.set()
        await asyncio.to_thread(stopping.wait)
        await node.stop()

    stopping = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        assert started.wait(30)
        yield node
    finally:
        stopping.set()
        thread.join()
