"""What surrounds every request: an id in logs and answers, a line in the log, a largest body.

Pure ASGI: Starlette's BaseHTTPMiddleware would buffer streams and lose context variables.
"""

import os
import re
import time
from itertools import count
from typing import Final

import structlog
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dml.core import metrics
from dml.core.errors import DmlError, Unavailable
from dml.edge.problems import answer, problem

log = structlog.get_logger("dml.access")
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_SAFE: Final = (b"x-content-type-options", b"nosniff")
_FOR_ALL: Final = (_SAFE, (b"vary", b"Origin"))  # What middlewares add to every answer.
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_PROCESS: Final = os.urandom(8).hex()
_NUMBER: Final = count()
_QUIET: Final = ("/healthz", "/readyz")


class Requests:
    """`unlimited` names the paths (by how they end) that limit their body themselves."""

    def __init__(self, app: ASGIApp, *, body_limit_bytes: int, unlimited: tuple[str, ...]) -> None:
        self.app = app
        self.limit = body_limit_bytes
        self.unlimited = unlimited

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        request_id = request_id_of(headers.get(b"x-request-id", b""))
        started, status = time.perf_counter(), 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                told = MutableHeaders(scope=message)
                told["X-Request-ID"] = request_id
                message["headers"].append(_SAFE)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._limited(scope, receive, send_with_id, headers)
            except Exception:
                log.exception("a bug: it was answered with 500")  # Here, where its id is known.
                raise
            finally:
                _count(scope, status, time.perf_counter() - started)
                if scope["path"] not in _QUIET:
                    log.info(
                        "request",
                        method=scope["method"],
                        path=scope["path"],
                        status=status,
                        milliseconds=round((time.perf_counter() - started) * 1e3, 1),
                    )

    async def _limited(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[bytes, bytes]
    ) -> None:
        if scope["path"].endswith(self.unlimited):
            await self.app(scope, receive, send)
            return
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self.limit:
            refused = problem(413, "http.413", "Content Too Large", self._remedy())
            refused.headers["Connection"] = "close"
            await refused(scope, receive, send)
            return
        await self.app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Receive:
        """Count a body that does not say its length."""
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.limit:
                raise HTTPException(413, self._remedy())
            return message

        return counted

    def _remedy(self) -> str:
        return f"Send at most {self.limit} bytes."


def _count(scope: Scope, status: int, seconds: float) -> None:
    """Count a request by its route, as that is written: paths and unknown methods are endless."""
    route = getattr(scope.get("route"), "path", "none")
    method = scope["method"] if scope["method"] in _METHODS else "other"
    metrics.REQUESTS.inc(method, route, f"{status // 100}xx")
    metrics.REQUEST_SECONDS.observe(seconds, method, route)


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
        )
    await response(scope, receive, send)
