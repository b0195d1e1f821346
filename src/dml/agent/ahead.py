"""Several things at once, on as many cores as the owner allows, and in order all the same."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

Thing = TypeVar("Thing")
Made = TypeVar("Made")


def in_order(
    things: Iterable[Thing], make: Callable[[Thing], Made], workers: int
) -> Iterator[tuple[Thing, Callable[[], Made]]]:
    """Each thing, and what gives that which is made of it, or raises what `make` raised.

    With one worker it is made when it is asked for, by whoever asks. With more it is made in their
    threads, of as many things ahead as there are workers. Who stops asking waits for those that are
    under way.
    """
    if workers == 1:
        for thing in things:
            yield thing, partial(make, thing)
        return
    pool = ThreadPoolExecutor(workers)
    waiting = deque[tuple[Thing, Future[Made]]]()
    try:
        for thing in things:
            waiting.append((thing, pool.submit(make, thing)))
            if len(waiting) > workers:
                first, future = waiting.popleft()
                yield first, future.result
        for first, future in waiting:
            yield first, future.result
    finally:
        pool.shutdown(cancel_futures=True)
