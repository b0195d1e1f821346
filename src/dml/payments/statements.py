"""Hot writes: one statement each, with the same text however many rows it writes.

They go to the raw connection: a fold moves a thousand amounts, and SQLAlchemy's way costs as much.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.db import raw
from dml.core.ids import UserId, new_ids
from dml.payments.models import Movement

# Promises: each account is there afterwards, and those that are new are held, in one order.
_OPEN_ACCOUNTS: Final = """
    INSERT INTO ledger_accounts (code, balance, owner_id)
    SELECT code, 0, owner_id
    FROM unnest($1::text[], $2::uuid[]) AS wanted (code, owner_id)
    WHERE NOT EXISTS (SELECT FROM ledger_accounts known WHERE known.code = wanted.code)
    ORDER BY code
    ON CONFLICT (code) DO NOTHING
"""

# Promises: each of these balances changes by its amount.
_CHANGE_BALANCES: Final = """
    UPDATE ledger_accounts AS account
    SET balance = account.balance + change.amount
    FROM unnest($1::text[], $2::bigint[]) AS change (code, amount)
    WHERE account.code = change.code
"""


async def open_accounts(tx: AsyncSession, owners: Mapping[str, UserId | str | None]) -> None:
    """Make sure that these accounts exist, in one order: a new one is locked from then on."""
    await (await raw(tx)).execute(_OPEN_ACCOUNTS, list(owners), list(owners.values()))


async def record(tx: AsyncSession, movements: Sequence[Movement], now: datetime) -> None:
    """Write a transfer for each movement, or fail if one of them was made before."""
    ids = new_ids(len(movements))
    await (await raw(tx)).copy_records_to_table(  # Half the cost of INSERT from arrays.
        "ledger_transfers",
        columns=("id", "code", "reference", "source", "target", "amount", "created_at"),
        records=[
            (id, it.code, it.reference, it.source, it.target, it.amount, now)
            for id, it in zip(ids, movements, strict=True)
        ],
    )


async def change_balances(tx: AsyncSession, changes: Mapping[str, int]) -> None:
    """Add to each balance what its account gains. The caller holds all of them locked."""
    await (await raw(tx)).execute(_CHANGE_BALANCES, list(changes), list(changes.values()))
