"""Every SELECT of sign-ins by providers."""

from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.openid.models import OpenidLogin, OpenidStart


async def lock_start(tx: AsyncSession, sha256: bytes) -> OpenidStart | None:
    """Return the sign-in that a browser began, and hold it."""
    return await tx.get(OpenidStart, sha256, with_for_update=True, populate_existing=True)


async def lock_login(tx: AsyncSession, sha256: bytes) -> OpenidLogin | None:
    """Return who came back with a code, and hold it: two who send it at once take turns."""
    return await tx.get(OpenidLogin, sha256, with_for_update=True, populate_existing=True)
