"""What must never happen to a version: that its check is waited for in vain. Reads only."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from dml.payments.doctor import Check, look

CHECKS: Final = (
    Check(
        "A version waits for its check, and was not given up in time",
        "O(versions)",
        """SELECT 'version:' || id || ' since ' || created_at FROM algorithm_versions
        WHERE state = 'uploaded' AND created_at < now() - interval '15 minutes'""",
    ),
)


async def complaints(tx: AsyncSession) -> list[str]:
    """Say in words which versions are stuck."""
    return await look(tx, CHECKS)
