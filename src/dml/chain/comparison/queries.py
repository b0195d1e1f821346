"""What the books say that the chain has to confirm. Reads only, under the vault's lock."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.ids import VaultId
from dml.core.money import MicroTokens

ENTRIES_MAX: Final = 5  # Entries that a complaint names; others are counted.

# One statement, so that tokens credited meanwhile are in both sums or in none. `elsewhere` is what
# other vaults held at their last comparison.
_OWED: Final = """
    SELECT coalesce((SELECT -balance FROM ledger_accounts WHERE code = 'chain'), 0)::bigint AS owed,
        coalesce((SELECT sum(balance) FROM vaults WHERE id <> :vault_id), 0)::bigint AS elsewhere,
        (SELECT coalesce(sum(amount), 0)::bigint FROM ledger_transfers
         WHERE code = 'deposit' AND reference LIKE 'credit:%' AND source = 'chain')
        - (SELECT coalesce(sum(amount), 0)::bigint FROM ledger_transfers
           WHERE code = 'credit_reversal') AS credits
"""
_CREDITS: Final = """
    SELECT t.reference || ' of ' || trim_scale((t.amount - coalesce(c.reversed, 0)) * 0.000001)
            AS what,
        count(*) OVER () AS many
    FROM ledger_transfers t LEFT JOIN credits c ON t.reference = 'credit:' || c.id
    WHERE t.code = 'deposit' AND t.reference LIKE 'credit:%' AND t.source = 'chain'
      AND t.amount > coalesce(c.reversed, 0)
    ORDER BY t.id DESC LIMIT :most
"""
_NOT_PAID_HERE: Final = """
    SELECT 'number ' || p.number || ' of ' || trim_scale(p.amount * 0.000001) || ' to '
            || p.recipient || coalesce(' (withdrawal:' || w.id || ' is ' || w.state || ', '
            || trim_scale(w.amount * 0.000001) || ' to ' || w.address || ')',
            ' (no withdrawal)') AS what,
        count(*) OVER () AS many
    FROM vault_payouts p LEFT JOIN withdrawals w ON w.number = p.number
    WHERE p.vault_id = :vault_id AND p.is_final AND p.refusal IS NULL
      AND (w.state, w.address, w.amount) IS DISTINCT FROM ('paid', p.recipient, p.amount)
      AND NOT EXISTS (
          SELECT FROM booked_payouts b WHERE b.vault_id = p.vault_id AND b.number = p.number)
    ORDER BY p.number LIMIT :most
"""
_NOT_PAID_THERE: Final = """
    SELECT 'withdrawal:' || w.id || ' of ' || trim_scale(w.amount * 0.000001) AS what,
        count(*) OVER () AS many
    FROM withdrawals w
    WHERE w.state = 'paid' AND NOT EXISTS (
        SELECT FROM vault_payouts p
        WHERE p.number = w.number AND p.is_final AND p.refusal IS NULL)
    ORDER BY w.number LIMIT :most
"""


@dataclass(frozen=True, slots=True)
class Owed:
    """What is owed to all users, what other vaults hold of it, and what admins credited."""

    owed: MicroTokens
    elsewhere: MicroTokens
    credits: MicroTokens


async def get_owed(tx: AsyncSession, vault_id: VaultId) -> Owed:
    row = (await tx.execute(text(_OWED), {"vault_id": vault_id})).one()
    return Owed(row.owed, row.elsewhere, row.credits)


async def name_credits(tx: AsyncSession) -> str:
    """Name the newest credits by admins, which no vault holds."""
    return await _named(tx, _CREDITS)


async def name_paid_by_vault_alone(tx: AsyncSession, vault_id: VaultId) -> str:
    """Name payouts of the vault that the books lack, or have with another address or amount."""
    return await _named(tx, _NOT_PAID_HERE, vault_id=vault_id)


async def name_paid_by_books_alone(tx: AsyncSession) -> str:
    """Name payouts of the books that no vault has made."""
    return await _named(tx, _NOT_PAID_THERE)


async def _named(tx: AsyncSession, query: str, **names: Any) -> str:
    rows = (await tx.execute(text(query), {**names, "most": ENTRIES_MAX})).all()
    more = rows[0].many - len(rows) if rows else 0
    return ", ".join(it.what for it in rows) + (f" and {more} more" if more else "")
