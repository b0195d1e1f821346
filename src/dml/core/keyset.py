"""Lists that are sorted by a column, cut into pages by the last row that was seen (keyset).

A key is an integer whatever the column holds, so that a cursor can carry it and none can be made
up that PostgreSQL would not read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVarTuple
from uuid import UUID

from sqlalchemy import DateTime, Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from dml.core.wire import EARLIEST, LATEST

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
Columns = TypeVarTuple("Columns")


@dataclass(frozen=True, slots=True)
class Seen:
    """The last row of a page: how the list is sorted, that row's value of it, and its id."""

    sort: str
    key: int
    id: UUID

    @classmethod
    def of(cls, sort: str, row: Any) -> "Seen":
        """Remember a row of a list that is sorted by this: `closes_at`, or `-closes_at`."""
        value = getattr(row, sort.removeprefix("-"))
        key = (value - _EPOCH) // _MICROSECOND if isinstance(value, datetime) else int(value)
        return cls(sort, key, row.id)


def in_order(
    query: Select[*Columns],
    sort: str,
    after: Seen | None,
    *,
    columns: Mapping[str, InstrumentedAttribute[Any]],
    id_column: InstrumentedAttribute[Any],
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


def _value(column: InstrumentedAttribute[Any], key: int) -> datetime | int:
    """Turn a key into what the column holds; a moment beyond all moments into the last of them."""
    if not isinstance(column.type, DateTime):
        return key
    first, last = ((it - _EPOCH) // _MICROSECOND for it in (EARLIEST, LATEST))
    return _EPOCH + max(first, min(key, last)) * _MICROSECOND
