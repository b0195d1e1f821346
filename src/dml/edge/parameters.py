"""A parameter that a route does not know is refused, as an unknown field of a body is.

A misspelt `?stat=open` would otherwise be a list of everything.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel

from dml.edge.http import begin, open_for_anybody


def refuse_unknown_parameters(request: Request) -> None:
    """For every route of the API. Who sends no token is told first that they need one.

    Lists, which anybody may read, refuse what they do not know by their own shape.
    """
    asked = [name for name, _ in request.query_params.multi_items()]
    if not asked or not request.url.path.startswith("/v1/"):
        return
    if "authorization" not in request.headers:  # No `Credentials`: all routes would seem to ask.
        return
    known = _known(request.scope["route"].dependant)
    wrong = {name: "is no parameter here" for name in asked if name not in known}
    wrong |= {name: "must be there once" for name in asked if asked.count(name) > 1}
    if wrong:
        errors = [
            {"type": "extra_forbidden", "loc": ("query", name), "msg": detail}
            for name, detail in wrong.items()
        ]
        raise RequestValidationError(errors)


@lru_cache(maxsize=1_000)
def _names(shape: type[BaseModel]) -> frozenset[str]:
    return frozenset(field.alias or name for name, field in shape.model_fields.items())


def needs_no_token(route: APIRoute) -> bool:
    """Whether anybody may use a route; who sends a token all the same may see more."""
    called = set(_calls(route.dependant))
    return open_for_anybody in called or (begin in called and 401 not in route.responses)


def _calls(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for below in dependant.dependencies:
        yield from _calls(below)


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
