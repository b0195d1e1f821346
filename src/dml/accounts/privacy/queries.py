"""Every SELECT of exports."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.privacy import rules
from dml.accounts.privacy.models import KEPT, DataExport
from dml.core.ids import ExportId, UserId

EXPORTS_MAX: Final = 100  # More there are not: some a day, for a week, and those that failed.
# The blobs that are needed.
NAMED_BLOBS: Final = "SELECT sha256 FROM data_exports WHERE sha256 IS NOT NULL"


async def list_exports(tx: AsyncSession, user_id: UserId, now: datetime) -> Sequence[DataExport]:
    """Return a user's exports that are kept, newest first."""
    kept = DataExport.user_id == user_id, DataExport.created_at > now - KEPT
    query = select(DataExport).where(*kept).order_by(DataExport.id.desc()).limit(EXPORTS_MAX)
    return (await tx.scalars(query)).all()


async def get_mine(
    tx: AsyncSession, user_id: UserId, export_id: ExportId, now: datetime
) -> DataExport:
    """Load an export of this user's that is kept, or refuse."""
    export = await tx.get(DataExport, export_id)
    if export is None or export.user_id != user_id or export.created_at <= now - KEPT:
        raise rules.ExportNotFound
    return export


async def list_files(tx: AsyncSession, user_id: UserId) -> Sequence[str]:
    """Return the hashes of the files of a user's exports."""
    query = select(DataExport.sha256).where(DataExport.user_id == user_id)
    found = await tx.scalars(query.order_by(DataExport.id.desc()).limit(EXPORTS_MAX))
    return [it for it in found if it is not None]
