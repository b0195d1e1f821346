"""Every SELECT of wallets as ways to sign in."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.identities.models import Identity, IdentityKind
from dml.chain.models import UsedNonce
from dml.core.ids import UserId


async def is_used(tx: AsyncSession, nonce: str) -> bool:
    return await tx.get(UsedNonce, nonce, populate_existing=True) is not None


async def lock_subject(tx: AsyncSession, subject: str) -> None:
    """Have whoever opens or takes the same wallet's way in wait until this transaction ends."""
    lock = func.pg_advisory_xact_lock(func.hashtextextended(f"wallet-sign-in:{subject}", 0))
    await tx.execute(select(lock))


async def has_wallet(tx: AsyncSession, user_id: UserId, subject: str) -> bool:
    """Tell whether this wallet is a way in of this user."""
    mine = Identity.user_id == user_id, Identity.subject == subject
    query = select(Identity.id).where(Identity.kind == IdentityKind.WALLET, *mine)
    return await tx.scalar(query) is not None
