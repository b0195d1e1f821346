"""How a request finds its route, and what it costs until it is there."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import Match

from dml.edge.parameters import calls_of
from dml.edge.routing import Index


def _routes(app: FastAPI) -> Iterator[Any]:
    for it in iter_route_contexts(app.routes):
        if isinstance(it.original_route, APIRoute):
            yield it


def test_no_dependency_and_no_route_is_run_by_a_thread(app: FastAPI) -> None:
    routes = list(_routes(app))
    assert len(routes) > 100
    called = {call for route in routes for call in calls_of(route.dependant)}
    sync = [call for call in called if not _is_awaited(call)]
    assert sync == []


def _is_awaited(call: Any) -> bool:
    inner = call if inspect.isroutine(call) else type(call).__call__
    return inspect.iscoroutinefunction(inner) or inspect.isasyncgenfunction(inner)


def _paths(app: FastAPI) -> Iterator[str]:
    """Each path with something in its places, and what is nearly one."""
    odd = "01890a5d-ac96-774b-bcce-b302099a8057", "me", "limits", "a.csv", "%2F", "ä", "{job_id}"
    formats = {it.path_format for it in _routes(app)}
    for path in [*formats, "/", "/docs", "/docs/files/swagger-ui.css", "/openapi.json", "", "*"]:
        for value in odd:
            filled = re.sub(r"\{\w+\}", value, path)
            yield filled
            yield from (f"{filled}/", f"/{filled}", f"{filled}\n", f"{filled}/me", f"{filled}.csv")
            yield filled.upper()
        yield re.sub(r"\{\w+\}", "", path)
        yield re.sub(r"\{\w+\}", "a/b", path)


def _walk(app: FastAPI, method: str, path: str) -> tuple[Any, dict[str, str]] | None:
    """Find a route as Starlette does: the first one that takes path and method."""
    scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
    for it in iter_route_contexts(app.routes):
        match, found = it.matches(scope)
        if match is Match.FULL:
            return it.original_route, found["path_params"]
    return None


def test_the_index_finds_what_the_router_would_find(app: FastAPI) -> None:
    index = app.router.middleware_stack
    assert isinstance(index, Index)
    for path in sorted(set(_paths(app))):
        for method in ("GET", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"):
            found = index.find(method, path)
            if found is not None:
                route, places = found
                assert (route.original_route, places) == _walk(app, method, path), path


def test_the_index_finds_every_route(app: FastAPI) -> None:
    index = app.router.middleware_stack
    assert isinstance(index, Index)
    for route in _routes(app):
        path = re.sub(r"\{\w+\}", "01890a5d-ac96-774b-bcce-b302099a8057", route.path_format)
        for method in route.methods:
            found = index.find(method, path)
            assert found is not None
            assert found[0].original_route is route.original_route
