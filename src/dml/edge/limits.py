"""How often a stranger may try: counted in Valkey, for each address or user, and minute.

Where Valkey is away, each process counts by itself, a bounded number of them: so whoever guesses
then is still slowed, by as many processes less. It holds nothing else (docs/decisions/0001).

What is guessed, as a password, is counted by what it opens, too: a thousand addresses make no more
guesses than one. The first few cost nothing; then each makes all wait, 15 s to a minute. That a
guess is one is known only when it was wrong, so each counts before it is looked at, and is forgiven
when it was right: a thousand at once are no way around it.

What is left of a minute's tries is told with each answer that counted one, so that nobody has to
run into a limit to learn of it (draft-ietf-httpapi-ratelimit-headers).
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import Depends, Request
from redis.exceptions import RedisError

from dml.core import metrics
from dml.core.addresses import network_of
from dml.core.errors import TooMany, Unavailable
from dml.core.settings import Settings
from dml.edge.http import Parts, address_of, parts

log = logging.getLogger(__name__)

WAIT_MAX_SECONDS: Final = 60  # So long the owner of an account is kept out by a stranger, at most.
REMEMBERED_SECONDS: Final = 3_600  # After the last guess.
COUNTED_MAX: Final = 20_000  # Counters that a process keeps where Valkey is away: about 5 MiB.

_TAKE: Final = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local from = tonumber(redis.call('HGET', KEYS[1], 'from') or 0)
if now < from then return from - now end
local guesses = redis.call('HINCRBY', KEYS[1], 'guesses', 1)
if guesses >= tonumber(ARGV[1]) then
    local wait = math.min(15 * 2 ^ math.min(guesses - ARGV[1], 20), tonumber(ARGV[2])) * 1000
    redis.call('HSET', KEYS[1], 'from', now + wait)
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 0
"""
_SPEND: Final = """
local spent = tonumber(redis.call('GET', KEYS[1]) or 0)
local left = ARGV[2] - spent - ARGV[1]
if left >= 0 then
    redis.call('INCRBY', KEYS[1], ARGV[1])
    if spent == 0 then redis.call('EXPIRE', KEYS[1], 60) end
end
return {left, math.max(redis.call('PTTL', KEYS[1]), 0)}
"""
_FORGIVE: Final = """
if redis.call('EXISTS', KEYS[1]) == 1 then
    redis.call('HINCRBY', KEYS[1], 'guesses', -1)
    redis.call('HDEL', KEYS[1], 'from')
end
"""


class TooManyTries(TooMany):
    code = "edge.too_many_tries"
    reason = "There were too many tries by you or from your address."
    remedy = "Wait as many seconds as `retry_after_seconds` says, then try again."


@dataclass(slots=True)
class _Counter:
    count: int
    ends_at: float  # When it is forgotten.
    free_from: float = 0  # Until when nobody may guess.


@dataclass(slots=True)
class Here:
    """What one process counts by itself. Where there are too many, the oldest are forgotten."""

    most: int = COUNTED_MAX
    counters: dict[str, _Counter] = field(default_factory=dict)

    def count(self, key: str, now: float) -> tuple[int, float]:
        """Count a try; return how many there were in this minute, and how long it still lasts."""
        counter = self._get(key, now, 60)
        counter.count += 1
        return counter.count, counter.ends_at - now

    def spend(self, key: str, now: float, points: int, most: int) -> tuple[int, float]:
        """Spend points of this minute, if there are as many; return what is left, and how long."""
        counter = self._get(key, now, 60)
        left = most - counter.count - points
        if left >= 0:
            counter.count += points
        return left, counter.ends_at - now

    def take(self, key: str, now: float, free: int) -> float:
        """Count a guess and return 0, or return how long nobody may make one."""
        counter = self._get(key, now, REMEMBERED_SECONDS)
        if now < counter.free_from:
            return counter.free_from - now
        counter.count += 1
        if counter.count >= free:
            wait: int = 15 * 2 ** min(counter.count - free, 20)
            counter.free_from = now + min(wait, WAIT_MAX_SECONDS)
        counter.ends_at = now + REMEMBERED_SECONDS
        return 0

    def forgive(self, key: str) -> None:
        if (counter := self.counters.get(key)) is not None:
            counter.count, counter.free_from = counter.count - 1, 0

    def _get(self, key: str, now: float, seconds: float) -> _Counter:
        counter = self.counters.get(key)
        if counter is None or counter.ends_at <= now:
            self.counters.pop(key, None)  # So that the newest comes last.
            while len(self.counters) >= self.most:
                del self.counters[next(iter(self.counters))]
            counter = self.counters[key] = _Counter(0, now + seconds)
        return counter


@dataclass(frozen=True, slots=True)
class Told:
    """A limit that a request counts for, and what is left of it."""

    name: str
    most: int
    left: int
    seconds: int


_here: Final = Here()
_told: ContextVar[list[Told] | None] = ContextVar("limits_told", default=None)


def begin_telling() -> None:
    """Have what this request counts for noted, for its answer's `headers_of_limits`."""
    _told.set([])


def headers_of_limits() -> list[tuple[bytes, bytes]]:
    """Return what tells of the limits that this request counted for. Empty, where of none."""
    told = _told.get()
    if not told:
        return []
    policies = ", ".join(f'"{it.name}";q={it.most};w=60' for it in told)
    left = ", ".join(f'"{it.name}";r={it.left};t={it.seconds}' for it in told)
    return [(b"ratelimit-policy", policies.encode()), (b"ratelimit", left.encode())]


def client_network(request: Request) -> str:
    """By what the client of this request is counted."""
    return network_of(address_of(request))


async def _network(request: Request) -> str:
    return client_network(request)


Network = Annotated[str, Depends(_network)]


def at_most(name: str, a_minute: Callable[[Settings], int]) -> Callable[[Request], Awaitable[None]]:
    """Return a dependency that refuses a network which comes more often than that."""

    async def limit(request: Request) -> None:
        server = parts(request)
        await count_try(server, f"{name}:{client_network(request)}", a_minute(server.settings))

    return limit


async def count_try(server: Parts, whose: str, most: int) -> None:
    """Count a try of somebody's, and refuse where there were more in this minute.

    `whose` begins with the limit's name, up to a colon.
    """
    key = f"limit:{whose}"
    try:
        async with server.redis.pipeline(transaction=True) as pipeline:
            pipeline.set(key, 0, ex=60, nx=True)
            pipeline.incr(key)
            pipeline.ttl(key)
            _, tries, seconds = await pipeline.execute()
    except (RedisError, OSError) as error:
        _count_alone(error)
        tries, seconds = _here.count(key, time.monotonic())
    told = _told.get()
    if told is not None:
        name, left = whose.partition(":")[0], max(0, most - int(tries))
        told.append(Told(name, most, left, max(1, int(seconds))))
    if tries > most:
        raise TooManyTries(retry_after_seconds=max(1, int(seconds)))


def _count_alone(error: Exception) -> None:
    """Say that Valkey is away: this process counts by itself."""
    metrics.COUNTED_ALONE.inc()
    log.warning("each process counts by itself: %s", error)


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent of a minute's points, and what is left of them for how long."""

    points: int
    left: int
    seconds: int


async def spend(server: Parts, whose: str, points: int, *, most: int) -> Spent:
    """Spend some of the points that somebody has for a minute. `left` is below 0 where there were
    not as many: then nothing was spent.
    """
    key = f"points:{whose}"
    try:
        left, milliseconds = await server.redis.eval(_SPEND, 1, key, points, most)
        seconds = milliseconds / 1000
    except (RedisError, OSError) as error:
        _count_alone(error)
        left, seconds = _here.spend(key, time.monotonic(), points, most)
    _end_if_cancelled()
    return Spent(points, int(left), max(1, -int(-seconds // 1)))


def _end_if_cancelled() -> None:
    """End who was cancelled while Valkey was asked: redis-py may answer as if nothing was."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


@asynccontextmanager
async def guess(server: Parts, what: str, *, free: int) -> AsyncIterator[None]:
    """Count a guess at what only its owner knows, or refuse it for a while, without looking at it.

    It was right where the block ends well. `free` wrong ones cost nothing; then each doubles the
    time for which the next is refused.
    """
    await _take(server, f"guess:{what}", free)
    try:
        yield
    except Unavailable:  # It was not looked at.
        await _forgive(server, f"guess:{what}")
        raise
    await _forgive(server, f"guess:{what}")


async def _take(server: Parts, key: str, free: int) -> None:
    try:
        milliseconds = await server.redis.eval(
            _TAKE, 1, key, free, WAIT_MAX_SECONDS, REMEMBERED_SECONDS
        )
        seconds = milliseconds / 1000
    except (RedisError, OSError) as error:
        _count_alone(error)
        seconds = _here.take(key, time.monotonic(), free)
    if seconds > 0:
        raise TooManyTries(retry_after_seconds=max(1, -int(-seconds // 1)))


async def _forgive(server: Parts, key: str) -> None:
    _here.forgive(key)
    try:
        await server.redis.eval(_FORGIVE, 1, key)
    except (RedisError, OSError) as error:
        _count_alone(error)
