"""Connections (Relay's) of REST's pages: the same rows, in the same order, by the same cursors."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

import strawberry
from pydantic import BaseModel
from strawberry.types.field import StrawberryField

from dml.core import money
from dml.core.keyset import Last, Seen, to_microseconds
from dml.edge.graphql.operations import Operation
from dml.edge.graphql.shapes import Shapes, described, list_of, made_field, made_type
from dml.edge.names import schema_name
from dml.edge.paging import Page, Paging, SortedPaging

Cursor: TypeAlias = Callable[[Mapping[str, Any], Mapping[str, Any]], str]
PAGED: Final = ("items", "next_cursor")


@strawberry.type(description="Which part of a list a page is.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follow.")
    has_previous_page: bool = strawberry.field(description="Whether this is not the first page.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first edge.")
    end_cursor: str | None = strawberry.field(
        description="For `after`, to get the next page; `null` where nothing follows, or is shown."
    )


def is_page(shape: type[BaseModel]) -> bool:
    return all(name in shape.model_fields for name in PAGED)


def item_of(shape: type[BaseModel]) -> type[BaseModel]:
    """Return the shape of a page's items."""
    hint: Any = shape.model_fields["items"].annotation
    item: type[BaseModel] = hint.__args__[0]
    return item


def connection(shapes: Shapes, shape: type[BaseModel]) -> Any:
    """Return the type of a page of this shape, with what it tells beside its items."""
    item = shapes.answer(item_of(shape))
    of = item.__strawberry_definition__.name
    plain = shape.__name__.startswith(f"{Page.__name__}[")
    name = f"{of}Connection" if plain else _connection_name(shape)
    if name in shapes.out:
        return shapes.out[name]
    if f"{of}Edge" not in shapes.out:
        shapes.out[f"{of}Edge"] = made_type(f"{of}Edge", _edge(item))
    edge = shapes.out[f"{of}Edge"]
    fields = [
        made_field("edges", list_of(edge), "The items, each with its cursor."),
        made_field("nodes", list_of(item), "The items alone."),
        made_field("page_info", PageInfo, None),
        *_beside(shapes, shape),
    ]
    told = None if plain else described(shape)
    shapes.out[name] = made_type(name, fields, description=told or f"A page of a list of {of}.")
    return shapes.out[name]


def _connection_name(shape: type[BaseModel]) -> str:
    name = schema_name(shape.__name__)
    return f"{name.removesuffix('Page')}Connection" if name.endswith("Page") else name


def _edge(item: Any) -> Iterable[StrawberryField]:
    told = "Its place in the list, for `after`; `null` where only a page's end has one."
    return made_field("node", item, None), made_field("cursor", str | None, told)


def _beside(shapes: Shapes, shape: type[BaseModel]) -> Iterable[StrawberryField]:
    for name, told in shape.model_fields.items():
        if name not in PAGED:
            yield made_field(name, shapes.of(told.annotation), told.description)


def cursor_of(operation: Operation) -> Cursor | None:
    """Return how a cursor is written, where each row of a list has one of its own."""
    shape, answer = operation.query_shape, operation.answer
    if shape is None or answer is None or "id" not in item_of(answer).model_fields:
        return None
    if issubclass(shape, SortedPaging):
        if not shape.sorts_by_fields:
            return None
        by_default = str(shape.model_fields["sort"].default)
        return lambda row, given: _seen(given.get("sort") or by_default, row)
    return _last if issubclass(shape, Paging) else None


def _last(row: Mapping[str, Any], _: Mapping[str, Any]) -> str:
    return Last(UUID(row["id"])).write()


def _seen(sort: str, row: Mapping[str, Any]) -> str:
    value: Any = row[sort.removeprefix("-")]
    if isinstance(value, str) and value[-1:] == "Z":
        value = to_microseconds(datetime.fromisoformat(value))
    elif isinstance(value, str):
        value = money.parse(value)
    return Seen(sort, value, UUID(row["id"])).write()


def as_connection(
    page: dict[str, Any], cursor: Cursor | None, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a page as REST answers it in the form of a connection."""
    items, following = page["items"], page["next_cursor"]
    cursors = [cursor(it, given) for it in items] if cursor else [None] * len(items)
    if cursor is None and items:
        cursors[-1] = following
    return {
        **page,
        "edges": [{"node": it, "cursor": at} for it, at in zip(items, cursors, strict=True)],
        "nodes": items,
        "page_info": {
            "has_next_page": following is not None,
            "has_previous_page": given.get("after") is not None,
            "start_cursor": cursors[0] if cursors else None,
            "end_cursor": cursors[-1] if cursors else None,
        },
    }
