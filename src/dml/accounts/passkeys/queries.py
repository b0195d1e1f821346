"""Every SELECT of passkeys."""

from collections.abc import Sequence

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.identities.models import Identity, IdentityKind
from dml.accounts.identities.queries import IDENTITIES_MAX
from dml.accounts.passkeys.models import Passkey
from dml.core.ids import IdentityId, UserId


async def list_passkeys(tx: AsyncSession, user_id: UserId) -> Sequence[Passkey]:
    """Return a user's passkeys, oldest first."""
    query = select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)
    return (await tx.scalars(query.limit(IDENTITIES_MAX))).all()


async def list_descriptors(
    tx: AsyncSession, user_id: UserId, relying_party: str
) -> Sequence[Row[str, list[str]]]:
    """Return the id, in base64url, and the transports of each passkey that a user has there."""
    query = (
        select(Identity.subject, Passkey.transports)
        .join(Passkey, Passkey.id == Identity.id)
        .where(Passkey.user_id == user_id, Passkey.relying_party == relying_party)
        .order_by(Passkey.id)
    )
    return (await tx.execute(query.limit(IDENTITIES_MAX))).all()


async def find_by_credential(tx: AsyncSession, credential_id: str) -> Passkey | None:
    """Return the passkey that authenticators know by this id, in base64url."""
    by_it = Identity.kind == IdentityKind.PASSKEY, Identity.subject == credential_id
    query = select(Passkey).join(Identity, Identity.id == Passkey.id).where(*by_it)
    found: Passkey | None = await tx.scalar(query)
    return found


async def find_mine(
    tx: AsyncSession, user_id: UserId, passkey_id: IdentityId, *, lock: bool = False
) -> Passkey | None:
    """Return a user's passkey."""
    query = select(Passkey).where(Passkey.id == passkey_id, Passkey.user_id == user_id)
    if lock:
        query = query.with_for_update()
    found: Passkey | None = await tx.scalar(query.execution_options(populate_existing=True))
    return found
