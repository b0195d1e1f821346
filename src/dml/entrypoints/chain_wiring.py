"""What reaches the chain, out of the settings: for API, chain process and command line alone.

Apart from `wiring`, since no other process should pay for these imports.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from dml.chain.endpoints import Endpoints
from dml.core.settings import Settings
from dml.entrypoints.embedded import chain, places


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


def make_chain_client(settings: Settings) -> httpx.AsyncClient:
    """Return how the chain's nodes are reached: by no proxy where they are all of this machine."""
    hosts = {urlsplit(it).hostname for it in _chain_urls(settings)}
    return httpx.AsyncClient(trust_env=not hosts <= {"127.0.0.1", "::1", "localhost"})


@asynccontextmanager
async def open_endpoints(settings: Settings) -> AsyncIterator[Endpoints | None]:
    """The nodes of the settings. None where no chain is set."""
    urls = _chain_urls(settings)
    if not urls:
        yield None
        return
    async with make_chain_client(settings) as client:
        yield Endpoints(
            urls,
            client,
            chain_id=settings.chain_id,
            confirmations=settings.chain_confirmations,
        )


def _chain_urls(settings: Settings) -> list[str]:
    url = settings.chain_url
    return url.get_secret_value().split() if url else []
