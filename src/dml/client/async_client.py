"""The typed client for asyncio: the methods of `Client`, to wait for."""

from functools import partial
from types import TracebackType

from dml.client.async_operations import AsyncOperations
from dml.client.asynchronous import AsyncMarketplace
from dml.client.client import open_marketplace

REQUESTS = 32


class AsyncClient(AsyncOperations):
    """As `Client`, for one event loop. Use it in an `async with`.

    At most `requests` are under way at once; others wait. Whoever is cancelled waits no longer,
    while a request that was sent may still be done: repeat it under its `idempotency_key`.
    """

    def __init__(
        self,
        server: str | None = None,
        *,
        token: str | None = None,
        email: str | None = None,
        password: str | None = None,
        organisation: str | None = None,
        requests: int = REQUESTS,
    ) -> None:
        """Asks nothing yet: the first request finds the marketplace, and signs in."""
        opens = partial(
            open_marketplace,
            server,
            token=token,
            email=email,
            password=password,
            organisation=organisation,
        )
        self._market = AsyncMarketplace(opens, requests=requests)
        super().__init__(self._market)

    async def close(self) -> None:
        await self._market.close()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
