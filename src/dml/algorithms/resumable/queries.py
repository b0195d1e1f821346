"""Every SELECT of uploads."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.algorithms import queries as algorithm_queries, rules as algorithm_rules
from dml.algorithms.models import Algorithm, Version
from dml.algorithms.resumable import rules
from dml.algorithms.resumable.models import Upload
from dml.core.context import Context
from dml.core.db import PAGE_MAX
from dml.core.ids import AlgorithmId, UploadId, UserId, VersionId

# What is set aside for uploads under way of $user_id: each counts whole, whatever it says to be.
KEPT_FILES: Final = """
    SELECT 'upload' AS kind, u.id,
        '/v1/algorithms/' || u.algorithm_id || '/uploads/' || u.id AS path,
        'upload:' || u.id AS sha256, u.size, true AS deletable
    FROM algorithms a JOIN algorithm_uploads u ON u.algorithm_id = a.id
    WHERE a.developer_id = :user_id AND u.version_id IS NULL
"""


async def get_mine(
    ctx: Context, algorithm_id: AlgorithmId, upload_id: UploadId, *, lock: bool = False
) -> Upload:
    """Load an upload for the algorithm's developer; for others there is none."""
    algorithm = await algorithm_queries.get_algorithm(ctx.tx, ctx.actor, algorithm_id)
    upload = await ctx.tx.get(Upload, upload_id, with_for_update=lock, populate_existing=True)
    if upload is None or upload.algorithm_id != algorithm_id:
        raise rules.UploadNotFound
    if algorithm.developer_id != ctx.actor.user_id or not rules.is_current(upload, ctx.now):
        raise rules.UploadNotFound
    return upload


async def list_mine(
    ctx: Context, algorithm_id: AlgorithmId, *, after: UUID | None, limit: int
) -> Sequence[Upload]:
    """Return the uploads of an algorithm for its developer, newest first, and one beyond `limit`.

    Those that were completed are there, too, for as long as they are kept.
    """
    assert 0 < limit <= PAGE_MAX
    algorithm = await algorithm_queries.get_algorithm(ctx.tx, ctx.actor, algorithm_id)
    algorithm_rules.require_developer(algorithm, ctx.actor)
    query = select(Upload).where(Upload.algorithm_id == algorithm_id, Upload.expires_at > ctx.now)
    if after is not None:
        query = query.where(Upload.id < after)
    return (await ctx.tx.scalars(query.order_by(Upload.id.desc()).limit(limit + 1))).all()


async def list_under_way(
    tx: AsyncSession, developer_id: UserId, now: datetime, *, limit: int
) -> Sequence[Upload]:
    """Return a developer's uploads under way, the oldest first. Exact while their files are held
    (`core.kept_files`).
    """
    query = (
        select(Upload)
        .join(Algorithm, Algorithm.id == Upload.algorithm_id)
        .where(
            Algorithm.developer_id == developer_id,
            Upload.version_id.is_(None),
            Upload.expires_at > now,
        )
    )
    return (await tx.scalars(query.order_by(Upload.id).limit(limit))).all()


async def list_of(tx: AsyncSession, algorithm_id: AlgorithmId) -> Sequence[Upload]:
    """Load the uploads of an algorithm, completed or not, of which there are few."""
    query = select(Upload).where(Upload.algorithm_id == algorithm_id).order_by(Upload.id)
    return (await tx.scalars(query)).all()


async def list_of_developer(tx: AsyncSession, developer_id: UserId) -> Sequence[Upload]:
    """Load all uploads of a developer."""
    query = select(Upload).join(Algorithm, Algorithm.id == Upload.algorithm_id)
    mine = query.where(Algorithm.developer_id == developer_id)
    return (await tx.scalars(mine.order_by(Upload.id))).all()


async def list_expired(tx: AsyncSession, now: datetime, *, limit: int) -> Sequence[Upload]:
    """Load some uploads whose time is over, past those that somebody holds."""
    over = select(Upload).where(Upload.expires_at <= now).order_by(Upload.expires_at)
    return (await tx.scalars(over.limit(limit).with_for_update(skip_locked=True))).all()


async def find_under_way(tx: AsyncSession, upload_ids: Collection[UUID]) -> set[UUID]:
    """Return those of these ids that are uploads of which nothing has become yet."""
    query = select(Upload.id).where(Upload.id.in_(upload_ids), Upload.version_id.is_(None))
    return set(await tx.scalars(query))


async def get_version(tx: AsyncSession, version_id: VersionId) -> Version:
    """Load the version that an upload was completed as."""
    return await tx.get_one(Version, version_id)
