"""A zygote of this process's own that is there only while it is asked.

It starts with the first request, in some tenths of a second, and ends when none came for a while:
most of the time nobody needs it, and it takes some memory.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from dml.core.errors import DmlError
from dml.inference.client import Client

IDLE_SECONDS: Final = 300.0


class LateClient:
    """Has requests done one after the other, each in a locked child."""

    def __init__(self, module: str, *, idle_seconds: float = IDLE_SECONDS) -> None:
        """`module` has the zygote's `main`."""
        self._module, self._idle_seconds = module, idle_seconds
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._client: Client | None = None
        self._ending: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def turn(self, *, most: int, busy: DmlError) -> AsyncIterator[Client]:
        """Wait for one's turn and have the client alone, which blocks: ask it in a thread. Where
        `most` wait or are at work already, refuse with `busy`.
        """
        if self._waiting >= most:
            raise busy
        self._waiting += 1
        try:
            async with self._turn:
                if self._ending is not None:
                    self._ending.cancel()
                if self._client is None:
                    self._client = Client(self._module)
                try:
                    yield self._client
                finally:
                    loop = asyncio.get_running_loop()
                    self._ending = loop.call_later(self._idle_seconds, self._end_idle)
        finally:
            self._waiting -= 1

    @property
    def is_idle(self) -> bool:
        """Whether there is no zygote."""
        return self._client is None

    async def close(self) -> None:
        """End the zygote, if there is one."""
        if self._ending is not None:
            self._ending.cancel()
        client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(client.close)

    def _end_idle(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()  # A kill and a wait for it: nobody is using it.
