"""What is said of what is kept of people: all of it, and as it is."""

from pathlib import Path

from dml.core import personal
from dml.core.db import Base
from dml.core.event_log import EventRow
from dml.entrypoints import domains, privacy_page

PAGE = Path(__file__).parents[3] / "docs" / "privacy.md"
assert EventRow.__table__ is not None
domains.load_tables()


def test_each_column_of_each_table_is_told() -> None:
    """Where this fails: say in the domain's `personal.py` what the column holds of people, why and
    for how long, and what erasure makes of it; then write the page (`make openapi`).
    """
    said = {it.table: list(it.all_columns()) for it in personal.holdings()}
    there = {it.name: [column.name for column in it.columns] for it in Base.metadata.sorted_tables}
    missing = {
        table: sorted(set(columns) - set(said.get(table, [])))
        for table, columns in there.items()
        if set(columns) - set(said.get(table, []))
    }
    assert missing == {}
    for table, columns in said.items():
        assert sorted(columns) == sorted(there[table]), table


def test_the_page_is_as_it_is_said() -> None:
    assert PAGE.read_text() == privacy_page.written(), "run `make openapi`"


def test_whoever_is_named_by_a_key_is_told_of() -> None:
    """A table that names a user says which of its rows are theirs."""
    whose = {it.table: it.whose for it in personal.holdings()}
    operators = {"denied_addresses"}  # Who denied it: it is not about them.
    for table in Base.metadata.sorted_tables:
        keys = {
            column.name
            for column in table.columns
            for it in column.foreign_keys
            if it.target_fullname == "users.id"
        }
        assert not keys or whose[table.name] or table.name in operators, table.name
