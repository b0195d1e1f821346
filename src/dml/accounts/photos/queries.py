"""Every SELECT of photos."""

from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.models import User
from dml.accounts.photos import rules
from dml.core.ids import UserId

# The blobs that are needed.
NAMED_BLOBS: Final = """
    SELECT photo_sha256 FROM users WHERE photo_sha256 IS NOT NULL
    UNION ALL SELECT thumbnail_sha256 FROM users WHERE thumbnail_sha256 IS NOT NULL
"""


async def require_shown(tx: AsyncSession, user_id: UserId, sha256: str) -> None:
    """Refuse a picture that is not, or no longer, the photo or thumbnail of this user."""
    query = select(User.photo_sha256, User.thumbnail_sha256).where(User.id == user_id)
    found = (await tx.execute(query)).one_or_none()
    if found is None or sha256 not in found:
        raise rules.PhotoNotFound
