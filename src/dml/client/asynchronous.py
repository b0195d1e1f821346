"""A marketplace to wait for: each call of `Marketplace` in a thread (docs/decisions/0030).

How a server is asked, when again, and how a session is renewed is so written once.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar, cast

from dml.client.marketplace import Marketplace
from dml.client.requests import Event

T = TypeVar("T")
_END: Final = object()


class AsyncMarketplace:
    """As `Marketplace`, with at most so many requests at once. It is opened by the first one."""

    def __init__(self, opens: Callable[[], Marketplace], *, requests: int) -> None:
        self._opens, self._opening = opens, Lock()
        self._market: Marketplace | None = None
        self._threads = ThreadPoolExecutor(requests, thread_name_prefix="dml-client")

    async def ask(self, method: str, path: str, *, json: Any = None, **request: Any) -> Any:
        return await self._call(lambda it: it.ask(method, path, json=json, **request))

    async def bytes_of(
        self, path: str, *, limit: int, params: Mapping[str, str] | None = None
    ) -> bytes:
        return await self._call(lambda it: it.bytes_of(path, limit=limit, params=params))

    async def upload(
        self,
        method: str,
        path: str,
        file: Path,
        media_type: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        return await self._call(
            lambda it: it.upload(method, path, file, media_type, params=params, headers=headers)
        )

    def all_of(self, path: str, **filters: str) -> AsyncIterator[dict[str, Any]]:
        return self._each(lambda it: it.all_of(path, **filters))

    def events(self, path: str, seconds: float) -> AsyncIterator[Event]:
        return self._each(lambda it: it.events(path, seconds))

    async def close(self) -> None:
        if self._market is not None:
            await self._call(Marketplace.close)
        self._threads.shutdown(wait=False)

    async def _call(self, asks: Callable[[Marketplace], T]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: asks(self._opened()))

    async def _each(self, asks: Callable[[Marketplace], Generator[T]]) -> AsyncIterator[T]:
        """What a generator yields. It has its own thread: a stream rests for hours."""
        loop = asyncio.get_running_loop()
        told = asks(await self._call(lambda it: it))
        with_thread = ThreadPoolExecutor(1, thread_name_prefix="dml-client-stream")
        try:
            while (it := await loop.run_in_executor(with_thread, next, told, _END)) is not _END:
                yield cast(T, it)
        finally:
            # Behind a read that may be under way: whoever is cancelled does not wait for it.
            with_thread.submit(told.close)
            with_thread.shutdown(wait=False)

    def _opened(self) -> Marketplace:
        with self._opening:
            if self._market is None:
                self._market = self._opens()
            return self._market
