"""Reading a stranger's CSV file. Only in a locked child that may start threads."""

import csv
import io
import re
from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv

from dml.inference.signature import Refused
from dml.scoring.glance import cell, quoted, refused
from dml.scoring.limits import COLUMNS_MAX, HEADER_BYTES_MAX, LINE_BYTES_MAX

BLOCK_BYTES: Final = 1 << 20
_MARK: Final = b"\xef\xbb\xbf"
_CELL: Final = re.compile(
    r"In CSV column #(\d+): Row #(\d+): CSV conversion error to (\w+)[^:]*: "
    r"(?:invalid value '(.*)'|(.*))",
    re.DOTALL,
)


def column_names(content: bytes) -> list[str]:
    """Return the column names, or Refused if the header is missing or repeats one."""
    start = len(_MARK) if content.startswith(_MARK) else 0
    while content[start : start + 1] in (b"\r", b"\n"):
        start += 1
    line = _first_record(content, start)
    if not line:
        raise refused("file.empty", "The file holds no header. Its first row names the columns.")
    if line.count(b",") >= COLUMNS_MAX:
        raise refused("file.too_many_columns", f"At most {COLUMNS_MAX} columns are allowed.")
    if len(line) > HEADER_BYTES_MAX:
        raise refused("file.header", f"The header has more than {HEADER_BYTES_MAX} bytes.")
    try:
        (names,) = csv.reader(io.StringIO(line.decode(), newline=""), strict=True)
    except UnicodeDecodeError as error:
        raise refused(
            "file.encoding", "The header is not UTF-8. Save the file as UTF-8."
        ) from error
    except (csv.Error, ValueError) as error:
        raise refused("file.header", "The header can't be read: look at its quotes.") from error
    return names


def _first_record(content: bytes, start: int) -> bytes:
    """Return the header: up to the first line end outside quotes."""
    last = start + HEADER_BYTES_MAX + 1
    at = start
    while True:
        ends = (content.find(end, at, last) for end in (b"\n", b"\r"))
        end = min((each for each in ends if each >= 0), default=last)
        record = content[start:end]
        if end == last or record.count(b'"') % 2 == 0:
            return record
        at = end + 1


def read(content: bytes, names: list[str], types: Mapping[str, pa.DataType]) -> pa.Table:
    """Return the columns of these names and types, or Refused. No cell becomes null."""
    try:
        return _read(content, types, BLOCK_BYTES)
    except pa.ArrowInvalid as error:
        if "straddl" not in str(error):
            raise _fault(str(error), names, types) from error
    try:  # Larger blocks are slower: most files have short lines.
        return _read(content, types, LINE_BYTES_MAX)
    except pa.ArrowInvalid as error:
        if "straddl" in str(error):
            detail = f"A row has more than {LINE_BYTES_MAX >> 20} MiB. Look for a missing newline."
            raise refused("file.line_too_long", detail) from error
        raise _fault(str(error), names, types) from error


def _read(content: bytes, types: Mapping[str, pa.DataType], block_bytes: int) -> pa.Table:
    wrong: list[Any] = []

    def note(row: Any) -> str:
        wrong.append(row)
        return "error"

    try:
        return pyarrow.csv.read_csv(
            pa.BufferReader(content),
            pyarrow.csv.ReadOptions(use_threads=False, block_size=block_bytes),
            # Looking for quoted line ends takes time, so only if there are quotes.
            pyarrow.csv.ParseOptions(invalid_row_handler=note, newlines_in_values=b'"' in content),
            pyarrow.csv.ConvertOptions(
                column_types=types,
                include_columns=list(types),
                null_values=[],
                strings_can_be_null=False,
                auto_dict_encode=False,
            ),
        )
    except pa.ArrowInvalid as error:
        if wrong:
            row = wrong[0]
            detail = (
                f"Row {(row.number or 1) - 1} has {row.actual_columns} cells and the header has "
                f"{row.expected_columns}. Put quotes around cells that hold a comma."
            )
            raise refused("file.row_length", detail) from error
        raise


def _fault(message: str, names: list[str], types: Mapping[str, pa.DataType]) -> Refused:
    """Turn Arrow's error into one about a cell. Its row numbers count the header."""
    found = _CELL.search(message)
    if found is None:
        if "Empty CSV" in message:
            return refused("file.empty", "The file holds no rows.")
        return refused("file.not_csv", f"It can't be read as CSV: {quoted(message)}.")
    column, row, _, value, other = found.groups()
    name = names[int(column)] if int(column) < len(names) else "?"
    at = int(row) - 2
    if value is None:
        if "UTF8" in other:
            return cell(at, name, "file.encoding", "it is not UTF-8. Save the file as UTF-8.")
        return cell(at, name, "file.cell", f"it can't be read: {quoted(other)}.")
    if not value.strip():
        return cell(at, name, "file.cell_empty", "it is empty.")
    kind = "a whole number" if pa.types.is_integer(types[name]) else "a number"
    return cell(at, name, "file.not_a_number", f"{quoted(value)} is not {kind}.")
