"""Answers that are the same for everybody, given to many from one reading, for a moment.

A list that anybody may read is asked for by thousands who all get the same. So it is read once, and
that answer given to whoever asks the same question within the time that it may be old, and to all
who asked while it was being read (docs/decisions/0070).

`SharedAnswers` stands around the routes, beneath all that each answer needs of its own: limits, a
line in the log, CORS, `304` and `HEAD`. `AtOnce` stands in front of all that and gives what is
kept to whoever asks plainly, which is nearly everybody. What it gives is counted and not logged, as
on the device path.

Nobody who says who they are is answered from here, nor who asks for a fresh answer
(`Cache-Control: no-cache`, RFC 9111).
"""

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from cachetools import LRUCache
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dml.core import metrics
from dml.edge.acting import HEADER
from dml.edge.requests import POLICY, headers_of_all, request_id_of

QUERY_BYTES_MAX: Final = 1_000  # Of a longer question there is no second one like it.
KEPT_BYTES_MAX: Final = 16 * 1024 * 1024
_BESIDE: Final = 500  # Bytes that an answer takes beside its body, about.
_WHO: Final = frozenset((b"authorization", HEADER.lower().encode()))
_FRESH: Final = b"cache-control"
_VARY: Final = (b"vary", b"Origin")  # As CORS says of each answer.
# What the answer depends on, or what has a body that must be read.
_ODD: Final = frozenset(
    (b"origin", b"if-none-match", b"content-length", b"transfer-encoding", b"expect", b"upgrade")
)
_Question: TypeAlias = tuple[str, bytes]  # A path, and what was asked for there.


@dataclass(frozen=True, slots=True)
class _Answer:
    """A whole answer, as the routes gave it, and the moment before it was read."""

    began: float
    start: Message
    body: bytes
    route: Any  # By which requests are counted.

    @property
    def is_good(self) -> bool:
        return bool(self.start["status"] == HTTPStatus.OK)


class KeptAnswers:
    """Whole answers to GETs of `paths`, each for `seconds` from before it was read; with 0, none.

    All take at most `KEPT_BYTES_MAX`: then what was asked for longest ago goes.
    """

    def __init__(self, paths: Collection[str], *, seconds: float) -> None:
        self.paths = frozenset(paths) if seconds > 0 else frozenset[str]()
        self._seconds = seconds
        self._answers: LRUCache[_Question, _Answer] = LRUCache(KEPT_BYTES_MAX, _length)

    def find(self, question: _Question, now: float) -> "_Answer | None":
        """Return what may still be told at this moment of the monotonic clock."""
        answer = self._answers.get(question)
        return answer if answer is not None and self.is_fresh(answer.began, now) else None

    def is_fresh(self, began: float, now: float) -> bool:
        return now - began < self._seconds

    def keep(self, question: _Question, answer: "_Answer") -> None:
        """Keep a good answer, unless one that was read later is there already."""
        before = self._answers.get(question)
        is_newest = before is None or before.began < answer.began
        if answer.is_good and is_newest and _length(answer) < KEPT_BYTES_MAX:
            self._answers[question] = answer


class SharedAnswers:
    """ASGI, around the routes: asks them once, and tells all who ask the same meanwhile."""

    def __init__(self, app: ASGIApp, *, kept: KeptAnswers) -> None:
        self.app = app
        self._kept = kept
        self._under_way: dict[_Question, tuple[float, asyncio.Task[_Answer]]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_asked = scope["type"] == "http" and scope["path"] in self._kept.paths
        if not is_asked or not _is_shared(scope):
            await self.app(scope, receive, send)
            return
        question, now = (scope["path"], scope["query_string"]), time.monotonic()
        answer = self._kept.find(question, now)
        metrics.SHARED_ANSWERS.inc("read" if answer is None else "kept")
        if answer is None:
            answer = await asyncio.shield(self._reading(question, scope, now))
        scope["route"] = answer.route
        # Whatever is around this adds headers of its own.
        await send({**answer.start, "headers": list(answer.start["headers"])})
        await send({"type": "http.response.body", "body": answer.body})

    def _reading(self, question: _Question, scope: Scope, now: float) -> "asyncio.Task[_Answer]":
        """Return who reads the answer now. Whoever asked first may hang up: it reads on."""
        began, task = self._under_way.get(question, (now, None))
        if task is None or not self._kept.is_fresh(began, now):
            task = asyncio.create_task(self._read(question, dict(scope), now))
            self._under_way[question] = now, task
        return task

    async def _read(self, question: _Question, scope: Scope, began: float) -> "_Answer":
        try:
            answer = await _whole(self.app, scope, began)
        finally:
            if self._under_way.get(question, (None,))[0] == began:
                del self._under_way[question]
        self._kept.keep(question, answer)
        return answer


class AtOnce:
    """ASGI, in front of an app: gives what is kept to whoever asks plainly."""

    def __init__(self, app: ASGIApp, *, kept: KeptAnswers, is_https: bool) -> None:
        self.app = app
        self._kept = kept
        self._is_https = is_https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer, began = None, time.monotonic()
        if scope["type"] == "http" and scope["path"] in self._kept.paths and _is_plain(scope):
            answer = self._kept.find((scope["path"], scope["query_string"]), began)
        if answer is None:
            await self.app(scope, receive, send)
            return
        sent = next((it for name, it in scope["headers"] if name == b"x-request-id"), b"")
        its = [*headers_of_all(request_id_of(sent), is_https=self._is_https), _VARY]
        if not any(name == POLICY[0] for name, _ in answer.start["headers"]):
            its.append(POLICY)
        await send({**answer.start, "headers": [*answer.start["headers"], *its]})
        await send({"type": "http.response.body", "body": answer.body})
        metrics.SHARED_ANSWERS.inc("kept")
        metrics.REQUESTS.inc("GET", answer.route.path, "2xx")
        metrics.REQUEST_SECONDS.observe(time.monotonic() - began, "GET", answer.route.path)


def _is_plain(scope: Scope) -> bool:
    """Whether the answer to this has nothing of its own but its id."""
    return _is_shared(scope) and not any(name in _ODD for name, _ in scope["headers"])


def _is_shared(scope: Scope) -> bool:
    """Whether who asks this is nobody in particular, and takes what others get."""
    if scope["method"] != "GET" or len(scope["query_string"]) > QUERY_BYTES_MAX:
        return False
    for name, value in scope["headers"]:
        if name in _WHO or (name == _FRESH and b"no-cache" in value.lower()):
            return False
    return True


async def _whole(app: ASGIApp, scope: Scope, began: float) -> _Answer:
    """Ask an app, and return all that it sends."""
    messages: list[Message] = []

    async def take(message: Message) -> None:
        messages.append(message)

    await app(scope, _nothing, take)
    start, *pieces = messages
    body = b"".join(it.get("body", b"") for it in pieces)
    return _Answer(began, start, body, scope.get("route"))


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _length(answer: _Answer) -> int:
    return len(answer.body) + _BESIDE
