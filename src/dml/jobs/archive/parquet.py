"""Assignments as a Parquet file (format 2.6, gzip), and back: what an archive holds. Pure.

The same rows give the same bytes, for the same version of Arrow. Bodies come in pages of a bounded
size, each one piece of gzip, so that one of them is read without the rest of the file, and without
Arrow (`archives.find_body`).

Importing this costs a process 40 MB: only the archiver and the command line do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any, Final
from uuid import UUID

import pyarrow as pa
from pyarrow import parquet

pa.set_memory_pool(pa.system_memory_pool())  # Arrow's own keeps 40 MB more than it needs.

PAGE_BYTES: Final = 128 * 1024  # Of bodies, in a page: or one body, where that is larger.
_NEVER_SPLIT: Final = 2**30  # A page for each column of a row group.


@dataclass(frozen=True, slots=True)
class Row:
    """An assignment that is over, and the canonical body that its device handed in, if any."""

    id: UUID
    device_id: UUID
    owner_id: UUID
    state: str
    tries: int
    created_at: datetime
    fold_id: UUID | None
    received_at: datetime | None
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Packed:
    """A file; where its pages of bodies begin and end; and the page of each row, from 0."""

    content: bytes
    pages: list[int]
    page_of: list[int]


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What a file says of itself, and its rows."""

    facts: dict[str, str]
    rows: list[Row]


def _at() -> pa.DataType:
    return pa.timestamp("us", tz="UTC")


_SCHEMA: Final = pa.schema(
    [
        pa.field("id", pa.uuid(), nullable=False),
        pa.field("device_id", pa.uuid(), nullable=False),
        pa.field("owner_id", pa.uuid(), nullable=False),
        pa.field("state", pa.string(), nullable=False),
        pa.field("tries", pa.int16(), nullable=False),
        pa.field("created_at", _at(), nullable=False),
        pa.field("fold_id", pa.uuid()),
        pa.field("received_at", _at()),
        pa.field("body", pa.binary()),
    ]
)
_BODY: Final = _SCHEMA.get_field_index("body")


def pack(rows: Sequence[Row], facts: dict[str, str]) -> Packed:
    """Write rows, in the order that they come in, with `facts` about the whole. O(bytes)."""
    file = BytesIO()
    page_of: list[int] = []
    with parquet.ParquetWriter(
        file,
        _SCHEMA,
        compression="gzip",
        compression_level=5,  # The default, 9, takes five times as long for 8 % less.
        use_dictionary=False,
        write_statistics=False,
        store_schema=False,
        data_page_version="1.0",
        data_page_size=_NEVER_SPLIT,
        version="2.6",
    ) as writer:
        for number, group in enumerate(_groups(rows)):
            writer.write_table(_table(group), row_group_size=len(group))
            page_of += [number] * len(group)
        writer.add_key_value_metadata(facts)
    content = file.getvalue()
    return Packed(content, _pages(content), page_of)


def unpack(content: bytes) -> Unpacked:
    """Read a file that `pack` wrote. pyarrow.ArrowException where it is none."""
    file = parquet.ParquetFile(BytesIO(content))
    columns = [column.to_pylist() for column in file.read().select(_SCHEMA.names).columns]
    rows = [Row(*values) for values in zip(*columns, strict=True)]
    said = file.metadata.metadata or {}
    return Unpacked({key.decode(): value.decode() for key, value in said.items()}, rows)


def _groups(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Cut rows where their bodies would fill more than a page."""
    group: list[Row] = []
    size = 0
    for row in rows:
        more = len(row.body or b"")
        if group and size + more > PAGE_BYTES:
            yield group
            group, size = [], 0
        group.append(row)
        size += more
    if group:
        yield group


def _table(rows: Sequence[Row]) -> pa.Table:
    arrays = [_array(field.type, [getattr(row, field.name) for row in rows]) for field in _SCHEMA]
    return pa.Table.from_arrays(arrays, schema=_SCHEMA)


def _array(kind: pa.DataType, values: list[Any]) -> pa.Array:
    if kind == pa.uuid():
        stored = pa.array([None if it is None else it.bytes for it in values], pa.binary(16))
        return pa.ExtensionArray.from_storage(kind, stored)
    return pa.array(values, kind)


def _pages(content: bytes) -> list[int]:
    metadata = parquet.read_metadata(BytesIO(content))
    pages: list[int] = []
    for number in range(metadata.num_row_groups):
        chunk = metadata.row_group(number).column(_BODY)
        pages += (chunk.data_page_offset, chunk.data_page_offset + chunk.total_compressed_size)
    return pages
