"""Many small things at once, a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

AT_ONCE: Final = 4
T = TypeVar("T")


async def each(items: Iterable[T], act: Callable[[T], Awaitable[None]]) -> None:
    """Do something with each. The first error ends it, and is raised as it is."""
    waiting = iter(items)

    async def some() -> None:
        for it in waiting:
            await act(it)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(some())
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
