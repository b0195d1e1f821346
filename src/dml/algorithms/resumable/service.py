"""The use cases: announce a model, begin to send a part of it, end an upload, or complete it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import sandbox_time
from dml.algorithms import queries as algorithm_queries, rules as algorithm_rules
from dml.algorithms.events import seen_by
from dml.algorithms.models import Algorithm, Version
from dml.algorithms.resumable import queries, rules
from dml.algorithms.resumable.events import UploadAnnounced, UploadCompleted, UploadEnded
from dml.algorithms.resumable.models import Upload
from dml.core import events
from dml.core.blobs import Stored
from dml.core.context import SYSTEM, Context
from dml.core.counts import Count
from dml.core.ids import AlgorithmId, UploadId, UserId, new_id
from dml.core.kept_files import FileQuota
from dml.inference import spec
from dml.inference.spec import InputSpec

ENDED_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Announced:
    """What a developer says of a model before it comes."""

    sha256: str
    size: int
    input_spec: InputSpec


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the operator allows an upload."""

    most_bytes: int
    under_way: int
    waits: timedelta


async def announce(
    ctx: Context, algorithm_id: AlgorithmId, told: Announced, quota: FileQuota, bounds: Bounds
) -> Upload:
    """Begin an upload, and set its bytes aside in the developer's quota."""
    algorithm = await algorithm_queries.get_algorithm(ctx.tx, ctx.actor, algorithm_id)
    algorithm_rules.require_developer(algorithm, ctx.actor)
    algorithm_rules.require_not_archived(algorithm)
    if told.size > bounds.most_bytes:
        raise algorithm_rules.FileTooLarge(limit_bytes=bounds.most_bytes)
    # Owners permit a kind of data to an algorithm; what a device then reads is of the spec's kind.
    assert told.input_spec.kind == algorithm.kind, "there is a second kind: refuse here"
    kept_spec = spec.to_dict(told.input_spec)
    same = await algorithm_queries.find_same(ctx.tx, algorithm_id, told.sha256, kept_spec)
    if same is not None:
        raise rules.AlreadyUploaded(version_id=same.id)
    await sandbox_time.require_room(ctx, algorithm.developer_id)
    upload_id = UploadId(new_id())
    await quota.require_room(ctx, Stored(f"upload:{upload_id}", told.size))
    under_way = await queries.list_under_way(
        ctx.tx, algorithm.developer_id, ctx.now, limit=bounds.under_way
    )
    rules.require_few(under_way, bounds.under_way)
    upload = Upload(
        id=upload_id,
        algorithm_id=algorithm_id,
        input_spec=kept_spec,
        sha256=told.sha256,
        size=Count(told.size),
        created_at=ctx.now,
        expires_at=ctx.now + bounds.waits,
    )
    ctx.tx.add(upload)
    await events.record(ctx, UploadAnnounced(upload.id, algorithm_id), seen_by(algorithm))
    return upload


async def begin_part(
    ctx: Context, algorithm_id: AlgorithmId, upload_id: UploadId, *, offset: int, writer: str
) -> Upload:
    """Have one request alone add to an upload from now on, where it begins at the right place.

    Whoever sent parts before does so no more: most often they are gone, and nobody knows it yet.
    """
    upload = await queries.get_mine(ctx, algorithm_id, upload_id, lock=True)
    rules.require_open(upload)
    rules.require_offset(upload, offset)
    upload.writer = writer
    return upload


async def complete(ctx: Context, algorithm: Algorithm, upload: Upload, version: Version) -> None:
    """Note which version an upload has become. Its row stays a while, to tell who missed that."""
    await ctx.tx.flush()
    upload.version_id, upload.completed_at = version.id, ctx.now
    upload.parts, upload.writer = [], None
    await events.record(ctx, UploadCompleted(upload.id, algorithm.id), seen_by(algorithm))


async def end(ctx: Context, upload: Upload, *, reason: str) -> None:
    """Forget an upload. What lies in quarantine is deleted soon."""
    algorithm = await algorithm_queries.get_any_algorithm(ctx.tx, upload.algorithm_id)
    if upload.version_id is None:
        ended = UploadEnded(upload.id, upload.algorithm_id)
        await events.record(ctx, ended, seen_by(algorithm), reason=reason)
    await ctx.tx.delete(upload)
    await ctx.tx.flush()


async def give_up(ctx: Context, algorithm_id: AlgorithmId, upload_id: UploadId) -> None:
    """End an upload for its developer."""
    upload = await queries.get_mine(ctx, algorithm_id, upload_id, lock=True)
    rules.require_open(upload)
    await end(ctx, upload, reason="its developer gave it up")


async def end_all_of(ctx: Context, developer_id: UserId) -> None:
    """End all uploads of a developer who leaves."""
    for upload in await queries.list_of_developer(ctx.tx, developer_id):
        await end(ctx, upload, reason="its developer erased their account")


async def end_all_for(ctx: Context, algorithm_id: AlgorithmId) -> None:
    """End all uploads of an algorithm that is deleted."""
    for upload in await queries.list_of(ctx.tx, algorithm_id):
        await end(ctx, upload, reason="its algorithm was deleted")


async def forget_expired(tx: AsyncSession, now: datetime) -> int:
    """End some uploads that were not finished in time, and forget completed ones.

    Return how many.
    """
    ctx = Context(tx, SYSTEM, now)
    over = await queries.list_expired(tx, now, limit=ENDED_AT_ONCE)
    for upload in over:
        await end(ctx, upload, reason="no part of it came for too long")
    return len(over)
