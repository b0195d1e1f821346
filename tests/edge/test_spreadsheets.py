"""What is exported is safe to open: a label or a name is anybody's words."""

import re
from pathlib import Path

import pytest

import dml
from dml.edge.spreadsheets import as_csv

SRC = Path(dml.__file__).parent


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", "＝1+1", "＋1", "－1", "＠A"]
)
def test_no_cell_is_run(cell: str) -> None:
    (line,) = as_csv([("label", cell)]).splitlines()[:1]
    assert line.startswith(("label,'", "label,\"'"))


def test_numbers_stay_numbers() -> None:
    assert as_csv([(-1, 2.5, "a")]) == "-1,2.5,a\r\n"


def test_there_is_one_way_to_write_csv_for_others() -> None:
    """A second one would one day forget a sign."""
    writers = [
        it for it in SRC.rglob("*.py") if re.search(r"csv\.(Dict)?[wW]riter", it.read_text())
    ]
    assert [str(it.relative_to(SRC)) for it in writers] == ["edge/spreadsheets.py"]
