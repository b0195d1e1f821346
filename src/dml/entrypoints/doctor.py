"""`dml doctor`: asks the database for all that must hold, and says in words what does not.

All that it sees is one snapshot, which can only be read: a marketplace that runs meanwhile is not
held up, and is never caught half-way. The snapshot keeps PostgreSQL from cleaning up behind it.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import asyncpg
from rich.console import Console
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.checks import OFFENDERS_MAX, Check, look
from dml.core.db import SCHEMA_REVISION, connect
from dml.core.settings import Settings
from dml.entrypoints import collector, domains, fitness, wiring
from dml.entrypoints.backup import due
from dml.entrypoints.fitness import Needs
from dml.refused import ExitCode, Refused

AWAY: Final = (Refused, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)

PROCESSES: Final = (
    Check(
        "A durable process failed, or killed each worker that ran it",
        "O(processes that failed)",
        """SELECT name || ' as ' || workflow_uuid || ' is ' || status
        FROM dbos.workflow_status WHERE status IN ('ERROR', 'MAX_RECOVERY_ATTEMPTS_EXCEEDED')""",
    ),
    Check(
        "A durable process was due ten minutes ago and did not begin, though a worker is alive",
        "O(processes that wait)",
        """SELECT name || ' as ' || workflow_uuid || ' is ' || status
        FROM dbos.workflow_status
        WHERE status IN ('DELAYED', 'ENQUEUED')
          AND greatest(updated_at, created_at, delay_until_epoch_ms)
              < extract(epoch FROM now() - interval '10 minutes') * 1000
          AND EXISTS (
              SELECT FROM nodes WHERE kind = 'worker' AND seen_at > now() - interval '10 seconds')
        """,
    ),
)
COLLECTING: Final = (
    Check(
        "No worker has collected unneeded files for three hours, so that the disk fills (their "
        "logs say why collecting failed)",
        "O(nodes)",
        """SELECT string_agg(name, ', ') FROM nodes
        WHERE kind = 'worker' AND seen_at > now() - interval '10 seconds'
        HAVING max(greatest(facts->>'started_at', facts->>'collected_at')::timestamptz)
            < now() - interval '3 hours'""",
    ),
)
ALL_CHECKS: Final = (*domains.load_checks(), *PROCESSES, *COLLECTING)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    complaints: list[str]

    @property
    def is_content(self) -> bool:
        return not self.complaints

    def as_json(self) -> str:
        said = {
            "content": self.is_content,
            "complaints": self.complaints,
            "checks": len(ALL_CHECKS),
        }
        return json.dumps(said, ensure_ascii=False)


def run(settings: Settings, *, as_json: bool) -> int:
    """Print the diagnosis. Return the exit code."""
    try:
        with Console(stderr=True).status(f"Making {len(ALL_CHECKS)} checks …"):
            diagnosis = asyncio.run(examine(wiring.database_url(settings), settings))
    except AWAY as error:
        Console(stderr=True).print(
            f"dml: cannot look: {fitness.reason_of(error)}", markup=False, soft_wrap=True
        )
        return ExitCode.NOT_REACHED
    out = Console(markup=False, highlight=False, soft_wrap=True)
    if as_json:
        out.print(diagnosis.as_json())
    else:
        for complaint in diagnosis.complaints:
            out.print(f"✗ {complaint}")
        found = len(diagnosis.complaints)
        out.print(f"{len(ALL_CHECKS)} checks: {f'{found} complaints' if found else 'content'}.")
    return ExitCode.DONE if diagnosis.is_content else ExitCode.NOT_DONE


async def examine(database_url: str, settings: Settings | None = None) -> Diagnosis:
    """Make every check in one snapshot. Refused where the database is not of this code.

    Where `settings` say where the files are, they are looked for, too.
    """
    await fitness.require(database_url, Needs.READ)
    async with snapshot(database_url) as tx:
        await require_schema(tx)
        return Diagnosis(
            [
                *await look(tx, ALL_CHECKS),
                *(await _find_missing(tx, settings) if settings else []),
                *(await due.find_late(settings, datetime.now(UTC)) if settings else []),
            ]
        )


async def _find_missing(tx: AsyncSession, settings: Settings) -> list[str]:
    """Say which files are not there, of those that rows name: each time others, if they are many.

    What was let go since the snapshot began is looked up once more, as it is now.
    """
    blobs, now = wiring.make_blobs(settings), datetime.now(UTC)
    missing = await collector.find_missing(tx, blobs, settings, now)
    if missing:
        async with snapshot(wiring.database_url(settings)) as later:
            missing = sorted(await collector.find_named_in(later, missing, settings, now))
    if not missing:
        return []
    more = len(missing) - OFFENDERS_MAX
    return [
        f"{len(missing)} files that rows name are not there (at most {collector.NAMES_MAX} "
        "are looked for): bring them back from a backup, or set DML_BLOBS as the server has it: "
        + "; ".join(missing[:OFFENDERS_MAX])
        + (f"; and {more} more." if more > 0 else ".")
    ]


@asynccontextmanager
async def snapshot(database_url: str) -> AsyncIterator[AsyncSession]:
    """Begin a transaction that sees one moment, and can write nothing."""
    engine = connect(
        database_url,
        name="dml doctor",
        connections=1,
        statement_timeout="15min",
        work_mem="64MB",
        enable_seqscan="on",  # It reads whole tables.
    )
    try:
        async with engine.connect() as connection:
            await connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            async with AsyncSession(connection) as tx:
                yield tx
    finally:
        await engine.dispose()


async def require_schema(tx: AsyncSession) -> None:
    """Refuse a database that is not of this code."""
    revision = None
    if await tx.scalar(text("SELECT to_regclass('alembic_version')")) is not None:
        revision = await tx.scalar(text("SELECT version_num FROM alembic_version"))
    if revision is not None and revision > SCHEMA_REVISION:
        raise Refused(
            f"the database is at revision {revision}, of a newer release than this one, which is "
            f"of {SCHEMA_REVISION}: ask the newer release's `dml doctor`"
        )
    if revision != SCHEMA_REVISION:
        raise Refused(
            f"the database is at revision {revision or 'none'}, not {SCHEMA_REVISION}: dml migrate"
        )
