"""How a photo comes in: to the disk, until it is its turn to be read, and is deleted then.

A transaction is open only once both pictures are made. Whoever is killed after their blobs are
there and before it is committed leaves two that no row names: nobody can ask for them, and the
collector deletes them.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime

from fastapi import Request

from dml.accounts.models import User
from dml.accounts.photos import rules, service
from dml.core import kept_files
from dml.core.blobs import Incoming
from dml.core.context import BeginFunction
from dml.edge.bodies import stream_file
from dml.edge.http import Parts
from dml.edge.limits import count_try
from dml.edge.uploads import uploading


async def change(server: Parts, begin: BeginFunction, request: Request) -> User:
    """Take in the photo that the actor uploads."""
    began = datetime.now(UTC)
    async with begin() as ctx:
        actor = ctx.actor
    await count_try(server, f"photos:{actor.id}", server.settings.photos_a_minute)
    async with uploading(server, actor, request, limit=rules.PHOTO_BYTES_MAX):
        file = stream_file(request, limit=rules.PHOTO_BYTES_MAX)
        sent = await server.blobs.take_in(file, limit=rules.PHOTO_BYTES_MAX)
    async with server.blobs.unless_kept(sent):
        made = await server.studio.develop(lambda: server.blobs.get_incoming(sent))
    async with AsyncExitStack() as stack:
        photo, thumbnail = [await _taken_in(server, stack, it) for it in made]
        async with begin(since=began) as ctx:
            user = await service.change(ctx, photo, thumbnail)
            await kept_files.keep(ctx, server.blobs, photo)
            await kept_files.keep(ctx, server.blobs, thumbnail)
            return user


async def _taken_in(server: Parts, stack: AsyncExitStack, content: bytes) -> Incoming:
    """Have a picture written whole, to be kept or deleted when the stack ends."""

    async def once() -> AsyncIterator[bytes]:
        yield content

    incoming = await server.blobs.take_in(once(), limit=rules.PICTURE_BYTES_MAX)
    await stack.enter_async_context(server.blobs.unless_kept(incoming))
    return incoming
