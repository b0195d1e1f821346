"""What migrations do, as read from the SQL that they would run: nothing is asked of a database."""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import Script, ScriptDirectory

from dml.entrypoints import shipped

_NAME: Final = r'(?:IF (?:NOT )?EXISTS )?"?(?P<table>\w+)"?'
_CREATES: Final = re.compile(rf"CREATE TABLE {_NAME}", re.IGNORECASE)
# Of a trigger, a block or a function, all is one statement.
_STATEMENT: Final = re.compile(r"(?:\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'|[^;'$]|\$)+", re.DOTALL)
_COMMENT: Final = re.compile(r"--[^\n]*")


class Hold(StrEnum):
    """For how long a lock is held."""

    A_MOMENT = "a_moment"
    WHILE_ROWS_ARE_READ = "while_rows_are_read"


class Stage(StrEnum):
    """`expand`: the release before goes on working with what it makes; `contract`: it takes away
    what only that one used, so it waits until no process of that one runs.
    """

    EXPAND = "expand"
    CONTRACT = "contract"


@dataclass(frozen=True, slots=True)
class Lock:
    """What a statement keeps others from doing with a table that was there before."""

    table: str
    blocks: str  # `reads and writes`, or `writes`.
    hold: Hold
    by: str  # The statement's beginning.


@dataclass(frozen=True, slots=True)
class Migration:
    """`sql` and `locks` are None where it cannot be told without a database."""

    revision: str
    does: str
    stage: Stage
    sql: str | None
    locks: Sequence[Lock] | None


@dataclass(frozen=True, slots=True)
class _Kind:
    """Statements that take a lock for longer than it takes to note it, or that stop all."""

    pattern: re.Pattern[str]
    blocks: str
    hold: Hold


def _kind(pattern: str, blocks: str, hold: Hold) -> _Kind:
    return _Kind(re.compile(pattern.replace("NAME", _NAME), re.IGNORECASE), blocks, hold)


_ALL: Final = "reads and writes"
_WRITES: Final = "writes"
# The first that fits. PostgreSQL's own list of who waits for whom: its chapter on explicit locking.
_KINDS: Final = (
    _kind(r"ALTER TABLE NAME VALIDATE CONSTRAINT", "", Hold.WHILE_ROWS_ARE_READ),
    _kind(r"ALTER TABLE NAME ADD CONSTRAINT .* NOT VALID$", _ALL, Hold.A_MOMENT),
    _kind(
        r"ALTER TABLE NAME (?:ADD CONSTRAINT|ALTER COLUMN \S+ (?:SET NOT NULL|TYPE|SET DATA TYPE))",
        _ALL,
        Hold.WHILE_ROWS_ARE_READ,
    ),
    _kind(
        r"ALTER TABLE NAME ADD COLUMN .*(?:GENERATED ALWAYS AS|random|clock_timestamp|uuidv?\d?\()",
        _ALL,
        Hold.WHILE_ROWS_ARE_READ,
    ),
    _kind(r"ALTER TABLE NAME", _ALL, Hold.A_MOMENT),
    _kind(r"(?:DROP|TRUNCATE) TABLE NAME", _ALL, Hold.A_MOMENT),
    _kind(r"CREATE (?:UNIQUE )?INDEX CONCURRENTLY", "", Hold.A_MOMENT),
    _kind(
        r"CREATE (?:UNIQUE )?INDEX (?:IF NOT EXISTS )?\S+ ON NAME",
        _WRITES,
        Hold.WHILE_ROWS_ARE_READ,
    ),
    _kind(r"CREATE (?:CONSTRAINT )?TRIGGER .* ON NAME", _WRITES, Hold.A_MOMENT),
    _kind(r"UPDATE NAME", "changes of the same rows", Hold.WHILE_ROWS_ARE_READ),
    _kind(r"DELETE FROM NAME", "changes of the same rows", Hold.WHILE_ROWS_ARE_READ),
)
_REFERS: Final = re.compile(r"REFERENCES (?P<table>\w+)", re.IGNORECASE)
_CONTRACTS: Final = re.compile(
    r"^(?:DROP (?:TABLE|COLUMN|TYPE|FUNCTION)|ALTER TABLE .*? (?:DROP COLUMN|RENAME))",
    re.IGNORECASE | re.DOTALL,
)


def scripts() -> ScriptDirectory:
    """Return the migrations that this release has."""
    config = Config()
    config.set_main_option("script_location", str(shipped.folder("migrations")))
    return ScriptDirectory.from_config(config)


def after(revision: str | None) -> list[Migration]:
    """Return those that come after this one, in their order; None: all there are."""
    found = scripts().iterate_revisions("heads", revision or "base")
    return [_read(it) for it in reversed(list(found)) if isinstance(it, Script)]


def _read(script: Script) -> Migration:
    sql = sql_of(script.module)
    statements = [] if sql is None else list(_statements(sql))
    takes_away = any(_CONTRACTS.match(it) for it in statements)
    return Migration(
        revision=script.revision,
        does=(script.doc or "").strip().partition("\n")[0],
        stage=Stage.CONTRACT if takes_away else Stage.EXPAND,
        sql=sql,
        locks=None if sql is None else _locks(statements),
    )


def sql_of(module: Any) -> str | None:
    """Return the SQL of a migration; None where what it runs depends on what it finds."""
    written = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": written}
    )
    with Operations.context(context):
        try:
            module.upgrade()
        except AttributeError:  # It asks the database: there is none that would answer.
            return None
    return written.getvalue()


def _statements(sql: str) -> Iterator[str]:
    for found in _STATEMENT.finditer(_COMMENT.sub("", sql)):
        if statement := " ".join(found[0].split()):
            yield statement


def _locks(statements: Sequence[str]) -> list[Lock]:
    """Return what is held of tables that are not new, each once.

    A lock is held until its transaction ends: through all that is long behind it, too.
    """
    new = {found["table"] for it in statements if (found := _CREATES.match(it))}
    ended, held = list[Lock](), dict[tuple[str, str], Lock]()
    for statement in statements:
        if statement.upper() == "COMMIT":
            ended, held = [*ended, *held.values()], {}
        for table, blocks, hold in _held(statement):
            if hold is Hold.WHILE_ROWS_ARE_READ and table not in new:
                held = {key: replace(it, hold=hold) for key, it in held.items()}
            if blocks and table not in new:
                held.setdefault((table, blocks), Lock(table, blocks, hold, statement[:60]))
    return [*ended, *held.values()]


def _held(statement: str) -> Iterator[tuple[str, str, Hold]]:
    for it in _KINDS:
        if found := it.pattern.match(statement):
            yield found.groupdict().get("table") or "", it.blocks, it.hold
            break
    if statement.upper().startswith(("CREATE TABLE", "ALTER TABLE")):
        for found in _REFERS.finditer(statement):
            yield found["table"], _WRITES, Hold.A_MOMENT
