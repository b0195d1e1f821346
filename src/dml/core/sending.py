"""What loops share that send things to others' servers: some at once, with no transaction open."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Sender:
    """What one worker sends at once: a task for each, up to a bound."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._tasks = set[asyncio.Task[None]]()

    @property
    def room(self) -> int:
        """How many more may be sent now."""
        return self._at_once - len(self._tasks)

    def start(self, sending: Coroutine[Any, Any, None]) -> None:
        """Begin to send something."""
        task = asyncio.create_task(sending)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._tasks)

    async def stop(self) -> None:
        """Give up what is under way. Its leases end by themselves, and it is sent again."""
        for it in self._tasks:
            it.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
