"""Which locks a migration takes, read from its SQL."""

from types import SimpleNamespace

import pytest
from alembic import op

from dml.core.db import SCHEMA_REVISION
from dml.entrypoints.upgrade import migrations
from dml.entrypoints.upgrade.migrations import Hold, Stage, _locks, _statements

MOMENT, LONG = Hold.A_MOMENT, Hold.WHILE_ROWS_ARE_READ
ALL, WRITES, ROWS = "reads and writes", "writes", "changes of the same rows"
Held = list[tuple[str, str, Hold]]


def held(sql: str) -> Held:
    return [(it.table, it.blocks, it.hold) for it in _locks(list(_statements(sql)))]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("ALTER TABLE jobs ADD COLUMN x TEXT;", [("jobs", ALL, MOMENT)]),
        ("ALTER TABLE IF EXISTS jobs ADD COLUMN x INT;", [("jobs", ALL, MOMENT)]),
        ("ALTER TABLE jobs ALTER COLUMN x TYPE BIGINT;", [("jobs", ALL, LONG)]),
        ("ALTER TABLE jobs ADD CONSTRAINT c CHECK (x > 0);", [("jobs", ALL, LONG)]),
        ("ALTER TABLE jobs ADD CONSTRAINT c CHECK (x > 0) NOT VALID;", [("jobs", ALL, MOMENT)]),
        (
            "ALTER TABLE jobs ADD CONSTRAINT c FOREIGN KEY (u) REFERENCES users (id) NOT VALID;",
            [("jobs", ALL, MOMENT), ("users", WRITES, MOMENT)],
        ),
        ("ALTER TABLE jobs VALIDATE CONSTRAINT c;", []),
        ("CREATE INDEX jobs_x_idx ON jobs (x);", [("jobs", WRITES, LONG)]),
        ("CREATE UNIQUE INDEX IF NOT EXISTS a ON jobs (x);", [("jobs", WRITES, LONG)]),
        ("CREATE INDEX CONCURRENTLY a ON jobs (x);", []),
        ("UPDATE jobs SET x = 1;", [("jobs", ROWS, LONG)]),
        ("DELETE FROM jobs WHERE x = ';';", [("jobs", ROWS, LONG)]),
        ("DROP TABLE jobs;", [("jobs", ALL, MOMENT)]),
        ("CREATE TABLE jobs (x INT); CREATE INDEX a ON jobs (x);", []),
        (
            "CREATE TABLE notes (u UUID REFERENCES users (id)); UPDATE notes SET u = NULL;",
            [("users", WRITES, MOMENT)],
        ),
        ("-- ALTER TABLE jobs ADD x INT;\nSELECT 1;", []),
        ("DO $$ BEGIN UPDATE jobs SET x = 1; END $$;", []),
        ("SET LOCAL lock_timeout = '5s';", []),
    ],
)
def test_what_a_statement_holds(sql: str, expected: Held) -> None:
    assert held(sql) == expected


def test_a_lock_is_held_through_all_that_is_long_behind_it_until_its_transaction_ends() -> None:
    short, long = "ALTER TABLE jobs ADD COLUMN x INT;", "CREATE INDEX a ON users (x);"
    assert held(short + long) == [("jobs", ALL, LONG), ("users", WRITES, LONG)]
    assert held(long + short) == [("users", WRITES, LONG), ("jobs", ALL, MOMENT)]
    assert held(f"{short} COMMIT; {long}") == [("jobs", ALL, MOMENT), ("users", WRITES, LONG)]
    validated = "ALTER TABLE jobs VALIDATE CONSTRAINT c;"
    assert held(short + validated) == [("jobs", ALL, LONG)]


def test_each_migration_is_read_but_for_what_asks_the_database() -> None:
    found = migrations.after(None)
    assert [it.revision for it in found if it.sql is None] == ["0014"]
    assert (found[0].revision, found[-1].revision) == ("0001", SCHEMA_REVISION)
    assert all(it.does for it in found)
    assert migrations.after(SCHEMA_REVISION) == []
    (fees,) = (it for it in found if it.revision == "0045")
    assert [(it.table, it.hold) for it in fees.locks or ()] == [("vaults", MOMENT)]


def test_what_takes_away_waits_for_the_last_process_of_the_release_before() -> None:
    def stage(statement: str) -> Stage:
        module = SimpleNamespace(upgrade=lambda: op.execute(statement))
        script = SimpleNamespace(module=module, revision="x", doc="Something.")
        return migrations._read(script).stage  # type: ignore[arg-type] # all that it looks at

    assert stage("ALTER TABLE jobs ADD COLUMN x INT") is Stage.EXPAND
    assert stage("ALTER TABLE jobs DROP CONSTRAINT c") is Stage.EXPAND
    for taken in ("DROP COLUMN x", "RENAME TO y", "RENAME COLUMN x TO y"):
        assert stage(f"ALTER TABLE jobs {taken}") is Stage.CONTRACT
    assert stage("DROP TABLE jobs") is Stage.CONTRACT
