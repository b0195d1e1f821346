"""Where a name leads, and whether webhooks may go there: every address that it has is checked."""

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from dml.feed.webhooks import rules
from dml.feed.webhooks.rules import Address, WebhookUrlRefused

RESOLVING_MAX: Final = 32  # Names that are looked up at once.
RESOLVE_SECONDS: Final = 5.0


class AddressRefused(Exception):
    """The name leads to where no webhook may go, or nowhere."""


class Resolver:
    """Looks names up, in threads of its own: a slow name server holds up no other work."""

    def __init__(self, *, to_loopback: bool) -> None:
        self.to_loopback = to_loopback
        self._threads = ThreadPoolExecutor(RESOLVING_MAX, thread_name_prefix="resolve")

    async def resolve(self, scheme: str, host: str, port: int) -> list[Address]:
        """Return the addresses of a host. AddressRefused if it has none, or one is refused."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                found = await loop.run_in_executor(self._threads, _look_up, host, port)
        except (OSError, TimeoutError, UnicodeError):
            raise AddressRefused("its name has no address") from None
        for it in found:
            if not rules.may_be_called(it, scheme=scheme, to_loopback=self.to_loopback):
                raise AddressRefused("it leads to an address that is not public")
        return found

    async def check(self, url: str) -> None:
        """Refuse a URL that may not be called, as far as can be told now."""
        target = rules.read_url(url, to_loopback=self.to_loopback)
        try:
            await self.resolve(target.scheme, target.host, target.port)
        except AddressRefused as refused:
            raise WebhookUrlRefused(why=str(refused)) from None

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(it[4][0])) for it in found]
