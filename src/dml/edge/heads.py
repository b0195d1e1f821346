"""What the head of a request may be, and what is answered to one that is none.

Before any route is found: what is refused here ends the connection (docs/decisions/0021).
"""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from starlette.types import Receive, Scope, Send

from dml.edge.problems import problem

UNFRAMED_MAX: Final = 64 * 1024  # Bytes of what is not yet a whole head or a piece of a body.
HEADERS_MAX: Final = 128
SOCKET_LINE_MAX: Final = 8_000  # Of a head that offers a WebSocket.
LINE_END: Final = re.compile(rb"[\r\n\0]")
# What would be read as the one here and as the other there, were it sent twice.
_ONCE: Final = frozenset(
    (b"authorization", b"content-encoding", b"content-type", b"host", b"idempotency-key")
)
_HOST: Final = re.compile(rb"([A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{0,5})?")


class Refusal:
    """An answer to what is no request of ours, after which the connection ends."""

    def __init__(self, status: int, detail: str, **headers: str) -> None:
        code = f"http.{status}"
        all_headers = {
            "Connection": "close",
            **{it.replace("_", "-"): headers[it] for it in headers},
        }
        answer = problem(status, code, HTTPStatus(status).phrase, detail, headers=all_headers)
        self._status, self._headers = status, [*answer.raw_headers, _SAFE]
        self._body = bytes(answer.body)
        lines = [b"HTTP/1.1 %d %s" % (status, HTTPStatus(status).phrase.encode())]
        lines += [name + b": " + value for name, value in self._headers]
        self.written = b"\r\n".join([*lines, b"", self._body])

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer in its turn, in the place of the application."""
        start = {"type": "http.response.start", "status": self._status, "headers": self._headers}
        await send(start)
        await send({"type": "http.response.body", "body": self._body})


_SAFE: Final = (b"x-content-type-options", b"nosniff")
TOO_MANY: Final = Refusal(
    503, "There are too many connections. Close some, or ask again in a moment.", retry_after="2"
)
TOO_LONG: Final = Refusal(
    431,
    f"Send at most {UNFRAMED_MAX} bytes and {HEADERS_MAX} headers before the body, and as many "
    "bytes between two pieces of it.",
)
NO_REQUEST: Final = Refusal(400, "This is no HTTP/1.1 request. Send one as RFC 9112 has it.")
NO_HOST: Final = Refusal(400, "Send one `Host` header that names whom you ask, and no second one.")
TWICE: Final = Refusal(
    400, "Send `Authorization`, `Content-Type`, `Content-Encoding` and `Idempotency-Key` only once."
)
NO_PROXY: Final = Refusal(501, "This server is no proxy. Ask it for what is its own.")


def offers_socket(
    method: bytes, url: bytes, version: str, headers: Sequence[tuple[bytes, bytes]], *, at: bytes
) -> bool:
    """Whether a head asks for a WebSocket at this path, and for nothing else.

    One line is not longer than what reads it once more takes, and none holds the end of another.
    """
    if not at or method != b"GET" or version != "1.1" or url.partition(b"?")[0] != at:
        return False
    named = dict(headers)
    if any(it in named for it in (b"content-length", b"transfer-encoding", b"expect")):
        return False
    longest = max(len(name) + len(value) for name, value in headers)
    if longest > SOCKET_LINE_MAX or len(url) > SOCKET_LINE_MAX:
        return False
    if any(LINE_END.search(it) for it in (url, *(value for _, value in headers))):
        return False
    return named.get(b"upgrade", b"").strip().lower() == b"websocket"


def refuse_head(url: bytes, headers: Sequence[tuple[bytes, bytes]], version: str) -> Refusal | None:
    """Tell what is wrong with a head that could be parsed."""
    size, seen, host = len(url), set[bytes](), None
    for name, value in headers:  # Once through: every request pays for this.
        size += len(name) + len(value) + 4
        if name in _ONCE:
            if name in seen:
                return NO_HOST if name == b"host" else TWICE
            seen.add(name)
            host = value if name == b"host" else host
    if size > UNFRAMED_MAX or len(headers) > HEADERS_MAX:
        return TOO_LONG
    if host is None:  # HTTP/1.0 did not have to say whom it asks, and we do not ask for it.
        return None if version == "1.0" else NO_HOST
    if not _HOST.fullmatch(host):
        return NO_HOST
    if url.startswith(b"/"):
        return None
    named = url.partition(b"://")[2].partition(b"/")[0].partition(b"?")[0]
    return None if named.lower() == host.lower() else NO_HOST
