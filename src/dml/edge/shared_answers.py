"""Answers that are the same for everybody, given to many from one reading, for a moment.

A list that anybody may read is asked for by thousands who all get the same. So it is read once, and
that answer given to whoever asks the same question within the time that it may be old, and to all
who asked while it was being read. It stands around the routes and beneath all that each answer
needs of its own: its request's id, a line in the log, limits, CORS, `304` and `HEAD`
(docs/decisions/0070).

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

QUERY_BYTES_MAX: Final = 1_000  # Of a longer question there is no second one like it.
KEPT_BYTES_MAX: Final = 16 * 1024 * 1024
_BESIDE: Final = 500  # Bytes that an answer takes beside its body, about.
_WHO: Final = frozenset((b"authorization", HEADER.lower().encode()))
_FRESH: Final = b"cache-control"
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


class SharedAnswers:
    """ASGI, around an app: GETs of `paths` are answered from one reading for `seconds`.

    With 0 seconds each is read anew.
    """

    def __init__(self, app: ASGIApp, *, paths: Collection[str], seconds: float) -> None:
        self.app = app
        self._paths = frozenset(paths) if seconds > 0 else frozenset[str]()
        self._seconds = seconds
        self._kept: LRUCache[_Question, _Answer] = LRUCache(KEPT_BYTES_MAX, _length)
        self._under_way: dict[_Question, tuple[float, asyncio.Task[_Answer]]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in self._paths or not _is_shared(scope):
            await self.app(scope, receive, send)
            return
        question, now = (scope["path"], scope["query_string"]), time.monotonic()
        answer = self._kept.get(question)
        is_kept = answer is not None and self._is_fresh(answer.began, now)
        metrics.SHARED_ANSWERS.inc("kept" if is_kept else "read")
        if answer is None or not is_kept:
            answer = await asyncio.shield(self._reading(question, scope, now))
        scope["route"] = answer.route
        # Whatever is around this adds headers of its own.
        await send({**answer.start, "headers": list(answer.start["headers"])})
        await send({"type": "http.response.body", "body": answer.body})

    def _is_fresh(self, began: float, now: float) -> bool:
        return now - began < self._seconds

    def _reading(self, question: _Question, scope: Scope, now: float) -> "asyncio.Task[_Answer]":
        """Return who reads the answer now. Whoever asked first may hang up: it reads on."""
        began, task = self._under_way.get(question, (now, None))
        if task is None or not self._is_fresh(began, now):
            task = asyncio.create_task(self._read(question, dict(scope), now))
            self._under_way[question] = now, task
        return task

    async def _read(self, question: _Question, scope: Scope, began: float) -> _Answer:
        try:
            answer = await _whole(self.app, scope, began)
        finally:
            if self._under_way.get(question, (None,))[0] == began:
                del self._under_way[question]
        kept = self._kept.get(question)
        is_newest = kept is None or kept.began < began
        if answer.is_good and is_newest and _length(answer) < KEPT_BYTES_MAX:
            self._kept[question] = answer
        return answer


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
