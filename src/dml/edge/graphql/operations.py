"""Operations of REST, run inside this process for fields of the graph (docs/decisions/0038).

A field hands its route what a request would: its route refuses, opens its transaction, keeps its
Idempotency-Key and commits as ever, and nothing of that is there a second time.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from starlette.types import Message, Scope

from dml.core import metrics
from dml.core.wire import Body
from dml.edge.bodies import BODY, Body as Incoming
from dml.edge.etags import tell_revision
from dml.edge.parameters import calls_of

# Of the request that brought the query: what its own body and answer are, is not the operation's.
_NOT_HANDED_ON: Final = (b"content-", b"if-", b"idempotency-", b"transfer-", b"accept", b"range")
_OUTCOMES: Final = {2: "ok", 4: "refused"}


class Refused(Exception):
    """An operation answered with a problem document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        super().__init__(document["title"])
        self.document = document


@dataclass(frozen=True, slots=True)
class Sent:
    """What a field hands its operation."""

    places: Mapping[str, str]
    query: Mapping[str, Any]
    body: Any = None
    idempotency_key: str | None = None
    if_match: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """A route, and what it takes and gives, as far as the graph has to know."""

    id: str
    route: APIRoute
    method: str
    context: RouteContext

    @property
    def description(self) -> str:
        return self.route.description

    @property
    def answer(self) -> type[BaseModel] | None:
        """The shape of its answer; None where it answers no JSON."""
        shape = self.route.response_model
        return shape if isinstance(shape, type) and issubclass(shape, BaseModel) else None

    @property
    def is_empty(self) -> bool:
        return self.route.status_code == 204

    @property
    def body(self) -> type[Body] | None:
        """The shape of its body; None where it takes none, or a file."""
        taken = self.route.body_field
        shape: Any = None if taken is None else taken.field_info.annotation
        return shape if isinstance(shape, type) and issubclass(shape, Body) else None

    @property
    def needs_body(self) -> bool:
        taken = self.route.body_field
        return taken is not None and taken.field_info.is_required()

    @property
    def places(self) -> Mapping[str, FieldInfo]:
        return {it.alias: it.field_info for it in self.route.dependant.path_params}

    @property
    def query_shape(self) -> type[BaseModel] | None:
        """The one shape that has all parameters of the query string, if there is one."""
        for it in self.route.dependant.query_params:
            shape: Any = it.field_info.annotation
            if isinstance(shape, type) and issubclass(shape, BaseModel):
                return shape
        return None

    @property
    def query(self) -> Mapping[str, FieldInfo]:
        shape = self.query_shape
        if shape is not None:
            return {it.alias or name: it for name, it in shape.model_fields.items()}
        return {it.alias: it.field_info for it in self.route.dependant.query_params}

    @property
    def takes_key(self) -> bool:
        return "Idempotency-Key" in set(_headers_of(self.route.dependant))

    @property
    def takes_version(self) -> bool:
        return "if-match" in set(_headers_of(self.route.dependant))

    @property
    def tells_version(self) -> bool:
        return tell_revision in set(calls_of(self.route.dependant))

    async def run(self, asking: Scope, sent: Sent) -> Any:
        """Run it as the request `asking` would have: return its JSON, or raise Refused."""
        got, began = _Answer(), time.perf_counter()
        try:
            await self.context.app(self._scope(asking, sent), _receiver(sent.body), got.receive)
        finally:
            outcome = _OUTCOMES.get(got.status // 100, "failed")
            metrics.OPERATION_SECONDS.observe(time.perf_counter() - began, self.id, outcome)
        document: Any = msgspec.json.decode(got.body) if got.body else {}
        if got.status >= 400:
            raise Refused(document)
        if self.is_empty:
            return True
        if self.tells_version:
            document["etag"] = got.headers.get(b"etag", b"").decode("latin-1")
        return document

    async def stream(self, asking: Scope, sent: Sent) -> AsyncGenerator[bytes]:
        """Run one that streams, and yield its pieces, each as the one before is taken. Raises
        Refused where it answers with no stream.
        """
        got = _Pieces()
        app, scope = self.context.app, self._scope(asking, sent)
        running = asyncio.create_task(app(scope, _nothing, got.receive))
        running.add_done_callback(lambda _: got.come.set())
        try:
            while not running.done() or got.piece is not None:
                await got.come.wait()
                piece = got.take()
                if piece is not None:
                    yield piece
            await running
            if got.status >= 400:
                raise Refused(msgspec.json.decode(got.body))
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def _scope(self, asking: Scope, sent: Sent) -> Scope:
        path = self.route.path_format.format(**sent.places)
        headers = [it for it in asking["headers"] if not it[0].startswith(_NOT_HANDED_ON)]
        if sent.body is not None:
            headers.append((b"content-type", b"application/json"))
        for name, value in (
            (b"idempotency-key", sent.idempotency_key),
            (b"if-match", sent.if_match),
        ):
            if value is not None:
                headers.append((name, value.encode("utf-8", "replace")))
        return {
            **asking,
            BODY: Incoming(asking[BODY].limit, None),
            "method": self.method,
            "path": path,
            "raw_path": path.encode("utf-8", "replace"),
            "query_string": urlencode(list(_as_text(sent.query)), errors="replace").encode(),
            "headers": headers,
            "state": {},
            "route": self.context.original_route,
            "endpoint": self.context.endpoint,
            "path_params": dict(sent.places),
        }


def operations_of(app: FastAPI) -> dict[str, Operation]:
    """Return the operations of an app by their ids."""
    found: dict[str, Operation] = {}
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and route.operation_id and context.include_in_schema:
            (method,) = context.methods or {"GET"}
            found[route.operation_id] = Operation(route.operation_id, route, method, context)
    return found


def _headers_of(dependant: Dependant) -> Iterator[str]:
    yield from (it.alias for it in dependant.header_params)
    for below in dependant.dependencies:
        yield from _headers_of(below)


def _as_text(query: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in query.items():
        yield name, str(value).lower() if isinstance(value, bool) else str(value)


class _Answer:
    """What an operation answers, as it comes."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: dict[bytes, bytes] = {}
        self.body = b""

    async def receive(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.body += message.get("body", b"")


class _Pieces(_Answer):
    """What an operation streams, one piece at a time; of a refusal, all of it."""

    def __init__(self) -> None:
        super().__init__()
        self.piece: bytes | None = None
        self.come, self.taken = asyncio.Event(), asyncio.Event()

    async def receive(self, message: Message) -> None:
        if message["type"] == "http.response.start" or self.status >= 400:
            await super().receive(message)
        elif message.get("body"):
            self.piece = message["body"]
            self.taken.clear()
            self.come.set()
            await self.taken.wait()

    def take(self) -> bytes | None:
        piece, self.piece = self.piece, None
        self.come.clear()
        self.taken.set()
        return piece


async def _nothing() -> Message:
    """Wait for what a client sends of its own, which is nothing."""
    await asyncio.Event().wait()
    raise AssertionError


def _receiver(body: Any) -> Any:
    # Escaped, so that half of a character is judged by the route, not here.
    content = b"" if body is None else json.dumps(body).encode()

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    return receive
