"""Streams of events that end with what let them begin: a session, a user's standing, a token."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from dml.core.errors import DmlError
from dml.edge.http import BeginFunction
from dml.edge.problems import answer

LOOK_SECONDS: Final = 15.0


async def while_admitted(
    begin: BeginFunction, events: AsyncGenerator[str], *, every_seconds: float = LOOK_SECONDS
) -> AsyncIterator[str]:
    """Yield `events`, and look again, that often, whether who watches may.

    If not, the last event is `refused`, whose data is a problem document.
    """
    loop = asyncio.get_running_loop()
    looked = loop.time()
    event = asyncio.ensure_future(anext(events))
    try:
        while True:
            left = looked + every_seconds - loop.time()
            await asyncio.wait((event,), timeout=max(0.0, left))
            if loop.time() >= looked + every_seconds:
                async with begin():
                    looked = loop.time()
            if event.done():
                yield event.result()
                event = asyncio.ensure_future(anext(events))
    except StopAsyncIteration:
        return
    except DmlError as refusal:
        problem = bytes(answer(refusal).body).decode()
        yield f"event: refused\ndata: {problem}\n\n"
    finally:
        event.cancel()
        await asyncio.gather(event, return_exceptions=True)
        await events.aclose()
