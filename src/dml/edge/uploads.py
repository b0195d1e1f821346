"""The only way to a body larger than a request's: a file, from somebody who is signed in.

What is scarce is counted in Valkey, across all processes, and forgotten by itself where a process
dies: where Valkey is away, nobody is limited.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import uuid4

from fastapi import Request
from redis.exceptions import RedisError

from dml.core import kept_files
from dml.core.blobs import Stored
from dml.core.context import Actor, BeginFunction, Context
from dml.core.errors import NotSignedIn, TooMany, Unavailable
from dml.core.ids import UserId
from dml.core.kept_files import Room
from dml.edge.bodies import BODY, Body, sha256_of
from dml.edge.http import Parts
from dml.edge.idempotency import LateTransaction

UPLOADS_MAX: Final = 500  # In one process, of all users.
FORGOTTEN_SECONDS: Final = 30.0  # After the last sign of life of a process that took it.
SLACK_BYTES: Final = 1024 * 1024
RETRY_SECONDS: Final = 10
AdmittedT = TypeVar("AdmittedT", bound="Admitted")

log = logging.getLogger(__name__)
_under_way: Final[set[str]] = set()


class TooManyUploads(TooMany):
    code = "edge.too_many_uploads"
    reason = "You are sending as many files already as you may at once."
    remedy = "Wait until one of them has arrived, then send this one again."


class UploadsBusy(Unavailable):
    code = "edge.uploads_busy"
    reason = "Too many files are being sent just now."
    remedy = "Wait as many seconds as `retry_after_seconds` says, then send it again."


@asynccontextmanager
async def uploading(
    server: Parts, actor: Actor, request: Request, *, limit: int
) -> AsyncIterator[None]:
    """Let `actor`, whose token was checked, send `limit` bytes, as slowly as uploads may be sent.

    Refuses who sends too many files at once.
    """
    if actor.user_id is None:
        raise NotSignedIn
    if len(_under_way) >= UPLOADS_MAX:
        raise UploadsBusy(retry_after_seconds=RETRY_SECONDS)
    name = uuid4().hex
    _under_way.add(name)
    try:
        async with _place(server, actor.user_id, name):
            body: Body = request.scope[BODY]
            # What reads the file refuses one that is too large in its own words.
            body.limit, body.is_upload = limit + SLACK_BYTES, True
            yield
    finally:
        _under_way.discard(name)


@dataclass(frozen=True, slots=True)
class Admitted:
    """What was found before a file comes: the room that it has, and how large it may be."""

    room: Room
    limit: int


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request whose body is a file: it becomes a blob and a row, or leaves nothing behind."""

    server: Parts
    begin: BeginFunction
    late: LateTransaction
    request: Request

    @asynccontextmanager
    async def stored(
        self,
        admit: Callable[[Context], Awaitable[AdmittedT]],
        read: Callable[[int], AsyncIterator[bytes]],
        *,
        limit: int,
        around: int = 0,
        sent: Callable[[], Sequence[str]] = tuple,
    ) -> AsyncIterator[tuple[Context, AdmittedT, Stored]]:
        """Stream the file into the blob store, then open the transaction that is to record it.

        `read` yields at most so many bytes; the body may have `around` more. No transaction is open
        while they come: a large file over a slow line outlasts an access token, so the token counts
        when it begins, and the session once more in the end. Where an Idempotency-Key has its
        answer already nobody is admitted: at most `limit` bytes are then read to be compared, with
        what is `sent` beside them.
        """
        actor, began, admitted = await self.late.begin(self.begin, admit)
        limit = limit if admitted is None else admitted.limit
        async with uploading(self.server, actor, self.request, limit=limit + around):
            if admitted is None:
                sha256 = await sha256_of(read(limit))
                await self.late.repeat(self.begin(since=began), actor, sha256, *sent())
            file = admitted.room.within(read(limit))
            stored = await self.server.blobs.take_in(file, limit=limit)
        async with self.server.blobs.unless_kept(stored):
            ctx = await self.late.open(self.begin(since=began), actor, stored.sha256, *sent())
            yield ctx, admitted, stored
            await kept_files.keep(ctx, self.server.blobs, stored)


@asynccontextmanager
async def _place(server: Parts, user_id: UserId, name: str) -> AsyncIterator[None]:
    """Hold one of the user's places for as long as this process lives."""
    key = f"uploads:{user_id}"
    await _take(server, key, name)
    holding = asyncio.create_task(_hold(server, key, name))
    try:
        yield
    finally:
        holding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await holding
        with contextlib.suppress(RedisError, OSError):
            await server.redis.zrem(key, name)


async def _take(server: Parts, key: str, name: str) -> None:
    most = server.settings.uploads_at_once
    try:
        await _sign(server, key, name)
        if await server.redis.zcard(key) <= most:
            return
        await server.redis.zrem(key, name)
    except (RedisError, OSError) as error:
        log.warning("limits of uploads are off: %s", error)
        return
    raise TooManyUploads(retry_after_seconds=RETRY_SECONDS)


async def _hold(server: Parts, key: str, name: str) -> None:
    while True:
        await asyncio.sleep(FORGOTTEN_SECONDS / 3)
        with contextlib.suppress(RedisError, OSError):
            await _sign(server, key, name)


async def _sign(server: Parts, key: str, name: str) -> None:
    """Note that this upload goes on, and forget those that nobody noted for long."""
    now = time.time()
    async with server.redis.pipeline(transaction=True) as pipeline:
        pipeline.zremrangebyscore(key, 0, now - FORGOTTEN_SECONDS)
        pipeline.zadd(key, {name: now})
        pipeline.expire(key, int(FORGOTTEN_SECONDS))
        await pipeline.execute()
