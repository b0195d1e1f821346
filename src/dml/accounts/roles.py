"""Whose session is live, and in what role: asked by each read that somebody signed.

Requests that come while one such statement is in flight share the next one, as those of devices do:
it is the one statement that they all have in common (docs/decisions/0057).
"""

from datetime import datetime

from dml.accounts import queries
from dml.accounts.queries import SignedInAs
from dml.core.batching import Batcher
from dml.core.context import Role
from dml.core.db import RawConnection, connect_hot
from dml.core.ids import SessionId, UserId


class Roles:
    """The look-ups of one API process, over a connection of their own."""

    def __init__(self, database_url: str) -> None:
        async def connect() -> RawConnection:
            return await connect_hot(database_url, name="dml api sessions")

        self._asked: Batcher[SignedInAs, Role | None] = Batcher(connect, queries.find_roles)

    async def find(self, session_id: SessionId, user_id: UserId, now: datetime) -> Role | None:
        """Return the role of a user whose session is live, as of after this call; else None."""
        return await self._asked.ask(SignedInAs(session_id, user_id, now))

    async def close(self) -> None:
        await self._asked.close()
