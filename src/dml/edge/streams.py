"""Streams of events that end with what let them begin: a session, a user's standing, a token."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Final

from fastapi.responses import StreamingResponse
from starlette.types import Send

from dml.core.context import Context
from dml.core.errors import DmlError
from dml.edge.problems import answer

LOOK_SECONDS: Final = 30.0
EVENTS: Final = "text/event-stream"
_STILL_HERE: Final = b": still here\n\n"


class EventStream(StreamingResponse):
    """Server-sent events, which end with their connection: Starlette leaves what it has not read to
    the collector of garbage, and until then it counts as one of a user's streams.
    """

    media_type = EVENTS

    def __init__(self, events: AsyncGenerator[bytes]) -> None:
        super().__init__(events, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._events = events

    async def stream_response(self, send: Send) -> None:
        async with aclosing(self._events):
            await super().stream_response(send)


def _refused(refusal: DmlError) -> bytes:
    return b"event: refused\ndata: %b\n\n" % bytes(answer(refusal).body)


async def while_admitted(
    begin: Callable[[], AbstractAsyncContextManager[Context]],
    events: AsyncGenerator[bytes],
    *,
    every_seconds: float | None = None,
    refused: Callable[[DmlError], bytes] = _refused,
    is_commented: bool = False,
) -> AsyncGenerator[bytes]:
    """Yield `events`, and look again between two of them, that often, whether who watches may.

    An event may come in pieces. If they may not, the last event is `refused`, whose data is a
    problem document. After each look there may be a comment, so that proxies keep a quiet stream
    open.
    """
    loop = asyncio.get_running_loop()
    every_seconds = every_seconds or LOOK_SECONDS
    looked = loop.time()
    is_whole = True
    event = asyncio.ensure_future(anext(events))
    try:
        while True:
            left = max(0.0, looked + every_seconds - loop.time())
            await asyncio.wait((event,), timeout=left if is_whole else None)
            if is_whole and loop.time() >= looked + every_seconds:
                async with begin():
                    looked = loop.time()
                if is_commented:
                    yield _STILL_HERE
            if event.done():
                piece = event.result()
                is_whole = piece.endswith(b"\n\n")
                yield piece
                event = asyncio.ensure_future(anext(events))
    except StopAsyncIteration:
        return
    except DmlError as refusal:
        yield refused(refusal)
    finally:
        event.cancel()
        await asyncio.gather(event, return_exceptions=True)
        await events.aclose()
