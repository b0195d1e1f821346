"""Whether PostgreSQL has room for the connections that all our processes may open.

Each tells in its row of `nodes` how many it may open at most; one that starts adds up those that
live. All of them are direct: locks, LISTEN and the engine's supervisor need a session of their own,
which a pooler between would share.
"""

import logging
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.core.nodes import ALIVE

log = logging.getLogger(__name__)
FACT: Final = "connections"  # Its name among the facts of a node.
# Beside the pool of `DML_DATABASE_CONNECTIONS`.
OF_API: Final = 10  # Eight statements that devices share, sessions, and the sign of life.
OF_WORKER: Final = 32  # The engine: steps, its own tables, locks, bell; and an archiver.
OF_CHAIN: Final = 1  # Its lock.
_ASK: Final = text(
    """
    SELECT current_setting('max_connections')::int
         - current_setting('superuser_reserved_connections')::int
         - current_setting('reserved_connections')::int AS given,
        (SELECT count(*) FROM nodes WHERE seen_at > now() - CAST(:alive AS interval)) AS processes,
        (SELECT coalesce(sum((facts->>'connections')::int), 0) FROM nodes
         WHERE seen_at > now() - CAST(:alive AS interval)) AS theirs
    """
)


@dataclass(frozen=True, slots=True)
class Budget:
    """Connections that PostgreSQL gives, and those that we and others of ours may open."""

    given: int
    ours: int
    others: int
    theirs: int

    @property
    def fits(self) -> bool:
        return self.ours + self.theirs <= self.given

    def __str__(self) -> str:
        """One line, with what to do where they are too few."""
        told = (
            f"connections to PostgreSQL: {self.ours} of this process and {self.theirs} of "
            f"{self.others} others, of {self.given} that it gives"
        )
        if self.fits:
            return told
        return (
            f"{told}: under load some would be refused. Lower DML_DATABASE_CONNECTIONS, run fewer "
            "processes, or raise max_connections"
        )


async def read(tx: AsyncSession, ours: int) -> Budget:
    """Ask how it stands, as one that has not told of itself yet."""
    row = (await tx.execute(_ASK, {"alive": ALIVE})).one()
    return Budget(row.given, ours, row.processes, row.theirs)


async def tell(sessions: async_sessionmaker[AsyncSession], ours: int) -> dict[str, Any]:
    """Log how it stands. Return the fact that a process tells of itself."""
    try:
        async with sessions() as tx:
            budget = await read(tx, ours)
    except (SQLAlchemyError, OSError) as error:  # It is away: to work without it is others' part.
        log.info("connections to PostgreSQL could not be added up: %s", error)
    else:
        log.log(logging.INFO if budget.fits else logging.WARNING, "%s", budget)
    return {FACT: ours}
