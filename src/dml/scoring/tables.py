"""Columns of a stranger's file, checked, as arrays. Only in a locked child."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dml.inference.signature import Refused
from dml.scoring import csv_files
from dml.scoring.glance import cell, quoted, refuse_at_a_glance, refused
from dml.scoring.limits import ROWS_MAX
from dml.scoring.parquet_files import ParquetFile
from dml.scoring.places import first_row

Codes = NDArray[np.int32]
Floats = NDArray[np.float64]

WHOLE_NUMBER: Final = r"^(0|-?[1-9][0-9]{0,17})$"
_TYPES: Final[Mapping[str, pa.DataType]] = {
    "integer": pa.int64(),
    "text": pa.string(),
    "number": pa.float64(),
    "feature": pa.float32(),
}


_BINARY: Final = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)


class File:
    """An open file with distinct column names."""

    def __init__(self, content: bytes, format: str, most: int, texts: Sequence[str]) -> None:
        refuse_at_a_glance(content, format, most)
        self._content = content
        self._parquet = ParquetFile(content, texts) if format == "parquet" else None
        self.names: list[str] = (
            csv_files.column_names(content) if self._parquet is None else self._parquet.schema.names
        )
        if len(set(self.names)) < len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise refused("file.column_repeated", f"Two columns have the name {quoted(twice)}.")

    def require(self, names: Sequence[str], *, others: bool = False) -> None:
        """Refuse a file without these columns, or with more where no `others` are wanted."""
        for name in names:
            if name not in self.names:
                there = ", ".join(map(quoted, self.names[:8]))
                detail = f"There is no column {quoted(name)}; the header has {there}."
                raise refused("file.column_missing", detail)
        unknown = [name for name in self.names if name not in names]
        if unknown and not others:
            detail = f"Column {quoted(unknown[0])} is none of {', '.join(map(quoted, names[:8]))}."
            raise refused("file.column_unknown", f"{detail} Leave it out.")

    def read(self, kinds: Mapping[str, str]) -> pa.Table:
        """Read columns by name; the kind of each is integer, text, number or feature.

        A Parquet file's columns keep their own types: see `texts`, `numbers`, `integers`.
        """
        if self._parquet is not None:
            table = self._parquet.read(list(kinds))
        else:
            types = {name: _TYPES[kind] for name, kind in kinds.items()}
            table = csv_files.read(self._content, self.names, types)
        if table.column_names != list(kinds):
            raise refused("file.header", "The header can't be read: look at its quotes.")
        if not table.num_rows:
            raise refused("file.empty", "The file holds no rows.")
        if table.num_rows > ROWS_MAX:
            raise refused("file.too_many_rows", f"At most {ROWS_MAX} rows are allowed.")
        columns = [_plain(table[name], name) for name in kinds]
        if self._parquet is not None:  # A CSV file's texts were checked already.
            for name, column in zip(kinds, columns, strict=True):
                _require_utf8(column, name)
        return pa.table(columns, names=list(kinds))


def texts(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Return a column of texts; integers and booleans become texts."""
    column = _whole(column, name)
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not (_is_text(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        raise wrong_type(column, name, "text or whole numbers")
    _refuse_nulls(column, name)
    return column if _is_text(kind) else column.cast(pa.string())


def numbers(column: pa.ChunkedArray, name: str, dtype: Any = np.float64) -> NDArray[Any]:
    """Return a column of finite numbers."""
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise wrong_type(column, name, "numbers")
    _refuse_nulls(column, name)
    if pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    with np.errstate(over="ignore"):
        values: NDArray[Any] = column.to_numpy().astype(dtype, copy=False)
    finite = np.isfinite(values)
    if not finite.all():
        row = int(finite.argmin())
        what = "NaN" if np.isnan(values[row]) else f"infinite as {np.dtype(dtype).name}"
        raise cell(row, name, "file.not_finite", f"it is {what}; it must be a finite number.")
    return values


def integers(column: pa.ChunkedArray, name: str) -> NDArray[np.int64]:
    """Return a column of 64-bit integers, also if they are written as texts."""
    column = _whole(column, name)
    kind = column.type
    if pa.types.is_integer(kind):
        _refuse_nulls(column, name)
    else:
        if pa.types.is_boolean(kind):
            raise wrong_type(column, name, "whole numbers")
        column = decoded(texts(column, name))
        right = pc.match_substring_regex(column, WHOLE_NUMBER)
        if (row := first(pc.invert(right))) is not None:
            said = f"{quoted(column[row].as_py())} is not a whole number."
            raise cell(row, name, "file.not_a_number", said)
    try:
        values: NDArray[np.int64] = column.cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid as error:  # unsigned 64-bit ones
        raise wrong_type(column, name, "numbers below 2^63") from error
    return values


def _plain(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Return the same values in a type that is read here, whatever a library calls its texts."""
    with _refusing(name):
        kind = column.type
        if isinstance(kind, pa.BaseExtensionType):
            pieces = [chunk.storage for chunk in column.chunks]
            return _plain(pa.chunked_array(pieces, kind.storage_type), name)
        if pa.types.is_dictionary(kind):
            plain_already = pa.types.is_string(kind.value_type)
            plain_already |= pa.types.is_large_string(kind.value_type)
            return column if plain_already else _plain(column.cast(kind.value_type), name)
        if pa.types.is_fixed_size_binary(kind):
            column, kind = column.cast(pa.large_binary()), pa.large_binary()
        if pa.types.is_string_view(kind):
            return column.cast(pa.large_string())
        if any(test(kind) for test in _BINARY):
            try:
                return column.cast(pa.large_string())
            except pa.ArrowInvalid as error:
                detail = f"Column {quoted(name)} holds bytes that are not UTF-8."
                raise refused("file.encoding", detail) from error
        return column


def _require_utf8(column: pa.ChunkedArray, name: str) -> None:
    """Refuse texts that are not UTF-8: Arrow does not check those of a Parquet file.

    Else showing one of them later would fail.
    """
    if not _is_text(column.type) and not pa.types.is_dictionary(column.type):
        return
    if _is_valid(column):
        return
    texts = decoded(column)  # A dictionary may have values that no row uses.
    if not _is_valid(texts):
        row = first_row(lambda rows: not _is_valid(texts.slice(0, rows)), len(texts))
        raise cell(row - 1, name, "file.encoding", "it is not UTF-8. Save the file as UTF-8.")


def _is_valid(column: pa.ChunkedArray) -> bool:
    try:
        column.validate(full=True)
    except pa.ArrowException:
        return False
    return True


def _whole(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Return floats that are all whole (`1.0`) as integers; anything else as it is."""
    kind = column.type
    if not (pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        return column
    _refuse_nulls(column, name)
    with _refusing(name):
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:  # fractions, or beyond 64 bits
            return column


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    """Refuse this column if Arrow can't convert it, whatever the cause."""
    try:
        yield
    except (MemoryError, Refused):
        raise
    except Exception as error:  # Arrow has no single class for conversion errors.
        detail = f"Column {quoted(name)} can't be read ({type(error).__name__})."
        raise refused("file.column_type", f"{detail} Save it as plain texts or numbers.") from error


def decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return texts without a dictionary, with 64-bit offsets."""
    return column.cast(pa.large_string())


def codes(column: pa.ChunkedArray, known: Sequence[str]) -> pa.ChunkedArray:
    """Return the index of each text among the known ones, or null."""
    values = pa.array(known, pa.string())
    if pa.types.is_dictionary(column.type):
        pieces = [_dictionary_codes(chunk, values) for chunk in column.chunks]
        return pa.chunked_array(pieces, pa.int32())
    return pc.index_in(column, value_set=values.cast(column.type))


def first(truths: pa.ChunkedArray) -> int | None:
    """Return the first row that is true, if any."""
    row = pc.index(truths, pa.scalar(True)).as_py()
    return None if row < 0 else int(row)


def wrong_type(column: pa.ChunkedArray, name: str, expected: str) -> Exception:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    detail = f"Column {quoted(name)} is of {quoted(str(kind))}; it must hold {expected}."
    return refused("file.column_type", detail)


def _refuse_nulls(column: pa.ChunkedArray, name: str) -> None:
    if column.null_count:
        row = first(column.is_null())
        raise cell(row or 0, name, "file.cell_empty", "it is empty.")


def _dictionary_codes(chunk: pa.DictionaryArray, values: pa.Array) -> pa.Array:
    known = pc.index_in(chunk.dictionary, value_set=values.cast(chunk.dictionary.type))
    return known.take(chunk.indices)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
