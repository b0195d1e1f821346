"""How a model comes in parts: each is written to the quarantine, then counted.

No transaction is open while bytes come or are compared. Only what is counted is ever read: an
object that was written and not counted, because its process was killed in between, is deleted with
the rest.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from fastapi import HTTPException, Request
from obstore.exceptions import BaseError as StoreError
from starlette.requests import ClientDisconnect

from dml.accounts import sandbox_time
from dml.accounts.agreement import service as agreements
from dml.algorithms import queries as algorithm_queries, rules as algorithm_rules
from dml.algorithms.models import Version
from dml.algorithms.resumable import queries, rules, service, statements
from dml.algorithms.resumable.models import Upload
from dml.algorithms.resumable.rules import DIRECT, MEDIA_TYPE, PART_BYTES, PART_BYTES_LEAST
from dml.algorithms.resumable.service import Announced, Bounds
from dml.algorithms.resumable.statements import Written
from dml.algorithms.uploads import add_version
from dml.core import kept_files
from dml.core.blobs import BlobTooLarge, Incoming
from dml.core.context import BeginFunction, Context
from dml.core.errors import DmlError
from dml.core.ids import AlgorithmId, UploadId
from dml.edge.bodies import BODY, Body, FileCutOff
from dml.edge.http import Parts
from dml.edge.uploads import uploading
from dml.inference import spec

# A model is read and written whole as it is completed: more at once would only be slower.
_COMPLETING: Final = asyncio.Semaphore(2)


@dataclass(frozen=True, slots=True)
class Named:
    """An upload by its ids, as a path has them."""

    algorithm_id: AlgorithmId
    id: UploadId


@dataclass(frozen=True, slots=True)
class Direct:
    """Where the whole file may be put past the API, for a while."""

    url: str
    expires_at: datetime


async def announce(
    server: Parts, ctx: Context, algorithm_id: AlgorithmId, told: Announced
) -> Upload:
    """Begin an upload for the algorithm's developer."""
    settings = server.settings
    bounds = Bounds(
        settings.model_limit_bytes,
        settings.uploads_under_way,
        timedelta(hours=settings.upload_hours),
    )
    upload = await service.announce(ctx, algorithm_id, told, server.quota, bounds)
    await agreements.require_met(ctx, server.demands)
    await ctx.tx.flush()
    return upload


async def sign(server: Parts, upload: Upload) -> Direct | None:
    """Return where its file may be put past the API; None where there is no bucket, or no need.

    It is computed here: nobody is asked, but for who we are, once an hour.
    """
    now = datetime.now(UTC)
    left = int((upload.expires_at - now).total_seconds())
    if upload.version_id is not None or left <= 0:
        return None
    seconds = min(left, rules.DIRECT_SECONDS)
    url = await server.blobs.quarantine.sign_put(upload.id, DIRECT, seconds=seconds)
    return None if url is None else Direct(url, now + timedelta(seconds=seconds))


async def append(
    server: Parts, begin: BeginFunction, named: Named, offset: int, request: Request
) -> Upload:
    """Take in the bytes of an upload from an offset on, as many as come. Return how far it is."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != MEDIA_TYPE:
        raise HTTPException(415, f"Send the next bytes of the model, as {MEDIA_TYPE}.")
    writer = secrets.token_hex(8)
    async with begin() as ctx:
        upload = await queries.get_mine(ctx, named.algorithm_id, named.id)
        rules.require_open(upload)
        rules.require_offset(upload, offset)
        actor, began = ctx.actor, ctx.now
    body = _Body(request, size=upload.size, offset=offset)
    async with uploading(server, actor, request, limit=upload.size - offset):
        async with begin(since=began) as ctx:
            await service.begin_part(
                ctx, named.algorithm_id, named.id, offset=offset, writer=writer
            )
        while await body.has_more():
            name = rules.part_name(body.offset, writer)
            start = body.offset
            try:
                await server.blobs.quarantine.put(named.id, name, body.part())
            except (OSError, StoreError):  # Its folder goes with an upload that ends meanwhile.
                async with begin(since=began) as ctx:
                    rules.require_open(await queries.get_mine(ctx, named.algorithm_id, named.id))
                raise
            async with begin(since=began) as ctx:
                until = ctx.now + timedelta(hours=server.settings.upload_hours)
                written = Written(named.id, writer, name, start, body.offset - start)
                if not await statements.count_in(ctx.tx, written, until=until):
                    rules.require_open(await queries.get_mine(ctx, named.algorithm_id, named.id))
                    raise rules.UploadTakenOver
    body.require_whole()
    async with begin(since=began) as ctx:
        return await queries.get_mine(ctx, named.algorithm_id, named.id)


async def complete(server: Parts, begin: BeginFunction, named: Named) -> Version:
    """Make a version of an upload that is whole; or end it where it is not what was announced.

    Again, or by two at once, it is the same version.
    """
    async with begin() as ctx:
        # Before the upload is read: what another request has just made of it is no other file.
        pending = await algorithm_queries.count_pending(ctx.tx, ctx.actor.id)
        upload = await queries.get_mine(ctx, named.algorithm_id, named.id)
        if upload.version_id is not None:
            return await queries.get_version(ctx.tx, upload.version_id)
        algorithm_rules.require_none_pending(pending)
        await _require_may_complete(server, ctx, upload)
        began = ctx.now
    async with AsyncExitStack() as stack:
        refusal: DmlError | None = None
        async with _COMPLETING:
            try:
                stored = await _take_in(server, stack, upload)
            except (rules.UploadDiffers, rules.UploadLost) as differs:
                refusal = differs
        async with begin(since=began) as ctx:
            algorithm = await algorithm_queries.get_algorithm(
                ctx.tx, ctx.actor, named.algorithm_id, lock=True
            )
            upload = await queries.get_mine(ctx, named.algorithm_id, named.id, lock=True)
            if upload.version_id is not None:
                return await queries.get_version(ctx.tx, upload.version_id)
            if refusal is None:
                # Its bytes were set aside for it, so that its quota needs no second look.
                version = await add_version(ctx, algorithm.id, spec.read(upload.input_spec), stored)
                await service.complete(ctx, algorithm, upload, version)
                await kept_files.keep(ctx, server.blobs, stored)
                return version
            await service.end(ctx, upload, reason=refusal.reason)
    raise refusal


async def _require_may_complete(server: Parts, ctx: Context, upload: Upload) -> None:
    """Refuse before all is read what would be refused afterwards."""
    algorithm = await algorithm_queries.get_any_algorithm(ctx.tx, upload.algorithm_id)
    algorithm_rules.require_not_archived(algorithm)
    await agreements.require_met(ctx, server.demands)
    await sandbox_time.require_room(ctx, algorithm.developer_id)


async def _take_in(server: Parts, stack: AsyncExitStack, upload: Upload) -> Incoming:
    """Read all of an upload once: what is compared are the bytes that are kept.

    They are written anew for that. An object that was put past the API can be put again until its
    URL expires, so that between a look at it and a copy of it, it may become another.
    """
    quarantine, names = server.blobs.quarantine, upload.parts
    if upload.received < upload.size:
        size = await quarantine.find_size(upload.id, DIRECT)
        if size is None:
            raise rules.UploadIncomplete(offset=upload.received, size=upload.size)
        rules.require_same(upload, size=size)
        names = [DIRECT]
    try:
        stored = await server.blobs.take_in(quarantine.read(upload.id, names), limit=upload.size)
    except FileNotFoundError:
        raise rules.UploadLost from None
    except BlobTooLarge:  # It was put again, meanwhile.
        raise rules.UploadDiffers(size=upload.size + 1) from None
    await stack.enter_async_context(server.blobs.unless_kept(stored))
    rules.require_same(upload, size=stored.size, sha256=stored.sha256)
    return stored


class _Body:
    """The bytes that a request brings, cut into objects. `offset` is how far they were read."""

    def __init__(self, request: Request, *, size: int, offset: int) -> None:
        """Refuse at once what its length gives away."""
        self.offset, self._size = offset, size
        body: Body = request.scope[BODY]
        self._end = None if body.declared is None else offset + body.declared
        self._began = offset
        if self._end is not None:
            if self._end > size:
                raise rules.UploadTooLarge(size=size)
            self._require_enough(self._end - offset, is_last=self._end == size)
        self._chunks = request.stream()
        self._rest = b""
        self._is_over = self._is_cut_off = False

    async def has_more(self) -> bool:
        """Wait for bytes, or for their end."""
        while not self._rest and not self._is_over:
            try:
                self._rest = await anext(self._chunks)
            except StopAsyncIteration:
                self._is_over = True
            except ClientDisconnect:
                self._is_over = self._is_cut_off = True
        return bool(self._rest)

    async def part(self) -> AsyncIterator[bytes]:
        """Yield the bytes of the next object. Raises before its end where it is not to be kept.

        What is cut off is kept, if it is enough: over a slow line each byte was hard to send.
        """
        begun = self.offset
        while await self.has_more():
            room = PART_BYTES - (self.offset - begun)
            if self._end is not None and self._end - self.offset < PART_BYTES_LEAST:
                room = len(self._rest)  # So little is left that it makes no object of its own.
            if room <= 0:
                break
            chunk, self._rest = self._rest[:room], self._rest[room:]
            self.offset += len(chunk)
            if self.offset > self._size:
                raise rules.UploadTooLarge(size=self._size)
            yield chunk
        if self._is_cut_off and self.offset - begun < PART_BYTES_LEAST:
            raise FileCutOff
        self._require_enough(self.offset - begun, is_last=self.offset == self._size)

    def require_whole(self) -> None:
        """Refuse a request that was cut off, or brought nothing."""
        if self._is_cut_off:
            raise FileCutOff
        self._require_enough(self.offset - self._began, is_last=self.offset == self._size)

    def _require_enough(self, size: int, *, is_last: bool) -> None:
        if size < PART_BYTES_LEAST and not is_last:
            raise rules.PartTooSmall(least_bytes=PART_BYTES_LEAST)
