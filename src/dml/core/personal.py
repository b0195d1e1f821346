"""What is kept of people: said by each domain of its tables, column by column.

From what is said here follow a user's export, what erasure does, and the page that tells people of
both (`docs/privacy.md`); a test finds each column of which nothing is said. Why it is said and not
programmed: docs/decisions/0054.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.blobs import Blobs
from dml.core.context import Context
from dml.core.ids import UserId

NULL: Final = "NULL"
EMPTY: Final = "''"
NONE_OF_THEM: Final = "'{}'"


@dataclass(frozen=True, slots=True)
class Columns:
    """Some columns of a table, with blanks between; what they hold, and what erasure makes of them.

    `erased` is the SQL of the value that they have afterwards; None: they stay. What `is_secret`
    is in no export: it opens something, or is a digest that says nothing.
    """

    names: str
    hold: str
    erased: str | None = None
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class Holding:
    """A table: why it is, for how long its rows are kept, and which of them are a user's.

    `whose` is an SQL condition on the rows of `:user_id`; None where no user has any. Erasure
    deletes these rows where `is_deleted`, or those alone of which `deleted_where` is true. `shown`
    says how a column is exported that would read badly as it is kept. Where `by_process`, a durable
    process erases, as there may be very many rows.
    """

    table: str
    why: str
    kept: str
    columns: tuple[Columns, ...]
    whose: str | None = None
    is_deleted: bool = False
    deleted_where: str | None = None
    shown: Mapping[str, str] = field(default_factory=dict)
    by_process: str | None = None

    def all_columns(self) -> Iterator[str]:
        for it in self.columns:
            yield from it.names.split()

    def exported(self) -> str | None:
        """Return the SQL of the rows that a user's export has, as JSON; None where it has none."""
        names = [name for it in self.columns if not it.is_secret for name in it.names.split()]
        if self.whose is None or not names:
            return None
        shown = ", ".join(f"{self.shown[it]} AS {it}" if it in self.shown else it for it in names)
        return (
            f"SELECT to_jsonb(it) FROM (SELECT {shown} FROM {self.table} "  # noqa: S608 - constants
            f"WHERE {self.whose} ORDER BY {names[0]}) it"
        )

    def erasing(self) -> Iterator[str]:
        """Yield the statements that erase what is a user's. Once more, they change nothing."""
        if self.whose is None or self.by_process is not None:
            return
        deleted = self.whose if self.is_deleted else self.deleted_where
        if deleted is not None:
            yield f"DELETE FROM {self.table} WHERE {deleted}"  # noqa: S608 - constants
        values = [
            f"{name} = {it.erased}"
            for it in self.columns
            if it.erased is not None
            for name in it.names.split()
        ]
        if values and not self.is_deleted:
            changed = ", ".join(values)
            yield f"UPDATE {self.table} SET {changed} WHERE {self.whose}"  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Blocker:
    """What keeps a user from being erased: `count` is the SQL of how much there is of it."""

    code: str
    reason: str
    remedy: str
    count: str


Leave: TypeAlias = Callable[[Context, UserId], Awaitable[None]]
MoreRows: TypeAlias = Callable[[AsyncSession, Blobs, UserId], AsyncIterator[Any]]


@dataclass(frozen=True, slots=True)
class Personal:
    """What one domain says. `leave` is what it does before rows are erased, as the user themselves:
    what is running ends. It may be done twice. `more` are further files of an export, by name:
    about what, and what is in them.
    """

    holdings: tuple[Holding, ...]
    blockers: tuple[Blocker, ...] = ()
    leave: Leave | None = None
    more: Mapping[str, tuple[str, MoreRows]] = field(default_factory=dict)


_known: Final[list[Personal]] = []
_files: Final[list[str]] = []


def know(said: Sequence[Personal], *, kept_files: Sequence[str]) -> None:
    """Say what all domains hold, those below first, and by which SQL a user's files are found
    (`core.kept_files`). The entrypoint does, once.
    """
    _known[:], _files[:] = said, kept_files


def holdings() -> list[Holding]:
    """Return every table there is, those of the domains above first: they name rows below."""
    assert _known, "the entrypoint says what the domains hold"
    return [holding for it in reversed(_known) for holding in it.holdings]


def files() -> str:
    """Return the SQL of the files that are kept for `:user_id`, as JSON.

    What is only set aside for one that is to come has no digest.
    """
    every = " UNION ALL ".join(f"({it})" for it in _files)
    rows = f"SELECT kind, path, sha256, size FROM ({every}) AS kept"  # noqa: S608 - constants
    rows += " WHERE sha256 NOT LIKE '%:%'"
    return f"SELECT to_jsonb(it) FROM ({rows} ORDER BY path) it"  # noqa: S608 - constants


def more_rows() -> dict[str, tuple[str, MoreRows]]:
    """Return what an export has beside the tables."""
    return {name: rows for it in _known for name, rows in it.more.items()}


async def find_blockers(tx: AsyncSession, user_id: UserId) -> list[tuple[Blocker, int]]:
    """Return what keeps a user from being erased. The balance stays held until `tx` ends."""
    found = []
    for blocker in (it for said in _known for it in said.blockers):
        count = await tx.scalar(text(blocker.count), {"user_id": user_id}) or 0
        if count:
            found.append((blocker, count))
    return found


async def leave(ctx: Context, user_id: UserId) -> None:
    """End what runs for a user, domain by domain. The actor is that user."""
    for it in reversed(_known):
        if it.leave is not None:
            await it.leave(ctx, user_id)


async def erase_rows(ctx: Context, user_id: UserId, email: str) -> None:
    """Erase what all domains hold of a user, but for what processes do. `email` is, or was, theirs.

    Once more, it erases what a request that was under way has added meanwhile.
    """
    await ctx.tx.flush()
    for statement in (it for holding in holdings() for it in holding.erasing()):
        values = {"user_id": user_id} | ({"email": email} if ":email" in statement else {})
        used = {name: it for name, it in values.items() if f":{name}" in statement}
        await ctx.tx.execute(text(statement), used)
