"""Where code does otherwise than plain code would, it names the decision that says why."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
RECORDS: Final = sorted((ROOT / "docs/decisions").glob("*.md"))
NAMED_BY_NO_CODE: Final = {"0003": "superseded by 0017, which is named"}
SOURCES: Final = (
    *sorted((ROOT / "src").rglob("*.py")),
    *sorted((ROOT / "clients").glob("*.py")),
    *sorted((ROOT / "clients" / "typescript").glob("*.ts")),
)
NAME: Final = re.compile(r"docs/decisions/(\d{4}(?: and \d{4})*)")
PATH: Final = re.compile(r"`([a-z_]+(?:/[a-z_]+)+\.py)`")


def named() -> dict[str, list[str]]:
    """Return which files of the source name each record."""
    found: dict[str, list[str]] = {}
    for path in SOURCES:
        for numbers in NAME.findall(path.read_text()):
            for number in numbers.split(" and "):
                found.setdefault(number, []).append(str(path.relative_to(ROOT)))
    return found


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.name[:4])
def test_each_record_is_named_where_it_was_followed(record: Path) -> None:
    assert (record.name[:4] in named()) != (record.name[:4] in NAMED_BY_NO_CODE)


def test_each_record_that_code_names_is_there() -> None:
    missing = named().keys() - {it.name[:4] for it in RECORDS}
    assert not missing, {it: named()[it] for it in missing}


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.name[:4])
def test_the_files_that_a_record_names_are_there(record: Path) -> None:
    for path in PATH.findall(record.read_text()):
        assert (ROOT / path).exists() or (ROOT / "src/dml" / path).exists(), path
