"""Every SELECT of identities."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.identities.models import Identity, IdentityKind
from dml.accounts.models import User
from dml.core.ids import UserId

IDENTITIES_MAX = 100


async def list_identities(tx: AsyncSession, user_id: UserId) -> Sequence[Identity]:
    """Return a user's ways to sign in, oldest first."""
    query = select(Identity).where(Identity.user_id == user_id).order_by(Identity.id)
    return (await tx.scalars(query.limit(IDENTITIES_MAX))).all()


async def find_user(tx: AsyncSession, kind: IdentityKind, subject: str) -> User | None:
    """Return who signs in by this."""
    by_it = Identity.kind == kind, Identity.subject == subject
    query = select(User).join(Identity, Identity.user_id == User.id).where(*by_it)
    return await tx.scalar(query.execution_options(populate_existing=True))


async def find_password_hash(tx: AsyncSession, user_id: UserId) -> str | None:
    """Return the hash of a user's password, if they have one."""
    mine = Identity.user_id == user_id, Identity.kind == IdentityKind.PASSWORD
    return await tx.scalar(select(Identity.secret).where(*mine))
