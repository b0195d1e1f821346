"""How every failure becomes a problem document (RFC 9457), and how OpenAPI tells of it."""

import json
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

import asyncpg
from fastapi import FastAPI, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from obstore.exceptions import BaseError as StoreError
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError, TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from dml.core import errors, logs
from dml.core.errors import DmlError
from dml.core.sqlstates import AWAY, CANCELLED, CONTENDED, FULL, is_one_of
from dml.core.strict_json import NotStrict, escape
from dml.edge.http import check_caller
from dml.edge.nearest import nearest

log = logging.getLogger(__name__)
STATUS: Final[dict[type[DmlError], int]] = {
    errors.Invalid: 422,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.Stale: 412,
    errors.TooLarge: 413,
    errors.TooMany: 429,
    errors.Unavailable: 503,
}
assert STATUS.keys() == set(errors.KINDS)
MEDIA_TYPE: Final = "application/problem+json"

# What HTTP itself refuses, and what to do about it, where nobody knows better.
HTTP_PROBLEMS: Final[dict[int, str]] = {
    400: "Send a valid HTTP request (RFC 9112), with one `Host` and a body that can be read.",
    404: "Nothing is at this path. See `/docs` for what is.",
    405: "Use one of the methods that `Allow` names.",
    413: "Send at most as many bytes as `detail` says.",
    415: "Send the body with its `Content-Type`, and one that this operation accepts.",
    416: "Ask for a part that the file has: `Content-Range` says how many bytes it has.",
    422: "Correct what `errors` names, and send it again.",
    431: "Send fewer and shorter headers, a shorter path, or no extensions of chunks.",
    500: "This is our mistake, and nothing was changed. Try again, or tell us the request id.",
    501: "Ask this server for what is its own: it is no proxy.",
    503: "Wait as many seconds as `Retry-After` says, and send the very same request again.",
}

# A server of ours is not there, or somebody else held a lock for too long. Nothing was committed,
# unless the answer to a commit was lost.
_PASSING: Final = (*CONTENDED, CANCELLED, *AWAY, FULL)
_LOST: Final = (asyncpg.InternalClientError, PoolTimeout, OSError, RedisError, StoreError)
_LENGTHS: Final = {"too_long": ("at most", "max_length"), "too_short": ("at least", "min_length")}


def status_of(refusal: type[DmlError]) -> int:
    return next(status for kind, status in STATUS.items() if issubclass(refusal, kind))


def problem(
    status: int,
    code: str,
    title: str,
    detail: str | None = None,
    facts: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Write a problem document. Its own members come last, so that no fact overwrites one."""
    logs.note_code(code)
    members = {"type": f"/problems/{code}", "title": title, "status": status, "code": code}
    details = {} if detail is None else {"detail": detail}
    document = jsonable_encoder({**(facts or {}), **details, **members})
    return Response(_written(document), status, headers, MEDIA_TYPE)


def _written(document: Any) -> bytes:
    """Write each character as itself; but half of one, which a client sent, has no bytes."""
    try:
        return json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(document).encode()


def answer(refusal: DmlError) -> Response:
    """Answer a refusal: the reason is its title, the remedy its detail."""
    headers = {name: str(refusal.facts[fact]) for name, fact in refusal.in_headers.items()}
    if isinstance(refusal, errors.Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(refusal, errors.TooMany | errors.Unavailable):
        headers["Retry-After"] = str(refusal.facts.get("retry_after_seconds", 1))
    facts = dict(refusal.facts)
    if isinstance(refusal, errors.Invalid):
        facts.setdefault("errors", [{"pointer": refusal.pointer, "detail": refusal.remedy}])
    status = status_of(type(refusal))
    return problem(status, refusal.code, refusal.reason, refusal.remedy, facts, headers)


def explained(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """Answer what HTTP itself refuses, in its own words."""
    title = HTTPStatus(status).phrase
    return problem(status, f"http.{status}", title, HTTP_PROBLEMS[status], headers=headers)


async def refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, DmlError)
    return answer(error)


async def refuse_input(request: Request, error: Exception) -> Response:
    """Name each wrong field. What was sent is not repeated: it may be secret, or huge.

    Who may not ask is told that, and nothing of the request.
    """
    assert isinstance(error, RequestValidationError)
    try:
        await check_caller(request)
    except DmlError as refusal:
        return answer(refusal)
    if _is_of_another_type(request, error):
        detail = "Send the body as JSON, with `Content-Type: application/json`."
        return problem(415, "http.415", HTTPStatus(415).phrase, detail)
    wrong = dict.fromkeys(  # Each once: a body that two dependencies read is refused twice.
        (_pointer(it), detail_of(it)[:500]) for it in error.errors()[:50]
    )
    if isinstance(error.__cause__, NotStrict):
        wrong = {(error.__cause__.pointer, error.__cause__.msg): None}
    errors = [{"pointer": pointer, "detail": detail} for pointer, detail in wrong]
    return problem(
        422, "http.422", "The request is not valid.", HTTP_PROBLEMS[422], {"errors": errors}
    )


def detail_of(error: Mapping[str, Any]) -> str:
    """Say what is wrong with a field. A text has characters, where pydantic counts items."""
    if isinstance(error.get("input"), str) and error["type"] in _LENGTHS:
        bound, name = _LENGTHS[error["type"]]
        return f"String should have {bound} {error['ctx'][name]} characters"
    return str(error["msg"]).removeprefix("Value error, ")


def _is_of_another_type(request: Request, error: RequestValidationError) -> bool:
    """Whether a body was not read as JSON, though it should be, since its type says otherwise."""
    wrong_body = any(it["loc"][:1] == ("body",) for it in error.errors())
    return wrong_body and isinstance(error.body, bytes)


def _pointer(error: Mapping[str, Any]) -> str:
    """Say where: a JSON pointer (RFC 6901) into the body, or `/name` of a parameter."""
    inside = () if error["type"] == "json_invalid" else error["loc"][1:]
    return "".join("/" + escape(str(it)) for it in inside)


async def refuse_request(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses by itself: no such path, method or encoding."""
    assert isinstance(error, HTTPException)
    status, title, headers = error.status_code, HTTPStatus(error.status_code).phrase, error.headers
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {"Allow": ", ".join(_methods_of(request))}
    elif status != HTTPStatus.NOT_FOUND:
        try:
            await check_caller(request)
        except DmlError as refusal:
            return answer(refusal)
    detail = error.detail if error.detail != title else HTTP_PROBLEMS.get(status, title)
    if status == HTTPStatus.NOT_FOUND:
        meant = nearest(request.scope["path"], _paths_of(request))
        detail = f"{detail} Do you mean `{meant}`?" if meant else detail
    return problem(status, f"http.{status}", title, str(detail), headers=headers)


def _paths_of(request: Request) -> Iterator[str]:
    for route in request.app.routes:
        inner = getattr(route, "effective_route_contexts", lambda one=route: [one])
        yield from (it.path for it in inner() if getattr(it, "include_in_schema", False))


def _methods_of(request: Request) -> list[str]:
    """Return every method that this path has; FastAPI names those of the first route it finds.

    A path that is written out, such as `/v1/devices/limits`, is none of `/v1/devices/{device_id}`.
    """
    found, path = set[str](), ""
    for route in request.app.routes:
        inner = getattr(route, "effective_route_contexts", lambda one=route: [one])
        for it in inner():
            regex = it.path_regex  # A WebSocket has none.
            if regex and regex.match(request.scope["path"]) and it.path == (path or it.path):
                found |= getattr(it, "methods", {"GET"})  # Files below a path are read.
                path = it.path
    return sorted(found | {"HEAD"} if "GET" in found else found)


async def crash(_: Request, error: Exception) -> Response:
    """Answer a bug, and tell nothing of it. The server logs it: Starlette raises it again."""
    return problem(
        500,
        "http.500",
        "Internal Server Error",
        HTTP_PROBLEMS[500],
    )


async def wait_for_database(request: Request, error: Exception) -> Response:
    """Answer 503 where the database is away for now; a bug stays a bug."""
    cause = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig else error
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if not lost and not isinstance(cause, _LOST) and not is_one_of(cause, *_PASSING):
        raise error
    if isinstance(cause, StoreError):  # Nobody else says so: a disk may be full, say.
        log.warning("the store of files failed: %s", cause)
    return problem(
        503,
        "http.503",
        "The service cannot answer just now.",
        "Send the very same request again in a moment. Should it have been done after all, as its "
        "answer was lost, then with its Idempotency-Key it is not done twice.",
        headers={"Retry-After": "1"},
    )


def answer_in_problems(app: FastAPI) -> None:
    """Make every failure of `app` a problem document."""
    app.add_exception_handler(DmlError, refuse)
    app.add_exception_handler(RequestValidationError, refuse_input)
    app.add_exception_handler(HTTPException, refuse_request)
    for kind in (DBAPIError, asyncpg.PostgresError, *_LOST):
        app.add_exception_handler(kind, wait_for_database)
    app.add_exception_handler(Exception, crash)


def header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


RETRY_AFTER: Final = {"Retry-After": header("How many seconds to wait before the next try.")}


def response(description: str, examples: Mapping[str, Any]) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    content: dict[str, Any] = {"schema": schema}
    if examples:
        content["examples"] = dict(examples)
    return {"description": description, "content": {MEDIA_TYPE: content}}


def refusals(*kinds: type[DmlError]) -> dict[int | str, dict[str, Any]]:
    """Tell OpenAPI what a route may refuse: by status, with an example for each code."""
    by_status: defaultdict[int, dict[str, Any]] = defaultdict(dict)
    for kind in kinds:
        status = status_of(kind)
        by_status[status][kind.code] = {
            "summary": kind.reason,
            "value": {
                "type": f"/problems/{kind.code}",
                "title": kind.reason,
                "status": status,
                "detail": kind.remedy,
                "code": kind.code,
            },
        }
    responses: dict[int | str, dict[str, Any]] = {
        status: response(" ".join(it["summary"] for it in examples.values()), examples)
        for status, examples in by_status.items()
    }
    for passing in responses.keys() & {429, 503}:
        responses[passing]["headers"] = RETRY_AFTER
    return responses


# What every route may answer, in the place of FastAPI's own 422.
EVERYWHERE: Final[dict[int | str, dict[str, Any]]] = {
    422: response("The request is not valid; `errors` names each wrong field.", {}),
    503: {
        **response("The service cannot answer now. Try again after `Retry-After`.", {}),
        "headers": RETRY_AFTER,
    },
}
