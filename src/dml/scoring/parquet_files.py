"""Reading a stranger's Parquet file. Only in a locked child."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet

from dml.inference.signature import Refused
from dml.scoring.glance import quoted, refused
from dml.scoring.limits import (
    COLUMNS_MAX,
    HEADER_BYTES_MAX,
    ROW_GROUPS_MAX,
    ROWS_MAX,
    UNFOLDED_BYTES_MAX,
)

_OPTIONS: Final[Mapping[str, Any]] = {
    "pre_buffer": False,  # it would start threads
    "thrift_string_size_limit": 64 << 20,
    "thrift_container_size_limit": 10_000_000,
}


class ParquetFile:
    """An open file of which only the metadata was read; or Refused."""

    def __init__(self, content: bytes, texts: Sequence[str]) -> None:
        """`texts` are columns that may hold repeated texts."""
        source = pa.BufferReader(content)
        with _understanding():
            schema = pyarrow.parquet.ParquetFile(source, **_OPTIONS).schema_arrow
            # Else one text, stored once and referred to a million times, would fill the memory.
            dictionaries = [name for name in texts if pa.types.is_string(_type_in(schema, name))]
            self._file = pyarrow.parquet.ParquetFile(
                source, read_dictionary=dictionaries, **_OPTIONS
            )
            self.schema: pa.Schema = self._file.schema_arrow
            self._metadata: Any = self._file.metadata
            rows, names = self._metadata.num_rows, self.schema.names
        if len(names) > COLUMNS_MAX or self._metadata.num_columns > COLUMNS_MAX:
            raise refused("file.too_many_columns", f"At most {COLUMNS_MAX} columns are allowed.")
        if sum(map(len, names)) > HEADER_BYTES_MAX:
            raise refused("file.header", f"Column names have more than {HEADER_BYTES_MAX} letters.")
        if not 0 <= rows <= ROWS_MAX:
            raise refused("file.too_many_rows", f"It has {rows} rows; {ROWS_MAX} are allowed.")
        if self._metadata.num_row_groups > ROW_GROUPS_MAX:
            raise refused(
                "file.too_many_row_groups", "It has too many row groups: write larger ones."
            )

    def read(self, names: Sequence[str]) -> pa.Table:
        """Read these columns, all of which the file has."""
        metadata, columns = self._metadata, set(names)
        sizes = (
            metadata.row_group(group).column(column).total_uncompressed_size
            for group in range(metadata.num_row_groups)
            for column in range(metadata.num_columns)
            if metadata.schema.column(column).path.partition(".")[0] in columns
        )
        if (size := sum(max(0, each) for each in sizes)) > UNFOLDED_BYTES_MAX:
            detail = f"It unfolds to {size >> 20} MiB; {UNFOLDED_BYTES_MAX >> 20} are allowed."
            raise refused("file.unfolds_too_large", detail)
        try:
            with _understanding():
                table = self._file.read(list(names), use_threads=False)
        except Refused:
            self._require_parts(names)
            raise
        if table.num_rows != metadata.num_rows:
            raise refused("file.not_parquet", "It has another number of rows than it says.")
        return table

    def _require_parts(self, names: Sequence[str]) -> None:
        """Find the first row group and column that can't be read alone, and refuse it."""
        first = 1
        for group in range(self._metadata.num_row_groups):
            last = first + self._metadata.row_group(group).num_rows - 1
            for name in names:
                with _understanding(f"Rows {first} to {last} of column {quoted(name)}"):
                    self._file.read_row_group(group, [name], use_threads=False)
            first = last + 1


@contextmanager
def _understanding(where: str = "It") -> Iterator[None]:
    """Refuse what Arrow cannot read; too little memory is not the file's fault."""
    try:
        yield
    except MemoryError:  # Arrow's own is an ArrowException, too.
        raise
    # What Arrow raises for bad bytes: invalid, cut off, no text, not supported, no such field.
    except (pa.ArrowException, OSError, ValueError, NotImplementedError, KeyError) as error:
        raise _broken(error, where) from error


def _type_in(schema: pa.Schema, name: str) -> pa.DataType:
    """Return the column's type, or the null type if there is no such column, or two."""
    at = schema.get_field_index(name)
    kind = schema.field(at).type if at >= 0 else pa.null()
    return pa.string() if pa.types.is_large_string(kind) else kind


def _broken(error: Exception, where: str) -> Refused:
    detail = f"{where} can't be read as Parquet: {quoted(str(error))}."
    return refused("file.not_parquet", detail)
