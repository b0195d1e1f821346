"""How a request finds its route, and how a route of ours reads and answers: JSON strictly, and each
read with a version.
"""

import email.message
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.routing import (
    APIRoute,
    RouteContext,
    _effective_route_context_var,
    iter_route_contexts,
)
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from dml.core import strict_json, tracing
from dml.edge import etags, query
from dml.edge.parameters import refuse_odd_parameters

_JSON: Final = "application/json"


class StrictRequest(Request):
    """A request whose body is read as JSON that has one meaning, in the type that it says."""

    async def json(self) -> Any:
        _require_json(self.headers.get("content-type", ""))
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            raise HTTPException(415, "Send the body as it is, without `Content-Encoding`.")
        return strict_json.read(await self.body())


def _require_json(content_type: str) -> None:
    """Refuse a type that is like JSON's, and another charset than JSON has."""
    header = email.message.Message()
    header["content-type"] = content_type
    charset = header.get_param("charset", "utf-8")
    if header.get_content_type() != _JSON or str(charset).lower() not in ("utf-8", "utf8"):
        raise HTTPException(415, f"Send the body as UTF-8, with `Content-Type: {_JSON}`.")


Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictRoute(APIRoute):
    """A route of the API."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        quick = self._quick_handler()

        async def handle_strictly(request: Request) -> Response:
            refuse_odd_parameters(request)
            chosen = quick if quick is not None and query.read(request) else handle
            response = await chosen(StrictRequest(request.scope, request.receive))
            if response.status_code in (200, 201) and not isinstance(response, StreamingResponse):
                etags.complete(response, is_read=request.method == "GET")
            return response

        return handle_strictly

    def _quick_handler(self) -> Handler | None:
        """Return a handler for queries that `query.read` has read; None where it reads none.

        FastAPI makes a handler of what the route's context has at that moment, if it has one.
        """
        route: Any = _effective_route_context_var.get() or self
        described = route.dependant
        quick = query.without(described)
        if quick is None:
            return None
        route.dependant = quick
        try:
            return super().get_route_handler()
        finally:
            route.dependant = described


_PLACE: Final = re.compile(r"\{\w+\}")  # All of a segment; it takes any text without a slash.


@dataclass(slots=True)
class _Segments:
    """What may follow some segments of a path, and the routes that end here, by method."""

    named: dict[str, "_Segments"] = field(default_factory=dict)
    any: "_Segments | None" = None
    routes: dict[str, tuple[int, RouteContext]] = field(default_factory=dict)

    def below(self, segment: str) -> "_Segments":
        if _PLACE.fullmatch(segment) is None:
            return self.named.setdefault(segment, _Segments())
        self.any = self.any or _Segments()
        return self.any


class Index:
    """ASGI, around the routes of an app: finds by its segments what the router finds by asking one
    route after the other, twice, which took a third of a short request (docs/decisions/0025).

    What it does not find, or not surely, the router looks for as ever: so there is one place that
    says what is no path here, and which methods a path has.
    """

    def __init__(self, app: FastAPI) -> None:
        """Take the routes that an app has now; those of other kinds are the router's alone."""
        self._router = app.router
        self._walk = app.router.app
        self._root = _Segments()
        for number, route in enumerate(iter_route_contexts(app.routes)):
            self._add(number, route)

    def _add(self, number: int, route: RouteContext) -> None:
        path = route.path_format or ""
        segments = path.split("/")[1:]
        is_plain = route.path == path and all("{" not in _PLACE.sub("", it) for it in segments)
        if not isinstance(route.original_route, APIRoute) or not is_plain:
            return
        at = self._root
        for it in segments:
            at = at.below(it)
        for method in route.methods or ():
            at.routes.setdefault(method, (number, route))

    def find(self, method: str, path: str) -> tuple[RouteContext, dict[str, str]] | None:
        """Return the route, and what is in the places of its path. O(segments), most often."""
        if path.endswith("\n"):  # Which the end of the router's expressions takes, or not.
            return None
        ends = [self._root]
        for segment in path.split("/")[1:]:
            named = [it.named[segment] for it in ends if segment in it.named]
            ends = named + [it.any for it in ends if it.any is not None]
            if not ends:
                return None
        found = [it.routes[method] for it in ends if method in it.routes]
        if not found:
            return None
        _, route = min(found, key=lambda it: it[0])  # The router takes the first one, too.
        match = route.path_regex.match(path)
        return None if match is None else (route, match.groupdict())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = None
        if scope["type"] == "http" and not scope.get("root_path"):
            found = self.find(scope["method"], scope["path"])
        if found is None:
            await self._walk(scope, receive, send)
            return
        route, places = found
        scope.update(
            route=route.original_route,
            endpoint=route.endpoint,
            path_params=places,
            router=self._router,
        )
        tracing.name_request(scope["method"], route.path_format or "")
        await route.app(scope, receive, send)


def find_at_once(app: FastAPI) -> None:
    """Have an app find its routes by an index. Call it when it has all of them."""
    app.router.middleware_stack = Index(app)
