"""A migration runs while the release before it still serves: so that one must not notice.

Read from the text of each migration's `upgrade`. What is taken away waits for a release in which
nothing reads it any more.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

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
