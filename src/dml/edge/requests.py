"""What surrounds every request: an id, a line in the log, a largest body; and every answer.

Pure ASGI: Starlette's BaseHTTPMiddleware would buffer streams and lose context variables.
"""

import asyncio
import logging
import os
import re
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from itertools import count
from typing import Final

import structlog
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dml.core import logs, metrics, tracing
from dml.core.errors import DmlError, Unavailable
from dml.edge.bodies import BODY, Body
from dml.edge.etags import is_known
from dml.edge.limits import begin_telling, headers_of_limits
from dml.edge.problem_pages import in_pages, prefers_page
from dml.edge.problems import answer, explained

log = structlog.get_logger("dml.access")
bugs = logging.getLogger("dml.access")
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_SAFE: Final = (b"x-content-type-options", b"nosniff")
_ONLY_TLS: Final = (b"strict-transport-security", b"max-age=31536000")  # A year.
# A page has its own; what is none loads, runs and frames nothing.
POLICY: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
# What middlewares add to every answer to a device.
_FOR_ALL: Final = (_SAFE, POLICY, (b"cache-control", b"no-store"), (b"vary", b"Origin"))
LEFT_OVER_MAX: Final = 64 * 1024  # Bytes of a body that an early answer waits for.
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_PROCESS: Final = os.urandom(8).hex()
_NUMBER: Final = count()
_QUIET: Final = ("/healthz", "/readyz")
_OVERLOADED: Final = "dml.overloaded"  # In the scope of a request that was refused for that.


class Requests:
    """What is in front of every route. Of a body, `body_limit_bytes` are taken, unless a route that
    takes files asks for more (`dml.edge.uploads`). Who reads in a browser gets refusals as pages.
    Where `is_https`, browsers are told never to come without TLS again.
    """

    def __init__(self, app: ASGIApp, *, body_limit_bytes: int, is_https: bool = False) -> None:
        self.app = app
        self.limit = body_limit_bytes
        self._starting = asyncio.Lock()
        self._is_https = is_https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        request_id = request_id_of(headers.get(b"x-request-id", b""))
        body = scope[BODY] = Body(self.limit, _declared(headers))
        added = headers_of_all(request_id, is_https=self._is_https)
        answer, started = _Answer(scope, headers, added, body, send), time.perf_counter()
        # HEAD is GET without what follows its head (RFC 9110), so that no route has to know it.
        inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        accept = headers.get(b"accept", b"").lower()
        # Without `text/` it can't be: so no more is read of what programs send.
        is_page = answer.is_read and b"text/" in accept and prefers_page(accept.decode("latin-1"))
        send = in_pages(answer.send, request_id) if is_page else answer.send
        asked = logs.Asked(request_id)
        if tracing.is_on():
            asked.trace_id = tracing.trace_id()
        token = logs.ASKED.set(asked)
        begin_telling()
        try:
            if not answer.is_read:
                await self._take_turn()
            await self.app(inner, _limited(receive, body, answer), send)
        except Exception:  # Whatever it is: it is logged here, where the request's id is known.
            bugs.exception("a bug: it was answered with 500")
            raise
        finally:
            logs.ASKED.reset(token)
            seconds = time.perf_counter() - started
            _count(inner.get("route"), scope["method"], answer.status, seconds)
            if scope["path"] not in _QUIET and _OVERLOADED not in inner:
                logs.log_request(
                    asked,
                    method=scope["method"],
                    path=scope["path"],
                    status=answer.status,
                    seconds=seconds,
                )

    async def _take_turn(self) -> None:
        """Begin one request that writes in each round of the loop, in the order of coming.

        A hundred who sign in at one moment would else be read all, before anything is done for who
        comes next (docs/decisions/0057).
        """
        async with self._starting:
            await asyncio.sleep(0)


class Fallbacks:
    """What answers where the app cannot: a 503 while the process `is_full`, a 500 for a bug.

    A request is refused before anything is done for it: refusals that cost as much as answers
    would leave no time for those. It stands beneath CORS, as a script of another origin could read
    neither otherwise, and would take them for a broken network.
    """

    def __init__(self, app: ASGIApp, *, is_full: Callable[[], bool]) -> None:
        self.app = app
        self.is_full = is_full

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["path"] not in _QUIET and self.is_full():
            metrics.REFUSED_FOR_OVERLOAD.inc("request")
            scope[_OVERLOADED] = True
            await explained(503, {"Retry-After": "1"})(scope, receive, send)
            return
        has_started = False

        async def started(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self.app(scope, receive, started)
        except Exception:  # Whatever it is: who asked is answered, and the log tells the rest.
            if not has_started:
                await explained(500)(scope, receive, send)
            raise


class _Answer:
    """An answer on its way out: it gets the headers that all have, and no body to HEAD."""

    def __init__(
        self,
        scope: Scope,
        headers: dict[bytes, bytes],
        added: Iterable[tuple[bytes, bytes]],
        body: Body,
        send: Send,
    ) -> None:
        self.status = 500
        self.is_over = False
        self._asks = headers
        self._is_head = scope["method"] == "HEAD"
        self.is_read = scope["method"] in ("GET", "HEAD")
        self._added = added
        self._body = body
        self._send = send

    async def send(self, message: Message) -> None:
        if self.is_over:
            return
        if message["type"] != "http.response.start":
            await self._send(message)
            return
        self._complete(message)
        self.status = message["status"]
        await self._send(message)
        if self._is_head or self.status == HTTPStatus.NOT_MODIFIED:
            self.is_over = True
            await self._send({"type": "http.response.body", "body": b""})

    def _complete(self, message: Message) -> None:
        headers = message["headers"] = list(message["headers"])
        told = dict(headers)
        headers += self._added
        headers += headers_of_limits()
        if POLICY[0] not in told:
            headers.append(POLICY)
        if b"cache-control" not in told and (b"authorization" in self._asks or not self.is_read):
            headers.append((b"cache-control", b"no-store"))
        if self.is_read and message["status"] >= HTTPStatus.BAD_REQUEST:
            MutableHeaders(scope=message).add_vary_header("Accept")  # A page, or a document.
            headers = message["headers"]
        if self._body.is_left(LEFT_OVER_MAX):
            headers.append((b"connection", b"close"))  # What is left of the body is not read.
        known = self._asks.get(b"if-none-match")
        if known is None or not self.is_read or message["status"] != HTTPStatus.OK:
            return
        etag = told.get(b"etag")
        if etag is not None and is_known(etag.decode("latin-1"), known.decode("latin-1")):
            message["status"] = HTTPStatus.NOT_MODIFIED
            of_body = (b"content-length", b"content-type")
            headers[:] = [it for it in headers if it[0] not in of_body]


def _declared(headers: dict[bytes, bytes]) -> int | None:
    """Return how long the body is said to be; None where it comes in chunks."""
    if b"transfer-encoding" in headers:
        return None
    length = headers.get(b"content-length", b"0")[:20]
    return int(length) if length.isdigit() else 0


def _limited(receive: Receive, body: Body, answer: _Answer) -> Receive:
    """Read a body as far as it is taken, and nothing of one that says that it is longer."""

    async def limited() -> Message:
        if answer.is_over:
            return {"type": "http.disconnect"}
        if not body.is_too_large:
            message = await receive()
            body.seen += len(message.get("body", b""))
            body.is_whole = body.is_whole or not message.get("more_body", False)
            if not body.is_too_large:
                return message
        raise HTTPException(413, f"Send at most {body.limit} bytes.")

    return limited


def _count(route: object, method: str, status: int, seconds: float) -> None:
    """Count a request by its route, as that is written: paths and unknown methods are endless."""
    path = getattr(route, "path", "none")
    known = method if method in _METHODS else "other"
    metrics.REQUESTS.inc(known, path, f"{status // 100}xx")
    metrics.REQUEST_SECONDS.observe(seconds, known, path)


def headers_of_all(request_id: str, *, is_https: bool) -> tuple[tuple[bytes, bytes], ...]:
    """Return the headers that each answer has, a page's own policy left out."""
    name = (b"x-request-id", request_id.encode("ascii"))
    return (name, _SAFE, _ONLY_TLS) if is_https else (name, _SAFE)


def request_id_of(sent: bytes) -> str:
    """Take the caller's id where it is safe to log, else make one: this process's, counted on."""
    if _REQUEST_ID.fullmatch(sent):
        return sent.decode("ascii")
    return f"{_PROCESS}{next(_NUMBER):016x}"


async def send_answer(send: Send, code: int, body: bytes, request_id: str) -> None:
    """Send JSON (of a 204: nothing) past all middlewares, with the headers that they would add."""
    headers = [(b"x-request-id", request_id.encode()), *_FOR_ALL]
    if code != 204:
        headers.append((b"content-length", b"%d" % len(body)))
        headers.append((b"content-type", b"application/json"))
    await send({"type": "http.response.start", "status": code, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def send_refusal(
    refusal: DmlError, request_id: str, scope: Scope, receive: Receive, send: Send
) -> None:
    """Send a problem document past all middlewares, with the headers that they would add."""
    response = answer(refusal)
    response.raw_headers += [(b"x-request-id", request_id.encode()), *_FOR_ALL]
    if not isinstance(refusal, Unavailable):  # There may be thousands of those a second.
        log.info(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=response.status_code,
            request_id=request_id,
            code=refusal.code,
        )
    await response(scope, receive, send)
