"""Every SELECT of second factors."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.factors.models import RecoveryCode, SignInTicket, TotpFactor
from dml.core.ids import UserId


async def has_factor(tx: AsyncSession, user_id: UserId) -> bool:
    """Whether somebody proves more than a password: an authenticator app was confirmed."""
    query = select(TotpFactor.user_id).where(
        TotpFactor.user_id == user_id, TotpFactor.confirmed_at.is_not(None)
    )
    return await tx.scalar(query) is not None


async def find_totp(tx: AsyncSession, user_id: UserId, *, lock: bool = False) -> TotpFactor | None:
    """Return a user's authenticator app, confirmed or not."""
    return await tx.get(TotpFactor, user_id, with_for_update=lock, populate_existing=True)


async def count_recovery_codes(tx: AsyncSession, user_id: UserId) -> int:
    """Return how many recovery codes are left."""
    left = RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None)
    return await tx.scalar(select(func.count()).select_from(RecoveryCode).where(*left)) or 0


async def find_ticket(tx: AsyncSession, sha256: bytes, now: datetime) -> SignInTicket | None:
    """Return the ticket of this digest, if it was not used and has not expired."""
    query = select(SignInTicket).where(
        SignInTicket.sha256 == sha256,
        SignInTicket.used_at.is_(None),
        SignInTicket.expires_at > now,
    )
    found: SignInTicket | None = await tx.scalar(query.execution_options(populate_existing=True))
    return found
