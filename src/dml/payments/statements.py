"""Hot writes: one statement each, with the same text however many rows it writes.

They go to the raw connection: a fold moves a thousand amounts, and SQLAlchemy's way costs as much.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.db import raw
from dml.core.ids import UserId, new_ids
from dml.core.money import MAX
from dml.payments.models import Movement

# Promises: each account is there afterwards, and those that are new are held, in one order.
_OPEN_ACCOUNTS: Final = """
    INSERT INTO ledger_accounts (code, balance, owner_id)
    SELECT code, 0, owner_id
    FROM unnest($1::text[], $2::uuid[]) AS wanted (code, owner_id)
    LEFT JOIN LATERAL (
        SELECT true AS is_there FROM ledger_accounts known WHERE known.code = wanted.code LIMIT 1
    ) known ON true
    WHERE known.is_there IS NULL
    ORDER BY code COLLATE "C"
    ON CONFLICT (code) DO NOTHING
"""

# Promises: each of these balances changes by its amount.
_CHANGE_BALANCES: Final = """
    UPDATE ledger_accounts AS account
    SET balance = account.balance + change.amount
    FROM unnest($1::text[], $2::bigint[]) AS change (code, amount)
    WHERE account.code = ANY ($1::text[]) AND account.code = change.code
"""


# Promises: all of these movements are made now, and each balance changes by what it gains; the
# answer counts them. Or nothing is written, and it says 0: where an account is missing, a movement
# was made before, or one would take more than there is. What another transaction made while this
# one waited for an account is left out, and not counted: as no account is on both sides, what is
# taken stays covered. Accounts are locked in the order of their names, in which they are given.
_MOVE: Final = """
    WITH held AS MATERIALIZED (
        SELECT account.code, account.balance, change.amount
        FROM unnest($1::text[], $2::bigint[]) AS change (code, amount)
        CROSS JOIN LATERAL (
            SELECT known.code, known.balance FROM ledger_accounts known
            WHERE known.code = change.code LIMIT 1 FOR UPDATE
        ) account
    ),
    asked AS MATERIALIZED (
        SELECT * FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],
                             $8::bigint[])
            AS asked (id, code, reference, source, target, amount)
    ),
    can AS MATERIALIZED (
        SELECT FROM held
        HAVING count(*) = cardinality($1)
           AND bool_and(balance::numeric + amount BETWEEN
                        CASE code WHEN 'chain' THEN -$10::bigint ELSE 0 END AND $10)
           AND NOT EXISTS (
               SELECT FROM asked CROSS JOIN LATERAL (
                   SELECT FROM ledger_transfers known
                   WHERE known.code = asked.code AND known.reference = asked.reference
                     AND known.source = asked.source AND known.target = asked.target
                   LIMIT 1
               ) made)
    ),
    made AS (
        INSERT INTO ledger_transfers (id, code, reference, source, target, amount, created_at)
        SELECT asked.*, $9 FROM can CROSS JOIN asked
        ON CONFLICT (code, reference, source, target) DO NOTHING
        RETURNING source, target, amount
    ),
    changed AS (
        UPDATE ledger_accounts account SET balance = account.balance + change.amount
        FROM (
            SELECT code, sum(amount)::bigint AS amount FROM (
                SELECT source AS code, -amount AS amount FROM made
                UNION ALL SELECT target, amount FROM made
            ) moved GROUP BY code
        ) change
        WHERE account.code = ANY ($1::text[]) AND account.code = change.code
    )
    SELECT count(*) FROM made
"""


async def move(
    tx: AsyncSession, movements: Sequence[Movement], changes: Mapping[str, int], now: datetime
) -> int:
    """Make movements of accounts that are there, and count them; 0 where it takes a closer look.

    `changes` is what each account gains by all of them, in the order of their names. No account is
    on both sides.
    """
    count = await (await raw(tx)).fetchval(
        _MOVE,
        list(changes),
        list(changes.values()),
        new_ids(len(movements)),
        [it.code for it in movements],
        [it.reference for it in movements],
        [it.source for it in movements],
        [it.target for it in movements],
        [it.amount for it in movements],
        now,
        MAX,
    )
    return int(count)


async def open_accounts(tx: AsyncSession, owners: Mapping[str, UserId | str | None]) -> int:
    """Make sure that these accounts exist, in one order: a new one is locked from then on.

    Return how many are new.
    """
    told = await (await raw(tx)).execute(_OPEN_ACCOUNTS, list(owners), list(owners.values()))
    return int(told.split()[-1])


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
