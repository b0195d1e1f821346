"""Calling a URL that a stranger named, without being led to where only we can go.

The name is resolved once, every address is checked, and the connection goes to one of those very
addresses; TLS and the header Host still have the name. No proxy, no redirect, no cookie: this is
httpcore alone, which knows none of them (docs/decisions/0041).
"""

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpcore2

from dml.feed.webhooks import rules
from dml.feed.webhooks.reaching import AddressRefused, Resolver
from dml.feed.webhooks.rules import Target

CONNECT_SECONDS: Final = 5.0
ADDRESSES_MAX: Final = 3  # Of one name that are tried.
KEEP_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The status, and what the answer begins with."""

    status: int
    beginning: bytes


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to the addresses that were checked, and to nothing else."""

    def __init__(self, resolver: Resolver, scheme: str) -> None:
        self._resolver, self._scheme = resolver, scheme
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        addresses = await self._resolver.resolve(self._scheme, host, port)
        failed: Exception | None = None
        for address in addresses[:ADDRESSES_MAX]:
            try:
                return await self._inner.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
        raise failed or AddressRefused("its name has no address")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        raise AddressRefused("it is no server on the internet")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Caller:
    """Posts to URLs of strangers, from this process."""

    def __init__(
        self, resolver: Resolver, *, connections: int, trust: ssl.SSLContext | None = None
    ) -> None:
        self._resolver = resolver
        self._pools: Final = {
            scheme: httpcore2.AsyncConnectionPool(
                ssl_context=trust,
                max_connections=connections,
                keepalive_expiry=KEEP_SECONDS,
                network_backend=CheckedBackend(resolver, scheme),
            )
            for scheme in ("https", "http")
        }

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post, and read what comes back up to a limit. Raises AddressRefused, WebhookUrlRefused,
        TimeoutError, or what httpcore raises.
        """
        target = rules.read_url(url, to_loopback=self._resolver.to_loopback)
        asked = self._pools[target.scheme].stream(
            "POST",
            _as_url(target),
            headers=list(headers.items()),
            content=body,
            extensions={"timeout": {"connect": CONNECT_SECONDS}},
        )
        beginning, size = bytearray(), 0
        async with asyncio.timeout(rules.SEND_SECONDS), asked as response:
            async for piece in response.aiter_stream():
                size += len(piece)
                beginning += piece[: rules.SHOWN_BYTES - len(beginning)]
                if size >= rules.ANSWER_BYTES_MAX:
                    break
            return Answer(response.status, bytes(beginning))

    async def close(self) -> None:
        for it in self._pools.values():
            await it.aclose()
        self._resolver.close()


def _as_url(target: Target) -> httpcore2.URL:
    return httpcore2.URL(
        scheme=target.scheme, host=target.host, port=target.port, target=target.path
    )
