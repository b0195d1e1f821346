"""Reads the query string of a list at once.

FastAPI reads a shape that stands for a query field by field, and finds out anew in each request
whether a field is a list, and by which names it goes: a sixth of a list's processor time. Here the
shape reads them all. What it refuses, FastAPI reads again, and says what is wrong: so there is one
place that does (docs/decisions/0034).
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final, get_args, get_origin

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_dependant
from pydantic import BaseModel, ValidationError

_READ: Final = "dml.query"  # Where the scope of a request has it.
_MANY: Final = (list, set, frozenset, tuple, dict)


def without(described: Dependant) -> Dependant | None:
    """Return what a route depends on with its query already read; None where it has no such query.

    Of a shape alone, each of whose fields has one value, and goes by its own name.
    """
    shape = _shape(described)
    if shape is None:
        return None
    (field,) = described.query_params
    read = get_dependant(path=described.path or "", call=_read_before, name=field.name)
    return replace(described, query_params=[], dependencies=[*described.dependencies, read])


def read(request: Request) -> bool:
    """Read the query of a route that has one of those. Whether it is good."""
    shape = _shape(request.scope["route"].dependant)
    assert shape is not None
    try:
        request.scope[_READ] = shape.model_validate(dict(request.query_params))
    except ValidationError:
        return False
    return True


async def _read_before(request: Request) -> Any:
    return request.scope[_READ]


def _shape(described: Dependant) -> type[BaseModel] | None:
    if len(described.query_params) != 1:
        return None
    shape: Any = described.query_params[0].field_info.annotation
    if not (isinstance(shape, type) and issubclass(shape, BaseModel)):
        return None
    fields: Iterable[Any] = shape.model_fields.values()
    is_plain = all(it.alias is None and not _is_many(it.annotation) for it in fields)
    return shape if is_plain else None


def _is_many(annotation: Any) -> bool:
    return get_origin(annotation) in _MANY or any(map(_is_many, get_args(annotation)))
