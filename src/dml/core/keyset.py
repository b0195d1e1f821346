"""Lists cut into pages by the last row that was seen (keyset), and the cursors that carry it.

Each cursor is a `Place`: made, read and refused in one way. A key of a sorted list is an integer
whatever the column holds, so that a cursor can carry it and none can be made up that PostgreSQL
would not read.
"""

import struct
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self, TypeVarTuple
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Select, tuple_

from dml.core import base64url
from dml.core.wire import EARLIEST, LATEST

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SEEN: Final = struct.Struct(">q16s")  # A key and an id; the sort follows, as text.
_WRONG: Final = "must be the `next_cursor` of an earlier page"
Columns = TypeVarTuple("Columns")


class Place(ABC):
    """Where a page ended, which its cursor carries as bytes. Opaque to clients."""

    __slots__ = ()

    @abstractmethod
    def pack(self) -> bytes: ...

    @classmethod
    @abstractmethod
    def unpack(cls, content: bytes) -> Self:
        """Read what `pack` made, or raise ValueError, OverflowError or struct.error."""

    def write(self) -> str:
        """Return the cursor."""
        return base64url.encode(self.pack())

    @classmethod
    def read(cls, cursor: str) -> Self:
        """Read what `write` wrote. ValueError where it is anything else."""
        try:
            return cls.unpack(base64url.decode(cursor))
        except (ValueError, OverflowError, struct.error):
            raise ValueError(_WRONG) from None


@dataclass(frozen=True, slots=True)
class Last(Place):
    """The last row of a page of a list that is sorted by its ids."""

    id: UUID

    def pack(self) -> bytes:
        return self.id.bytes

    @classmethod
    def unpack(cls, content: bytes) -> Self:
        return cls(UUID(bytes=content))


@dataclass(frozen=True, slots=True)
class Seen(Place):
    """The last row of a page: how the list is sorted, that row's value of it, and its id."""

    sort: str
    key: int
    id: UUID

    @classmethod
    def of(cls, sort: str, row: Any) -> "Seen":
        """Remember a row of a list that is sorted by this: `closes_at`, or `-closes_at`."""
        value = getattr(row, sort.removeprefix("-"))
        key = to_microseconds(value) if isinstance(value, datetime) else int(value)
        return cls(sort, key, row.id)

    def pack(self) -> bytes:
        return _SEEN.pack(self.key, self.id.bytes) + self.sort.encode()

    @classmethod
    def unpack(cls, content: bytes) -> Self:
        key, id_bytes = _SEEN.unpack_from(content)
        return cls(content[_SEEN.size :].decode(), key, UUID(bytes=id_bytes))


def to_microseconds(moment: datetime) -> int:
    """Return the whole microseconds since 1970: what a cursor carries of a moment."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(number: int) -> datetime:
    """Return the moment of that many. OverflowError where the calendar has none."""
    return _EPOCH + number * _MICROSECOND


def moment_of(key: int) -> datetime:
    """Return the moment that a cursor carries; one beyond all moments is the last of them."""
    first, last = to_microseconds(EARLIEST), to_microseconds(LATEST)
    return from_microseconds(max(first, min(key, last)))


def in_order(
    query: Select[*Columns],
    sort: str,
    after: Seen | None,
    *,
    columns: Mapping[str, ColumnElement[Any]],
    id_column: ColumnElement[Any],
) -> Select[*Columns]:
    """Sort by a column and then by the id (backwards where `sort` begins with `-`), from `after`.

    An index on both makes any page cost the same.
    """
    down = sort.startswith("-")
    column = columns[sort.removeprefix("-")]
    if after is not None:
        assert after.sort == sort
        place, last = tuple_(column, id_column), tuple_(_value(column, after.key), after.id)
        query = query.where(place < last if down else place > last)
    keys = (column, id_column)
    return query.order_by(*(it.desc() if down else it.asc() for it in keys))


def _value(column: ColumnElement[Any], key: int) -> datetime | int:
    """Turn a key into what the column holds."""
    return moment_of(key) if isinstance(column.type, DateTime) else key
