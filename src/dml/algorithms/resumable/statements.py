"""Writes of uploads that two requests may try at once: one statement each."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncSession

from dml.algorithms.resumable.models import Upload
from dml.core.ids import UploadId


@dataclass(frozen=True, slots=True)
class Written:
    """A part that is in quarantine, by the name of its object, and which request wrote it there."""

    upload_id: UploadId
    writer: str
    name: str
    start: int
    size: int


async def count_in(tx: AsyncSession, part: Written, *, until: datetime) -> bool:
    """Add a part to its upload, which then waits `until` that moment for the next one.

    False, and nothing is done, where another request has begun since, or the upload is over.
    """
    awaited = (
        Upload.id == part.upload_id,
        Upload.writer == part.writer,
        Upload.received == part.start,
        Upload.version_id.is_(None),
    )
    counted = (
        update(Upload)
        .where(*awaited)
        .values(
            received=Upload.received + part.size,
            parts=func.array_append(Upload.parts, part.name),
            expires_at=func.greatest(Upload.expires_at, until),
        )
    )
    return await tx.scalar(counted.returning(Upload.id)) is not None
