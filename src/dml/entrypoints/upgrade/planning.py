"""Compares a database and the settings here with this release. Reads alone, and says what to do."""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url

from dml.core import engine as durable
from dml.core.settings import Settings
from dml.entrypoints import fitness, safety, settings_read, wiring
from dml.entrypoints.fitness import Needs
from dml.entrypoints.upgrade import migrations
from dml.entrypoints.upgrade.migrations import Hold, Migration, Stage
from dml.refused import Refused
from dml.release import release

_READS: Final = "-c default_transaction_read_only=on -c statement_timeout=10s"
_ALIVE: Final = text("""
    SELECT kind, coalesce(facts->>'release', 'one that does not say') AS release FROM nodes
    WHERE seen_at > now() - interval '10 seconds' ORDER BY name LIMIT 1000
""")


@dataclass(frozen=True, slots=True)
class Found:
    """What the database is at. `revision` is None where it is empty."""

    revision: str | None
    is_newer: bool = False  # Than this release, which does not know its revision.
    engine_is_behind: bool = False  # The tables of durable processes, which have their own.
    running: Mapping[tuple[str, str], int] | None = None  # By kind and release, how many.


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do, and why. `do` is a command, or says what to change."""

    do: str
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What changes, and what is to be done about it, in this order."""

    release: str
    revision: str | None
    database: Found
    migrations: Sequence[Migration]
    settings: Sequence[str]  # What is wrong with them, a sentence each.
    steps: Sequence[Step]

    def as_json(self) -> str:
        """Return it for scripts: the same names, without the SQL."""
        shown = [
            {
                "revision": it.revision,
                "does": it.does,
                "stage": it.stage,
                "locks": None if it.locks is None else [asdict(lock) for lock in it.locks],
            }
            for it in self.migrations
        ]
        running = [
            {"kind": kind, "release": its, "count": count}
            for (kind, its), count in (self.database.running or {}).items()
        ]
        told: dict[str, Any] = {
            "release": self.release,
            "revision": self.revision,
            "database": {
                "revision": self.database.revision,
                "is_newer": self.database.is_newer,
                "engine_is_behind": self.database.engine_is_behind,
                "running": running,
            },
            "migrations": shown,
            "settings": list(self.settings),
            "steps": [asdict(it) for it in self.steps],
        }
        return json.dumps(told)


def plan() -> Plan:
    """Look at the database and the settings. Refused where the database cannot be asked."""
    settings, wrong = _settings()
    database = _look(wiring.database_url(settings))
    to_come = [] if database.is_newer else migrations.after(database.revision)
    newest = migrations.scripts().get_current_head()
    steps = list(_steps(database, to_come, wrong))
    return Plan(release(), newest, database, to_come, wrong, steps)


def _settings() -> tuple[Settings, list[str]]:
    """Return the settings, and what of them would stop the start of this release."""
    wrong = [
        *settings_read.list_unknown(os.environ),
        *settings_read.list_unknown_files(os.environ),
    ]
    try:
        settings = Settings()
    except ValidationError as error:
        raise Refused(settings_read.reason_of(error)) from error
    return settings, [*wrong, *safety.faults_of(settings)]


def _look(database_url: str) -> Found:
    fitness.require_now(database_url, Needs.READ)
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    database = create_engine(url, connect_args={"options": _READS, "connect_timeout": 10})
    try:
        with fitness.asking(), database.connect() as connection:
            found = _read(connection)
        with fitness.asking():
            return Found(
                revision=found.revision,
                is_newer=found.is_newer,
                engine_is_behind=durable.is_behind(database),
                running=found.running,
            )
    finally:
        database.dispose()


def _read(connection: Connection) -> Found:
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return Found(None)
    revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if revision is None:
        return Found(None)
    known = {it.revision for it in migrations.scripts().walk_revisions()}
    rows = connection.execute(_ALIVE).all()
    running = Counter((str(it.kind), str(it.release)) for it in rows)
    return Found(str(revision), is_newer=revision not in known, running=running)


def _steps(database: Found, to_come: Sequence[Migration], wrong: Sequence[str]) -> Any:
    """Yield what is to be done, in its order; nothing where nothing is."""
    for it in wrong:
        yield Step(it, "This release would not start with it.")
    if database.is_newer:
        yield Step(
            "install a newer release here",
            f"The database is at {database.revision}, which this release does not know. It can "
            "serve on it if it is the release before, and migrates nothing.",
        )
        return
    others = {its for _, its in database.running or {}} - {release()}
    if to_come and database.revision is not None:
        yield Step("dml backup PLACE", "Migrations are not taken back: a backup is.")
    contracts = [it.revision for it in to_come if it.stage is Stage.CONTRACT]
    if contracts:
        yield Step(
            "see that no process of an older release runs",
            f"{', '.join(contracts)} takes away what such a one still uses.",
        )
    if to_come or database.engine_is_behind:
        yield Step("dml migrate", _why_migrate(database, to_come))
    if others:
        yield Step(
            "dml restart",
            "Processes of another release run: restart each (`deploy/roll.sh` does so in a "
            "cluster). Until then they go on with the new tables.",
        )
    if to_come or others:
        yield Step("dml doctor", "It looks whether all adds up.")


def _why_migrate(database: Found, to_come: Sequence[Migration]) -> str:
    if not to_come:
        return "The tables of durable processes are behind; all goes on meanwhile."
    if database.revision is None:
        return "The database is empty."
    long = {
        lock.table
        for it in to_come
        for lock in it.locks or ()
        if lock.hold is Hold.WHILE_ROWS_ARE_READ
    }
    why = "All goes on meanwhile: it waits four seconds for a lock at most, and can be repeated."
    if long:
        why += f" While rows are read, it holds {', '.join(sorted(long))}: choose a quiet hour."
    return why
