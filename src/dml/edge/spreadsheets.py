"""CSV that is safe to open in a spreadsheet: no cell of it is run as a formula."""

import csv
import io
from collections.abc import Sequence
from typing import Final

# What a spreadsheet would run; the last four are wide ones, which some take for the others.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def as_csv(rows: Sequence[Sequence[object]]) -> str:
    """Write rows of which no cell is run by a spreadsheet. Numbers stay as they are."""
    written = io.StringIO()
    csv.writer(written).writerows([_safe(it) for it in row] for row in rows)
    return written.getvalue()


def _safe(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
