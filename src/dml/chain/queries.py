"""Every SELECT of this domain that serves people; the indexer's and the payer's are their own."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.chain.models import Vault
from dml.chain.rules import NotConnected


async def get_current_vault(tx: AsyncSession) -> Vault:
    """Return the vault that the settings name. NotConnected where none was ever reached."""
    vault = await tx.scalar(select(Vault).where(Vault.is_current))
    if vault is None:
        raise NotConnected
    return vault
