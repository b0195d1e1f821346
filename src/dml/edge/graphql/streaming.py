"""The graph by server-sent events: a connection for each question, as graphql-sse has it in its
"distinct connections mode" (https://github.com/enisdenjo/graphql-sse).
"""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Final

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from dml.core import strict_json
from dml.core.errors import DmlError
from dml.edge.graphql.late import Asker, LateGraph
from dml.edge.graphql.schemas import GraphQuestion
from dml.edge.http import parts, read
from dml.edge.scopes import ANY
from dml.edge.streams import EVENTS, EventStream, while_admitted

_COMPLETE: Final = b"event: complete\ndata:\n\n"


def wants_events(request: Request) -> bool:
    """Whether the answer is to come as server-sent events."""
    return EVENTS in request.headers.get("accept", "")


async def answer_get(
    request: Request, graph: LateGraph, asker: Asker, page: Callable[[], Response]
) -> Response:
    """Answer a question in the query string by events; anything else with a page."""
    if not wants_events(request):
        return page()
    return await graph.answer(request, asker, _read_question(request))


def stream(
    request: Request,
    asker: Asker,
    answers: AsyncGenerator[dict[str, Any]],
    refused: Callable[[DmlError], dict[str, Any]],
) -> Response:
    """Return what sends answers as they come, while who asked may still have them."""
    server = parts(request)

    def last(refusal: DmlError) -> bytes:
        return _event(refused(refusal)) + _COMPLETE

    return EventStream(
        while_admitted(
            lambda: read(server, asker.token, scope=ANY, organisation_id=asker.organisation_id),
            _events(answers),
            refused=last,
            is_commented=True,
        )
    )


async def _events(answers: AsyncGenerator[dict[str, Any]]) -> AsyncGenerator[bytes]:
    async with aclosing(answers):
        async for it in answers:
            yield _event(it)
    yield _COMPLETE


def _event(answer: dict[str, Any]) -> bytes:
    return b"event: next\ndata: %b\n\n" % json.dumps(answer, separators=(",", ":")).encode()


def _read_question(request: Request) -> GraphQuestion:
    """Read a question from the query string. Raises RequestValidationError."""
    named: dict[str, Any] = {
        name: value for name, value in request.query_params.items() if name in _NAMES
    }
    try:
        for name in ("variables", "extensions"):
            if name in named:
                named[name] = strict_json.read(named[name].encode())
        return GraphQuestion.model_validate(named)
    except ValidationError as error:
        raise RequestValidationError(
            [{**it, "loc": ("query", *it["loc"])} for it in error.errors()]
        ) from None
    except ValueError as error:
        raise RequestValidationError(
            [{"type": "value_error", "loc": ("query", name), "msg": str(error)}]
        ) from None


_NAMES: Final = frozenset(GraphQuestion.model_fields)
