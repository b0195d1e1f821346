"""How often a stranger may try: counted in Valkey, for each address or user, and minute.

Valkey is never the only holder of anything that matters: where it is away, nobody is limited.
"""

import logging
from collections.abc import Awaitable, Callable

from fastapi import Request
from redis.exceptions import RedisError

from dml.core.errors import TooMany
from dml.core.settings import Settings
from dml.edge.http import Parts, parts

log = logging.getLogger(__name__)


class TooManyTries(TooMany):
    code = "edge.too_many_tries"
    reason = "There were too many tries of yours or from your address."
    remedy = "Wait as many seconds as `retry_after_seconds` says, then try again."


def at_most(name: str, a_minute: Callable[[Settings], int]) -> Callable[[Request], Awaitable[None]]:
    """Return a dependency that refuses an address which comes more often than that."""

    async def limit(request: Request) -> None:
        server = parts(request)
        address = request.client.host if request.client else "unknown"
        await count_try(server, f"{name}:{address}", a_minute(server.settings))

    return limit


async def count_try(server: Parts, whose: str, most: int) -> None:
    """Count a try of somebody's, and refuse where there were more in this minute."""
    key = f"limit:{whose}"
    try:
        async with server.redis.pipeline(transaction=True) as pipeline:
            pipeline.set(key, 0, ex=60, nx=True)
            pipeline.incr(key)
            pipeline.ttl(key)
            _, tries, seconds = await pipeline.execute()
    except (RedisError, OSError) as error:
        log.warning("limits are off: %s", error)
        return
    if tries > most:
        raise TooManyTries(retry_after_seconds=max(1, seconds))
