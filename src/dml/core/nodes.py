"""Which processes are alive, and what they found out about their machine: a row each, renewed."""

import asyncio
import logging
import os
import socket
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base

EVERY_SECONDS: Final = 2.0
ALIVE: Final = timedelta(seconds=10)
log = logging.getLogger(__name__)


class Node(Base):
    __tablename__ = "nodes"

    name: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    seen_at: Mapped[datetime]
    facts: Mapped[dict[str, Any]]


def new_name(kind: str) -> str:
    """Return a name that no other process has, nor had."""
    return f"{kind}-{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:6]}"


async def renew(tx: AsyncSession, name: str, kind: str, facts: dict[str, Any]) -> None:
    """Say that this process lives, by the database's clock, and forget those long gone."""
    row = insert(Node).values(name=name, kind=kind, seen_at=func.now(), facts=facts)
    known = {"seen_at": func.now(), "facts": facts}
    await tx.execute(row.on_conflict_do_update(index_elements=["name"], set_=known))
    await tx.execute(delete(Node).where(Node.seen_at < func.now() - timedelta(hours=1)))


async def alive(tx: AsyncSession, kind: str) -> list[Node]:
    """Return the processes of this kind that were seen in the last ten seconds."""
    query = select(Node).where(Node.kind == kind, Node.seen_at > func.now() - ALIVE).limit(100)
    return list((await tx.scalars(query)).all())


async def keep_alive(
    sessions: async_sessionmaker[AsyncSession], name: str, kind: str, facts: dict[str, Any]
) -> None:
    """Renew this process's row until cancelled, through whatever happens to the database."""
    while True:
        try:
            async with sessions.begin() as tx:
                await renew(tx, name, kind, facts)
        except Exception as error:  # Whatever it was, the next try is the remedy.
            log.warning("cannot say that this process lives: %s", error)
        await asyncio.sleep(EVERY_SECONDS)
