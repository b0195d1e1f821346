"""Streams of events that end with what let them begin: a session, a user's standing, a token."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from dml.core.context import BeginFunction
from dml.core.errors import DmlError
from dml.edge.problems import answer

LOOK_SECONDS: Final = 15.0


async def while_admitted(
    begin: BeginFunction, events: AsyncGenerator[bytes], *, every_seconds: float = LOOK_SECONDS
) -> AsyncIterator[bytes]:
    """Yield `events`, and look again between two of them, that often, whether who watches may.

    An event may come in pieces. If they may not, the last event is `refused`, whose data is a
    problem document.
    """
    loop = asyncio.get_running_loop()
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
            if event.done():
                piece = event.result()
                is_whole = piece.endswith(b"\n\n")
                yield piece
                event = asyncio.ensure_future(anext(events))
    except StopAsyncIteration:
        return
    except DmlError as refusal:
        yield b"event: refused\ndata: %b\n\n" % bytes(answer(refusal).body)
    finally:
        event.cancel()
        await asyncio.gather(event, return_exceptions=True)
        await events.aclose()
