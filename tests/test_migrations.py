"""A migration runs while the release before it still serves: so that one must not notice.

Read from the text of each migration's `upgrade`. What is taken away waits for a release in which
nothing reads it any more.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests import lint_migrations

ROOT: Final = Path(__file__).resolve().parents[1]
MIGRATIONS: Final = sorted((ROOT / "migrations" / "versions").glob("*.py"))
TAKE_AWAY: Final = {"drop_column", "drop_table", "rename_table"}
# Before there was a release that anybody upgraded from.
EARLY: Final = "0013"


def complaints(text: str) -> Iterator[str]:
    """What of a migration's upgrade the release before it would notice."""
    upgrade = next(
        it
        for it in ast.parse(text).body
        if isinstance(it, ast.FunctionDef) and it.name == "upgrade"
    )
    for call in (it for it in ast.walk(upgrade) if isinstance(it, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        keywords = {it.arg: it.value for it in call.keywords}
        if name in TAKE_AWAY or (name == "alter_column" and "new_column_name" in keywords):
            yield f"{name}: the release before it still uses that"
        if name == "add_column":
            (column,) = (it for it in call.args if isinstance(it, ast.Call))
            told = {it.arg: it.value for it in column.keywords}
            nullable = told.get("nullable")
            needs_value = isinstance(nullable, ast.Constant) and nullable.value is False
            if needs_value and "server_default" not in told:
                yield "add_column: NOT NULL without server_default, so that its inserts fail"


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda it: it.stem)
def test_the_release_before_it_goes_on(path: Path) -> None:
    if path.stem[:4] > EARLY:
        assert list(complaints(path.read_text())) == []


@pytest.mark.parametrize(
    ("line", "is_noticed"),
    [
        ("op.add_column('jobs', sa.Column('x', sa.Text(), nullable=True))", False),
        ("op.add_column('jobs', sa.Column('x', sa.Text(), nullable=False))", True),
        (
            "op.add_column('jobs', sa.Column('x', sa.Text(), server_default='', nullable=False))",
            False,
        ),
        ("op.drop_column('jobs', 'x')", True),
        ("op.alter_column('jobs', 'x', new_column_name='y')", True),
        ("op.drop_constraint('jobs_x_check', 'jobs')", False),
    ],
)
def test_what_would_be_noticed_is_found(line: str, is_noticed: bool) -> None:
    assert bool(list(complaints(f"def upgrade():\n    {line}\n"))) == is_noticed


@pytest.mark.parametrize(
    ("sql", "is_refused"),
    [
        ("ALTER TABLE jobs ADD COLUMN x TEXT;", False),
        ("CREATE TABLE notes (id UUID PRIMARY KEY);", False),
        ("CREATE INDEX jobs_x_idx ON jobs (x);", True),
        ("ALTER TABLE jobs ADD CONSTRAINT x CHECK (x > 0);", True),
        ("ALTER TABLE jobs ALTER COLUMN x TYPE BIGINT;", True),
        ("ALTER TABLE jobs ALTER COLUMN x SET NOT NULL;", True),
    ],
)
def test_squawk_refuses_what_holds_a_table_for_long(
    tmp_path: Path, sql: str, is_refused: bool
) -> None:
    file = tmp_path / "9999.sql"
    file.write_text(f"SET LOCAL lock_timeout = '5s';\n{sql}\n")
    assert bool(lint_migrations.check(file)) == is_refused
