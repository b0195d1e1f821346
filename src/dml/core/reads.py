"""Sessions that only read: each statement is sent by itself, without BEGIN and COMMIT around it.

Those are two of the four round trips of a short request. PostgreSQL's default isolation shows each
statement what was committed before it, in a transaction or not, so a read sees the same either way
(docs/decisions/0026).
"""

import re
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ClauseElement, TextClause, event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

_BEGINS: Final = re.compile(r"\s*(SELECT|WITH)\b", re.IGNORECASE)
# In a common table expression, or as a function that does more than answer.
_CHANGES: Final = re.compile(
    r"\b(INSERT|UPDATE|DELETE|MERGE|INTO|NEXTVAL|SETVAL|PG_NOTIFY|PG_\w*ADVISORY\w*)\b",
    re.IGNORECASE,
)
_HOLDS: Final = (" FOR UPDATE", " FOR NO KEY UPDATE", " FOR SHARE", " FOR KEY SHARE")


def make_reads(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Return sessions over the connections of `engine`. Whoever writes by one, or holds a row, or
    sends SQL that can't be told to do neither, gets an AssertionError before it is sent.
    """
    reads = engine.execution_options(isolation_level="AUTOCOMMIT")
    event.listen(reads.sync_engine, "before_cursor_execute", _require_read)
    return async_sessionmaker(reads, expire_on_commit=False)


def _require_read(_: Any, __: Any, sql: str, ___: Any, context: Any, ____: bool) -> None:
    statement = context.compiled.statement if context.compiled is not None else None
    is_select = statement is not None and (statement.is_select or _reads_by_its_text(statement))
    assert is_select, f"a read sends {sql[:100]!r}"
    assert not any(it in sql for it in _HOLDS), f"a read holds rows: {sql[:100]!r}"


def _reads_by_its_text(statement: ClauseElement) -> bool:
    """Whether SQL that was written by hand begins as a read, and names nothing that changes."""
    return isinstance(statement, TextClause) and _is_read(statement.text)


@lru_cache(maxsize=1_000)
def _is_read(sql: str) -> bool:
    return _BEGINS.match(sql) is not None and _CHANGES.search(sql) is None
