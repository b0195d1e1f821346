"""A parameter that a route does not know is refused, as an unknown field of a body is.

A misspelt `?stat=open` would otherwise be a list of everything. And an id in a path is written in
one way, as it is in a body.
"""

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel

from dml.core.ids import ID_TYPES
from dml.core.wire import read_id
from dml.edge.http import begin, find_actor, open_for_anybody


def refuse_odd_parameters(request: Request) -> None:
    """For every route of the API: refuse what is unknown, there twice, no text, or no id.

    Called by the route itself: as a dependency, it took FastAPI longer to ask than it takes.

    Who may not ask at all is told that first (`problems.refuse_input`).
    """
    dependant = request.scope["route"].dependant
    wrong: list[tuple[tuple[str, ...], str]] = list(_wrong_ids(request, dependant))
    if request.scope["query_string"] and request.url.path.startswith("/v1/"):
        wrong += _wrong_names(request, dependant)
    if wrong:
        raise RequestValidationError(
            [{"type": "value_error", "loc": loc, "msg": detail} for loc, detail in wrong]
        )


def _wrong_ids(request: Request, dependant: Dependant) -> Iterator[tuple[tuple[str, ...], str]]:
    for it in dependant.path_params:
        if it.field_info.annotation in ID_TYPES:
            try:
                read_id(request.path_params[it.alias])
            except ValueError as error:
                yield ("path", it.alias), str(error)


def _wrong_names(request: Request, dependant: Dependant) -> Iterator[tuple[tuple[str, ...], str]]:
    known = _known(dependant)
    for name, times in Counter(it for it, _ in request.query_params.multi_items()).items():
        if name not in known:
            yield ("query", name), "is no parameter here"
        elif times > 1:
            yield ("query", name), "must be there once"
    try:
        unquote_to_bytes(request.scope["query_string"]).decode()
    except UnicodeDecodeError:
        yield ("query",), "the query is no UTF-8"


@lru_cache(maxsize=1_000)
def _names(shape: type[BaseModel]) -> frozenset[str]:
    return frozenset(field.alias or name for name, field in shape.model_fields.items())


def needs_no_token(route: APIRoute) -> bool:
    """Whether anybody may use a route; who sends a token all the same may see more."""
    called = set(calls_of(route.dependant))
    optional = open_for_anybody in called or find_actor in called
    return optional or (begin in called and 401 not in route.responses)


def calls_of(dependant: Dependant) -> Iterator[Any]:
    """Yield what a route calls, and what it depends on."""
    yield dependant.call
    for below in dependant.dependencies:
        yield from calls_of(below)


def _known(dependant: Dependant) -> set[str]:
    """Name the parameters of a route and of what it depends on."""
    known: set[str] = set()
    for it in dependant.query_params:
        shape: Any = it.field_info.annotation
        if isinstance(shape, type) and issubclass(shape, BaseModel):
            known |= _names(shape)
        else:
            known.add(it.alias)
    return known.union(*(_known(below) for below in dependant.dependencies))
