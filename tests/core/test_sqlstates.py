"""The table of SQLSTATEs against the driver's names for them, and as SQLAlchemy dresses them."""

from typing import Final

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from dml.core import sqlstates
from dml.core.engine_steps import is_transient
from dml.core.sqlstates import is_one_of
from tests.conftest import Sessions

NAMED: Final[dict[tuple[str, ...], tuple[type[asyncpg.PostgresError], ...]]] = {
    sqlstates.CONTENDED: (
        asyncpg.SerializationError,
        asyncpg.DeadlockDetectedError,
        asyncpg.LockNotAvailableError,
    ),
    (sqlstates.CANCELLED,): (asyncpg.QueryCanceledError,),
    (sqlstates.INSERTED_MEANWHILE,): (asyncpg.UniqueViolationError,),
    sqlstates.AWAY: (
        asyncpg.PostgresConnectionError,
        asyncpg.ConnectionDoesNotExistError,
        asyncpg.AdminShutdownError,
        asyncpg.CrashShutdownError,
        asyncpg.CannotConnectNowError,
        asyncpg.DatabaseDroppedError,
    ),
    (sqlstates.FULL,): (asyncpg.TooManyConnectionsError,),
    (sqlstates.SHORT,): (
        asyncpg.TooManyConnectionsError,
        asyncpg.DiskFullError,
        asyncpg.OutOfMemoryError,
    ),
    (sqlstates.IDLED,): (asyncpg.IdleInTransactionSessionTimeoutError,),
    (sqlstates.UNREADABLE,): (asyncpg.DataError, asyncpg.InvalidTextRepresentationError),
    sqlstates.NO_ENTRY: (
        asyncpg.InvalidPasswordError,
        asyncpg.InvalidCatalogNameError,
        asyncpg.InsufficientPrivilegeError,
    ),
}
KINDS: Final = sorted({it for kinds in NAMED.values() for it in kinds}, key=lambda it: it.__name__)


@pytest.mark.parametrize("kind", KINDS, ids=lambda it: it.__name__)
def test_each_group_holds_what_it_says_and_nothing_else(kind: type[asyncpg.PostgresError]) -> None:
    for codes, kinds in NAMED.items():
        assert is_one_of(kind(""), *codes) == (kind in kinds), codes


@pytest.mark.parametrize(
    "kind", [asyncpg.UndefinedTableError, asyncpg.InternalClientError, OSError]
)
def test_all_else_is_in_no_group(kind: type[Exception]) -> None:
    assert not any(is_one_of(kind(""), *codes) for codes in NAMED)
    assert not is_one_of(None, *sqlstates.AWAY)
    assert not is_one_of(kind(""))


@pytest.mark.parametrize("kind", KINDS, ids=lambda it: it.__name__)
def test_a_process_waits_for_what_passes_and_counts_what_is_slow(
    kind: type[asyncpg.PostgresError],
) -> None:
    waited = (*sqlstates.CONTENDED, *sqlstates.AWAY, sqlstates.SHORT, sqlstates.IDLED)
    assert is_transient(kind("")) == is_one_of(kind(""), *waited)


async def test_they_are_known_through_sqlalchemy_too(committing: Sessions) -> None:
    async with committing() as tx:
        await tx.execute(text("SET LOCAL statement_timeout = '20ms'"))
        with pytest.raises(DBAPIError) as error:
            await tx.execute(text("SELECT pg_sleep(5)"))
    assert is_one_of(error.value, sqlstates.CANCELLED)
    assert not is_one_of(error.value, *sqlstates.AWAY)
