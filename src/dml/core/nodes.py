"""Which processes are alive, and what they found out about their machine: a row each, renewed."""

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, column, delete, func, literal_column, select, table, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base

EVERY_SECONDS: Final = 2.0
LEAVE_SECONDS: Final = 2.0  # So long a process that ends tries to say so.
ALIVE: Final = timedelta(seconds=10)
LOCK_SEED: Final = 7331  # Of the hash that makes a name the key of a lock.
ROUND_SECONDS: Final = 60.0  # More than all that a loop awaits in one round may take.
log = logging.getLogger(__name__)


class Node(Base):
    __tablename__ = "nodes"

    name: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    seen_at: Mapped[datetime]
    facts: Mapped[dict[str, Any]]
    asked: Mapped[UUID | None] = mapped_column(default=None)  # What it hears as it says it lives.


Asked: TypeAlias = Callable[[UUID], None]


def new_name(kind: str) -> str:
    """Return a name that no other process has, nor had."""
    return f"{kind}-{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:6]}"


class Pulse:
    """Whether loops go round: each says that it goes on, and for how long it will rest.

    A process that hangs in one of them says no more that it lives, though another loop still could.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._due = clock, dict[str, float]()

    def beat(self, name: str, *, rests_seconds: float = 0) -> None:
        self._due[name] = self._clock() + rests_seconds + ROUND_SECONDS

    def find_stuck(self) -> str | None:
        """Name a loop that has not gone on for longer than any round may take."""
        now = self._clock()
        return next((name for name, due in self._due.items() if due < now), None)


async def renew(tx: AsyncSession, name: str, kind: str, facts: dict[str, Any]) -> UUID | None:
    """Say that this process lives, by the database's clock, and forget those long gone.

    In one statement, as each process does it every two seconds. Return what it was last asked.
    """
    row = insert(Node).values(name=name, kind=kind, seen_at=func.now(), facts=facts)
    known = {"seen_at": func.now(), "facts": facts}
    gone = delete(Node).where(Node.seen_at < func.now() - timedelta(hours=1), Node.name != name)
    said = row.on_conflict_do_update(index_elements=["name"], set_=known)
    asked: UUID | None = await tx.scalar(said.add_cte(gone.cte("gone")).returning(Node.asked))
    return asked


async def ask(tx: AsyncSession, name: str, about: UUID) -> None:
    """Have a process hear this once the transaction commits: within two seconds, and then each
    time that it says that it lives, until it is asked something else.
    """
    await tx.execute(update(Node).where(Node.name == name).values(asked=about))


async def find_alive(tx: AsyncSession, name: str) -> Node | None:
    """Return the process of this name, if it was seen in the last ten seconds."""
    query = select(Node).where(Node.name == name, Node.seen_at > func.now() - ALIVE)
    return await tx.scalar(query)


async def list_alive(tx: AsyncSession, *, after: str | None, limit: int) -> list[Node]:
    """Return the processes that were seen in the last ten seconds, by name, and one more."""
    query = select(Node).where(Node.seen_at > func.now() - ALIVE)
    if after is not None:
        query = query.where(Node.name > after)
    return list((await tx.scalars(query.order_by(Node.name).limit(limit + 1))).all())


async def alive(tx: AsyncSession, kind: str) -> list[Node]:
    """Return the processes of this kind that were seen in the last ten seconds."""
    query = select(Node).where(Node.kind == kind, Node.seen_at > func.now() - ALIVE).limit(100)
    return list((await tx.scalars(query)).all())


# A session's locks are rows of `pg_locks`: of one key, its upper and its lower half.
_LOCKS: Final = table("pg_locks", column("classid"), column("objid"), column("objsubid"))
_KEY: Final = literal_column("(classid::bigint << 32) | objid::bigint", BigInteger)


async def at_work(tx: AsyncSession) -> list[Node]:
    """Return the workers that are alive and hold the lock of their name (`engine_supervisor`).

    One that was killed has lost it at once, where its last sign of life is good for ten seconds.
    """
    holds = select(_LOCKS.c.objid).where(
        func.hashtextextended(Node.name, LOCK_SEED) == _KEY, _LOCKS.c.objsubid == 1
    )
    query = select(Node).where(
        Node.kind == "worker", Node.seen_at > func.now() - ALIVE, holds.exists()
    )
    return list((await tx.scalars(query.limit(100))).all())


async def keep_alive(
    sessions: async_sessionmaker[AsyncSession],
    name: str,
    kind: str,
    facts: dict[str, Any],
    pulse: Pulse | None = None,
    asked: Asked | None = None,
) -> None:
    """Renew this process's row until cancelled, through whatever happens to the database.

    It hears by `asked` what it was asked last: again and again, so it knows what it heard. Where
    the loops of a pulse do the work, only for as long as they go round. Who is cancelled ends in
    order, and leaves no row: it would be taken for alive for ten seconds.
    """
    try:
        await _keep_renewing(sessions, name, kind, facts, pulse, asked)
    finally:
        with contextlib.suppress(Exception):  # Without a database, the row grows old by itself.
            async with asyncio.timeout(LEAVE_SECONDS):
                await _leave(sessions, name)


async def _leave(sessions: async_sessionmaker[AsyncSession], name: str) -> None:
    async with sessions.begin() as tx:
        await tx.execute(delete(Node).where(Node.name == name))


async def _keep_renewing(
    sessions: async_sessionmaker[AsyncSession],
    name: str,
    kind: str,
    facts: dict[str, Any],
    pulse: Pulse | None,
    asked: Asked | None,
) -> None:
    while True:
        stuck = pulse.find_stuck() if pulse else None
        if stuck is not None:
            log.critical("%s has hung for a minute, so that this process counts as dead", stuck)
            await asyncio.sleep(EVERY_SECONDS)
            continue
        try:
            async with sessions.begin() as tx:
                heard = await renew(tx, name, kind, facts)
            if heard is not None and asked is not None:
                asked(heard)
        except Exception as error:  # Whatever it was, the next try is the remedy.
            log.warning("cannot say that this process lives: %s", error)
        await asyncio.sleep(EVERY_SECONDS)
