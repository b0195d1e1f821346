"""What reaches the chain, out of the settings: for API, chain process and command line alone.

Apart from `wiring`, since no other process should pay for these imports.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import SecretStr

from dml.chain.node.endpoints import Endpoints
from dml.core.deferred import deferred
from dml.core.settings import Settings
from dml.entrypoints.embedded import chain, places

if TYPE_CHECKING:
    import httpx2
else:
    httpx2 = deferred("httpx2")


def with_local_chain(settings: Settings) -> Settings:
    """Return the settings with the chain that `dml up` runs, where no other is set.

    For processes of an operator, and for who pays: the key that pays out is among them.
    """
    if settings.chain_url is not None or not settings.local_chain:
        return settings
    facts = chain.load(places.absolute(settings.home))
    if facts is None:
        return settings
    return settings.model_copy(
        update={
            "chain_url": SecretStr(facts.url),
            "chain_id": chain.CHAIN_ID,
            "chain_vault": facts.vault,
            "chain_start_block": 0,
            "payout_key": SecretStr(facts.payer.key),
            "payout_keystore": None,
            "payout_kms_key": None,
        }
    )


def make_chain_client(settings: Settings) -> "httpx2.AsyncClient":
    """Return how the chain's nodes are reached: by no proxy where they are all of this machine."""
    hosts = {urlsplit(it).hostname for it in _chain_urls(settings)}
    return httpx2.AsyncClient(trust_env=not hosts <= {"127.0.0.1", "::1", "localhost"})


@asynccontextmanager
async def endpoints_when_asked(
    settings: Settings,
) -> AsyncIterator[Callable[[], Endpoints | None]]:
    """What opens the nodes of the settings, once, when first called. None where no chain is set.

    For an API, which seldom has a question: to be ready to ask takes 50 ms of a start.
    """
    async with AsyncExitStack() as closing:

        @cache
        def open_now() -> Endpoints | None:
            urls = _chain_urls(settings)
            if not urls:
                return None
            client = make_chain_client(settings)
            closing.push_async_callback(client.aclose)
            return Endpoints(
                urls,
                client,
                chain_id=settings.chain_id,
                confirmations=settings.chain_confirmations,
            )

        yield open_now


@asynccontextmanager
async def open_endpoints(settings: Settings) -> AsyncIterator[Endpoints | None]:
    """The nodes of the settings. None where no chain is set."""
    async with endpoints_when_asked(settings) as open_now:
        yield open_now()


def _chain_urls(settings: Settings) -> list[str]:
    url = settings.chain_url
    return url.get_secret_value().split() if url else []
