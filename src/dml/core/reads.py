"""Sessions that only read: each statement is sent by itself, without BEGIN and COMMIT around it.

Those are two of the four round trips of a short request. PostgreSQL's default isolation shows each
statement what was committed before it, in a transaction or not, so a read sees the same either way
(docs/decisions/0026).
"""

from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

_HOLDS: Final = (" FOR UPDATE", " FOR NO KEY UPDATE", " FOR SHARE", " FOR KEY SHARE")


def make_reads(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Return sessions over the connections of `engine`. Whoever writes by one, or holds a row, or
    sends SQL that nobody can tell to be neither, gets an AssertionError before it is sent.
    """
    reads = engine.execution_options(isolation_level="AUTOCOMMIT")
    event.listen(reads.sync_engine, "before_cursor_execute", _require_read)
    return async_sessionmaker(reads, expire_on_commit=False)


def _require_read(_: Any, __: Any, sql: str, ___: Any, context: Any, ____: bool) -> None:
    statement = context.compiled.statement if context.compiled is not None else None
    is_read = statement is not None and statement.is_select
    assert is_read, f"a read sends {sql[:100]!r}"
    assert not any(it in sql for it in _HOLDS), f"a read holds rows: {sql[:100]!r}"
