"""Hot writes: one statement each, with the same text however many rows it writes."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.ids import UserId, new_id
from dml.payments.models import Movement

_OPEN_ACCOUNTS = text("""
    INSERT INTO ledger_accounts (code, balance, owner_id)
    SELECT code, 0, owner_id
    FROM unnest(CAST(:accounts AS text[]), CAST(:owners AS uuid[])) AS wanted (code, owner_id)
    WHERE NOT EXISTS (SELECT FROM ledger_accounts known WHERE known.code = wanted.code)
    ORDER BY code
    ON CONFLICT (code) DO NOTHING
""")

_RECORD = text("""
    INSERT INTO ledger_transfers (id, code, reference, source, target, amount, created_at)
    SELECT *, CAST(:now AS timestamptz)
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:codes AS text[]), CAST(:references AS text[]),
        CAST(:sources AS text[]), CAST(:targets AS text[]), CAST(:amounts AS bigint[])
    )
""")

_CHANGE_BALANCES = text("""
    UPDATE ledger_accounts AS account
    SET balance = account.balance + change.amount
    FROM unnest(CAST(:accounts AS text[]), CAST(:amounts AS bigint[])) AS change (code, amount)
    WHERE account.code = change.code
""")


async def open_accounts(tx: AsyncSession, owners: Mapping[str, UserId | None]) -> None:
    """Make sure that these accounts exist, in one order: a new one is locked from then on."""
    values = {"accounts": list(owners), "owners": list(owners.values())}
    await tx.execute(_OPEN_ACCOUNTS, values)


async def record(tx: AsyncSession, movements: Sequence[Movement], now: datetime) -> None:
    """Write a transfer for each movement, or fail if one of them was made before."""
    columns = {
        "ids": [new_id() for _ in movements],
        "codes": [it.code for it in movements],
        "references": [it.reference for it in movements],
        "sources": [it.source for it in movements],
        "targets": [it.target for it in movements],
        "amounts": [it.amount for it in movements],
    }
    await tx.execute(_RECORD, {**columns, "now": now})


async def change_balances(tx: AsyncSession, changes: Mapping[str, int]) -> None:
    """Add to each balance what its account gains. The caller holds all of them locked."""
    values = {"accounts": list(changes), "amounts": list(changes.values())}
    await tx.execute(_CHANGE_BALANCES, values)
