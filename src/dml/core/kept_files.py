"""How many bytes of files are kept for a user, and which of them they can delete themselves.

Each domain says which files its rows keep for whom. What is counted is what the collector keeps, so
that nobody fills the disk; and each content once, as it is kept.

What is not counted goes at once: a file is among the blobs only from the transaction on that names
it, and what a row names no longer is deleted, unless another row does.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypedDict
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core import events
from dml.core.blobs import Blobs, Incoming, Stored
from dml.core.context import Context
from dml.core.errors import Conflict
from dml.core.events import Event, Record
from dml.core.ids import UserId

NAMED_MAX: Final = 20
_HOLD: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
# A transaction that keeps a content shares it; who deletes the blob must have it alone.
_SHARE: Final = text("SELECT pg_advisory_xact_lock_shared(hashtextextended(:name, 0))")
_HAVE_ALONE: Final = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
_USED: Final = """
    SELECT CAST(coalesce(sum(size), 0) AS bigint) AS bytes,
        coalesce(bool_or(sha256 = :sha256), false) AS has
    FROM (SELECT DISTINCT ON (sha256) sha256, size FROM ({}) AS kept) AS once
"""
_DELETABLE: Final = """
    SELECT kind, id, path, size FROM ({}) AS kept WHERE deletable ORDER BY size DESC, id LIMIT :most
"""


class Deletable(TypedDict):
    """A file that its user may delete, at its path."""

    kind: str
    id: UUID
    path: str
    size: int


class FilesFull(Conflict):
    code = "core.files_full"
    reason = "With this file, more bytes would be kept for you than one user may have."
    remedy = (
        "`DELETE` what you no longer need of `may_be_deleted`, each at its `path`, then send it "
        "again. Files that were turned down go by themselves after a while."
    )
    used_bytes: int
    most_bytes: int
    may_be_deleted: Sequence[Deletable]


@dataclass(frozen=True)
class FileEvent(Event, kind="file"):
    """Seen by admins."""

    sha256: str


class FileGivenUp(FileEvent, heard=True):
    """A row that named this blob does so no longer. Others may."""


async def keep(ctx: Context, blobs: Blobs, incoming: Incoming) -> None:
    """Have a file that came in among the blobs, since rows of this transaction name it.

    Until it ends nobody takes the same content for one that no row names. The last act of a use
    case: what fails after it leaves a file to the collector.
    """
    await ctx.tx.flush()
    await ctx.tx.execute(_SHARE, {"name": f"blob:{incoming.sha256}"})
    await blobs.publish(incoming)


async def give_up(ctx: Context, *hashes: str | None) -> None:
    """Have blobs deleted once this transaction is committed, where no row names them then."""
    given_up = [Record(FileGivenUp(it)) for it in hashes if it is not None]
    await events.record_many(ctx, given_up)


async def have_alone(tx: AsyncSession, sha256: str) -> bool:
    """Whether nobody is about to name this blob, and nobody will until the transaction ends."""
    return bool(await tx.scalar(_HAVE_ALONE, {"name": f"blob:{sha256}"}))


@dataclass(frozen=True, slots=True)
class Room:
    """What a user has left when a file of theirs begins to come."""

    left_bytes: int
    refuse: Callable[[], Awaitable[FilesFull]]

    async def within(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield a file for as long as there is room: what is refused here leaves nothing behind."""
        size = 0
        async for chunk in stream:
            size += len(chunk)
            if size > self.left_bytes:
                raise await self.refuse()
            yield chunk


class FileQuota:
    """Says how much room a user has.

    Each of `sources` is a SELECT of a :user_id's files that are kept, those of a while ago only
    since :refused_since: user_id, kind, id, path, sha256, size, deletable.
    """

    def __init__(self, sources: Sequence[str], *, most_bytes: int, refused_days: int) -> None:
        self._kept = " UNION ALL ".join(f"({it})" for it in sources)
        self._most_bytes = most_bytes
        self._refused = timedelta(days=refused_days)

    async def find_room(self, ctx: Context, *, replaced_bytes: int = 0) -> Room:
        """Tell a user's room before their file comes, or refuse where there is none.

        `replaced_bytes` are of a file that goes when the new one is there.
        """
        user_id = ctx.actor.id
        used, _ = await self._count(ctx.tx, user_id, ctx.now, "")
        left_bytes = self._most_bytes - used + replaced_bytes
        if left_bytes <= 0:
            raise await self._refusal(ctx.tx, user_id, ctx.now, used)

        async def refuse() -> FilesFull:  # By then this transaction is over.
            async with AsyncSession(ctx.tx.bind) as tx:
                return await self._refusal(tx, user_id, ctx.now, used)

        return Room(left_bytes, refuse)

    async def require_room(self, ctx: Context, stored: Stored) -> None:
        """Refuse a file that a row is about to keep, where it is too much for its user.

        Until the transaction ends no other file of theirs is counted: of two at once, one fits.
        Only their sandbox clock is locked after this.
        """
        user_id = ctx.actor.id
        await ctx.tx.execute(_HOLD, {"name": f"files:{user_id}"})
        used, has = await self._count(ctx.tx, user_id, ctx.now, stored.sha256)
        if not has and used + stored.size > self._most_bytes:
            raise await self._refusal(ctx.tx, user_id, ctx.now, used)

    async def _count(
        self, tx: AsyncSession, user_id: UserId, now: datetime, sha256: str
    ) -> tuple[int, bool]:
        values = self._values(user_id, now) | {"sha256": sha256}
        row = (await tx.execute(text(_USED.format(self._kept)), values)).one()
        return row.bytes, row.has

    async def _refusal(
        self, tx: AsyncSession, user_id: UserId, now: datetime, used: int
    ) -> FilesFull:
        values = self._values(user_id, now) | {"most": NAMED_MAX}
        rows = (await tx.execute(text(_DELETABLE.format(self._kept)), values)).all()
        return FilesFull(
            used_bytes=used,
            most_bytes=self._most_bytes,
            may_be_deleted=[
                Deletable(kind=it.kind, id=it.id, path=it.path, size=it.size) for it in rows
            ],
        )

    def _values(self, user_id: UserId, now: datetime) -> dict[str, Any]:
        return {"user_id": user_id, "refused_since": now - self._refused}
