"""Whether a PostgreSQL is one that we can work with: asked once, before a process begins.

Each command says so in the same one line. An old server takes money for a while and then fails in
the midst of something else, as does one without an encoding, or a role that lacks a right.
"""

import asyncio
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from logging import INFO, WARNING
from typing import Final

import asyncpg
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from dml.core.sqlstates import AWAY, NO_ENTRY, SHORT, is_one_of
from dml.refused import ExitCode, Refused

log = logging.getLogger(__name__)
FAULTS: Final = (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError)
VERSION_MIN: Final = 18
ENCODING: Final = "UTF8"
LACKS_MAX: Final = 5  # Rights that a refusal names.
_PAUSE_SECONDS: Final = 0.5
_CONNECT_SECONDS: Final = 5


class DatabaseAway(Refused):
    """The database could not be asked."""

    exit_code = ExitCode.NOT_REACHED


@contextmanager
def asking() -> Iterator[None]:
    """Say in one line why the database could not be asked, in the place of its client's many."""
    try:
        yield
    except (*FAULTS, OSError) as error:
        raise DatabaseAway(f"the database cannot be asked: {reason_of(error)}") from error


def reason_of(error: BaseException) -> str:
    """The first line of what a client of the database says, which is the reason."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig.__cause__ or error.orig  # asyncpg's own, or psycopg's.
    return str(error).strip().partition("\n")[0]


class Needs(StrEnum):
    """What a process does with the database."""

    MIGRATE = "migrate"
    WORK = "work"
    READ = "read"


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What a server says of itself. `lacks`: what its role may not do, in words."""

    version: int  # 180001 is 18.1.
    encoding: str
    is_read_only: bool
    lacks: tuple[str, ...] = ()


# Only plain SQL of all versions that anybody may still run. What is missing yet is no lack: that,
# a migration makes.
ASK: Final = """
    SELECT current_setting('server_version_num')::int AS version,
        current_setting('server_encoding') AS encoding,
        current_setting('transaction_read_only') = 'on' AS is_read_only
"""
_MAKES: Final = """
    SELECT 'make tables in the schema ' || coalesce(current_schema(), 'public') AS what
    WHERE current_schema() IS NULL
       OR NOT has_schema_privilege(current_user, current_schema(), 'CREATE')
    UNION ALL
    SELECT 'make the schema dbos in the database ' || current_database()
    WHERE to_regnamespace('dbos') IS NULL
      AND NOT has_database_privilege(current_user, current_database(), 'CREATE')
    UNION ALL
    SELECT 'make the extension pg_trgm in the database ' || current_database()
    WHERE NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm')
      AND (NOT has_database_privilege(current_user, current_database(), 'CREATE')
           OR NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm'))
    UNION ALL
    (SELECT 'change ' || c.oid::regclass || ', which is another role''s'
     FROM pg_class c WHERE c.relkind IN ('r', 'p')
       AND EXISTS (SELECT FROM pg_namespace n WHERE n.oid = c.relnamespace
                   AND n.nspname IN (current_schema(), 'dbos'))
       AND (c.relnamespace = to_regnamespace('dbos') OR to_regclass('alembic_version') IS NOT NULL)
       AND NOT pg_has_role(current_user, c.relowner, 'USAGE')
     ORDER BY 1)
"""
_USES: Final = """
    SELECT 'use the schema ' || n.nspname AS what FROM pg_namespace n
    WHERE n.nspname IN ('public', 'dbos')
      AND NOT has_schema_privilege(current_user, n.oid, 'USAGE')
    UNION ALL
    (SELECT 'read' || CASE WHEN $1 THEN ' and write ' ELSE ' ' END || n.nspname || '.' || c.relname
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND n.nspname IN (coalesce(current_schema(), 'public'), 'dbos')
       AND EXISTS (SELECT FROM pg_class a WHERE a.relname = 'alembic_version'
                   AND a.relnamespace = to_regnamespace(coalesce(current_schema(), 'public')))
       AND NOT (has_table_privilege(current_user, c.oid, 'SELECT')
            AND (NOT $1 OR has_table_privilege(current_user, c.oid, 'INSERT')
                AND has_table_privilege(current_user, c.oid, 'UPDATE')
                AND has_table_privilege(current_user, c.oid, 'DELETE')))
     ORDER BY 1)
"""


def fault_of(facts: DatabaseFacts, needs: Needs) -> str | None:
    """Say what is wrong with a server and what to do about it; None where nothing is."""
    if facts.version // 10_000 < VERSION_MIN:
        major, minor = divmod(facts.version, 10_000)
        return (
            f"this is PostgreSQL {major}.{minor}, and {VERSION_MIN} or newer is needed: "
            "name another in DML_DATABASE_URL"
        )
    if facts.encoding != ENCODING:
        return (
            f"the database's encoding is {facts.encoding}, and has to be {ENCODING}: make another "
            f"(`createdb --encoding={ENCODING} --template=template0 …`)"
        )
    if facts.is_read_only and needs is not Needs.READ:
        return "the database can only be read (a standby, perhaps): name one that can be written"
    if facts.lacks:
        missing = "; ".join(facts.lacks[:LACKS_MAX])
        more = f"; and {len(facts.lacks) - LACKS_MAX} more" if facts.lacks[LACKS_MAX:] else ""
        return (
            f"the role may not {missing}{more}: let it own the database "
            "(`ALTER DATABASE … OWNER TO …`), or grant it that"
        )
    return None


async def ask(database_url: str, needs: Needs) -> DatabaseFacts:
    """Ask a server. Refused where it lets us in never; what passes is raised as it is."""
    url = make_url(database_url).set(drivername="postgresql")
    try:
        connection = await asyncpg.connect(
            url.render_as_string(hide_password=False), timeout=_CONNECT_SECONDS
        )
    except asyncpg.PostgresError as error:
        if is_one_of(error, *NO_ENTRY):
            raise Refused(f"the database does not let us in ({error}): DML_DATABASE_URL") from error
        raise
    try:
        row = await connection.fetchrow(ASK)
        assert row
        facts = DatabaseFacts(row["version"], row["encoding"], row["is_read_only"])
        if fault_of(facts, needs) is not None:
            return facts
        if needs is Needs.MIGRATE:
            rows = await connection.fetch(_MAKES)
        else:
            rows = await connection.fetch(_USES, needs is Needs.WORK)
        lacks = tuple(str(it["what"]) for it in rows)
        return DatabaseFacts(facts.version, facts.encoding, facts.is_read_only, lacks)
    finally:
        await connection.close()


async def require(database_url: str, needs: Needs, *, patient: bool = False) -> None:
    """Refuse a database that we cannot work with.

    One that is away for the moment is waited for where we are `patient`, and else let pass: who
    goes on without it finds out.
    """
    while True:
        try:
            fault = fault_of(await ask(database_url, needs), needs)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            if not (isinstance(error, OSError) or is_one_of(error, *AWAY, SHORT)):
                raise Refused(f"the database cannot be asked: {error}") from error
            log.log(WARNING if patient else INFO, "PostgreSQL is away: %s", error)
            if not patient:
                return
        else:
            if fault is not None:
                raise Refused(fault)
            return
        await asyncio.sleep(_PAUSE_SECONDS)


def require_now(database_url: str, needs: Needs) -> None:
    """The same for who has no loop, or one that is not to be touched."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, require(database_url, needs)).result()
