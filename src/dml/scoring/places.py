"""Finds where in a stranger's file reading fails. Only in a locked child."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Concatenate, Final, ParamSpec, TypeVar

import pyarrow as pa

from dml.inference.outcome import BrokeDown, Place
from dml.inference.signature import Refused

ROWS_SEARCHED: Final = 1_000_000  # of a column: more might exceed the child's time

P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Name the phase in which an error came up. Refusals and too little memory pass as they are."""
    try:
        yield
    except (BrokeDown, MemoryError, Refused):
        raise
    except Exception as error:  # Bad bytes may raise anything.
        raise BrokeDown(error, Place(name)) from error


def in_column(
    name: str,
    read: Callable[Concatenate[pa.ChunkedArray, str, P], T],
    column: pa.ChunkedArray,
    column_name: str,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Apply `read` to a column; if it fails, search for the row at fault."""
    try:
        with phase(name):
            return read(column, column_name, *args, **kwargs)
    except BrokeDown as broke:

        def breaks(rows: int) -> bool:
            try:
                read(column.slice(0, rows), column_name, *args, **kwargs)
            except Refused:
                return False
            except Exception:  # Any error means that the bad row is among these.
                return True
            return False

        row = first_row(breaks, len(column)) if len(column) <= ROWS_SEARCHED else None
        raise BrokeDown(broke.error, Place(name, column_name, row)) from broke.error


def first_row(breaks: Callable[[int], bool], rows: int) -> int:
    """Return the first row, counted from 1, with which reading fails."""
    whole, broken = 0, rows
    while broken - whole > 1:
        middle = (whole + broken) // 2
        if breaks(middle):
            broken = middle
        else:
            whole = middle
    return broken
