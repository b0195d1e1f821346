"""Doing several things at the same time."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")


async def together(acts: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Do all of it side by side, and answer in order.

    The first failure ends the others before it is raised, so that nothing goes on unseen.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(it) for it in acts]
    except* Exception as failures:
        raise _first(failures) from None
    return [it.result() for it in tasks]


async def both(one: Coroutine[Any, Any, A], other: Coroutine[Any, Any, B]) -> tuple[A, B]:
    """Do two different things side by side."""
    results: list[Any] = await together([one, other])
    return results[0], results[1]


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
