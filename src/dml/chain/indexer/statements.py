"""What the indexer reads and writes: one statement each, however many rows.

They use the raw connection: reading years of a chain brings hundreds of thousands of deposits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from dml.chain.events import (
    DepositCredited,
    DepositEvent,
    DepositOrphaned,
    DepositSeen,
    DepositUnclaimed,
)
from dml.chain.models import Block, Deposit, Vault, VaultPayout
from dml.chain.node.contract import Deposited, Log, PaidOut, PayoutRefused
from dml.chain.rules import DEPOSIT_MOVES
from dml.chain.states import DepositState
from dml.core import events
from dml.core.context import Context
from dml.core.db import raw
from dml.core.events import Record
from dml.core.ids import DepositId, VaultId, new_ids
from dml.core.money import MicroTokens
from dml.core.states import Move

# Promises: each deposit is there as seen, in this block; the answer names them, and whether they
# are new. One that is seen already, or final, is left as it is and not named.
_SEE: Final = DEPOSIT_MOVES.writes(
    """
    WITH made AS (
        INSERT INTO deposits AS known (id, vault_id, tx_hash, position, ordinal, block_number,
            block_hash, sender, named, user_id, amount, state, seen_at)
        SELECT it.id, $1, it.tx_hash, it.position, it.ordinal, it.block_number, it.block_hash,
            it.sender, it.named, u.id, it.amount, 'seen', $2
        FROM unnest($3::uuid[], $4::text[], $5::int[], $6::bigint[], $7::bigint[], $8::text[],
                    $9::text[], $10::uuid[], $11::bigint[])
            AS it (id, tx_hash, position, ordinal, block_number, block_hash, sender, named, amount)
        LEFT JOIN LATERAL (
            SELECT id FROM users WHERE id = it.named AND erased_at IS NULL LIMIT 1
        ) u ON true
        ON CONFLICT (vault_id, tx_hash, position) DO UPDATE
        SET ordinal = excluded.ordinal, block_number = excluded.block_number,
            block_hash = excluded.block_hash, sender = excluded.sender, named = excluded.named,
            user_id = excluded.user_id, amount = excluded.amount, state = 'seen',
            orphaned_at = NULL
        WHERE known.state = 'orphaned'
        RETURNING id, user_id, amount, block_number, block_hash, xmax = 0 AS is_new
    )
    SELECT * FROM made ORDER BY id
""",
    (DepositState.ORPHANED, DepositState.SEEN),
)

# Promises: each seen deposit above a block is orphaned; the answer names them.
_ORPHAN: Final = DEPOSIT_MOVES.writes(
    """
    WITH dropped AS (
        UPDATE deposits SET state = 'orphaned', orphaned_at = $2
        WHERE vault_id = $1 AND state = 'seen' AND block_number > $3
        RETURNING id, user_id, amount, block_number, block_hash
    )
    SELECT * FROM dropped ORDER BY id
""",
    (DepositState.SEEN, DepositState.ORPHANED),
)

# Promises: the next deposits by ordinal, up to a block, with the user that each names, if any.
_NEXT: Final = """
    SELECT d.id, d.ordinal, u.id AS user_id, d.amount
    FROM deposits d
    LEFT JOIN LATERAL (
        SELECT id FROM users WHERE id = d.named AND erased_at IS NULL LIMIT 1
    ) u ON true
    WHERE d.vault_id = $1 AND d.state = 'seen' AND d.block_number <= $2
    ORDER BY d.block_number, d.ordinal LIMIT $3
"""

# Promises: each of these seen deposits is final; the answer names them.
_CREDIT: Final = DEPOSIT_MOVES.writes(
    """
    WITH made AS (
        UPDATE deposits AS known
        SET state = CASE WHEN it.user_id IS NULL THEN 'unclaimed' ELSE 'credited' END,
            user_id = it.user_id, final_at = $2
        FROM unnest($3::uuid[], $4::uuid[]) AS it (id, user_id)
        WHERE known.id = ANY ($3::uuid[]) AND known.id = it.id
          AND known.vault_id = $1 AND known.state = 'seen'
        RETURNING known.id, known.user_id, known.amount, known.block_number, known.block_hash
    )
    SELECT * FROM made ORDER BY id
""",
    (DepositState.SEEN, DepositState.UNCLAIMED),
    (DepositState.SEEN, DepositState.CREDITED),
)

_NOTE_PAYOUTS: Final = """
    INSERT INTO vault_payouts (vault_id, block_hash, log_index, block_number, tx_hash, number,
        recipient, amount, refusal, is_final)
    SELECT $1, it.*, false
    FROM unnest($2::text[], $3::int[], $4::bigint[], $5::text[], $6::bigint[], $7::text[],
                $8::bigint[], $9::bytea[])
        AS it (block_hash, log_index, block_number, tx_hash, number, recipient, amount, refusal)
"""

# Promises: what the books hold of a vault up to a block that is final or about to be. Final
# deposits up to an ordinal are in a kept sum, since reading all of them takes longer with every
# deposit. What that sum lacks, as after older code has run, is added here.
_SUMS: Final = """
    SELECT v.last_ordinal, v.last_ordinal + seen.count AS deposits,
        final.sum + seen.sum AS deposited, paid.count AS payouts, paid.sum AS paid_out
    FROM vaults v
    CROSS JOIN LATERAL (
        SELECT v.deposited + coalesce(sum(amount), 0)::bigint AS sum FROM deposits
        WHERE vault_id = v.id AND state IN ('credited', 'unclaimed')
          AND ordinal > v.deposited_up_to
    ) final
    CROSS JOIN LATERAL (
        SELECT count(*) AS count, coalesce(sum(amount), 0)::bigint AS sum FROM deposits
        WHERE vault_id = v.id AND state = 'seen' AND block_number <= $2
    ) seen
    CROSS JOIN LATERAL (
        SELECT count(*) AS count, coalesce(sum(amount), 0)::bigint AS sum FROM vault_payouts
        WHERE vault_id = v.id AND refusal IS NULL AND block_number <= $2
    ) paid
    WHERE v.id = $1
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A deposit in a block. `position` counts those of its transaction, from 0."""

    log: Log
    position: int
    event: Deposited


@dataclass(frozen=True, slots=True)
class Next:
    """A deposit that is to be credited, and to whom, if it names somebody."""

    id: DepositId
    ordinal: int
    user_id: UUID | None
    amount: MicroTokens

    @property
    def reference(self) -> str:
        return f"deposit:{self.id}"


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums of what was read of a vault up to a block, in the order of the vault's `totals`."""

    deposits: int
    deposited: int
    payouts: int
    paid_out: int


async def get_vault(tx: AsyncSession, vault_id: VaultId, *, lock: bool = False) -> Vault:
    """Return a vault. With `lock`, nobody else writes what is read of it meanwhile."""
    query = select(Vault).where(Vault.id == vault_id).execution_options(populate_existing=True)
    return (await tx.scalars(query.with_for_update() if lock else query)).one()


async def list_blocks(tx: AsyncSession, vault_id: VaultId) -> list[Block]:
    """Return the blocks that are kept, upwards from the last final one."""
    query = select(Block).where(Block.vault_id == vault_id).order_by(Block.number)
    return list(await tx.scalars(query))


async def top(tx: AsyncSession, vault_id: VaultId) -> Block:
    """Return the highest block that was read."""
    query = select(Block).where(Block.vault_id == vault_id).order_by(Block.number.desc()).limit(1)
    return (await tx.scalars(query)).one()


async def newest_ordinal(tx: AsyncSession, vault: Vault) -> int:
    """Return the ordinal of the last deposit that was read, final or not."""
    seen = (Deposit.vault_id == vault.id) & (Deposit.state == DepositState.SEEN)
    query = select(Deposit.ordinal).where(seen).order_by(Deposit.block_number.desc())
    newest = await tx.scalar(query.order_by(Deposit.ordinal.desc()).limit(1))
    return max(vault.last_ordinal, newest or 0)


async def see(ctx: Context, vault_id: VaultId, found: Sequence[Found]) -> int:
    """Keep deposits as seen. Return how many of them were not known, or were orphaned."""
    if not found:
        return 0
    columns: list[list[Any]] = [
        new_ids(len(found)),
        [it.log.tx_hash for it in found],
        [it.position for it in found],
        [it.event.ordinal for it in found],
        [it.log.block_number for it in found],
        [it.log.block_hash for it in found],
        [it.event.sender for it in found],
        [it.event.named for it in found],
        [it.event.amount for it in found],
    ]
    rows = await (await raw(ctx.tx)).fetch(_SEE, vault_id, ctx.now, *columns)
    seen, again = DepositState.SEEN, Move(DepositState.ORPHANED, DepositState.SEEN)
    await events.record_many(
        ctx,
        [_record(DepositSeen, it, Move(None, seen) if it["is_new"] else again) for it in rows],
    )
    return len(rows)


def _record(
    about: type[DepositEvent], row: Mapping[str, Any], move: Move, reason: str | None = None
) -> Record:
    """Say what happened to a deposit; where it is in the chain stays with the operator."""
    readers = [events.user(row["user_id"])] if row["user_id"] else []
    facts = {"block": row["block_number"], "block_hash": row["block_hash"]}
    return Record(about(row["id"], row["amount"]), readers, move, reason, facts)


async def note_payouts(
    tx: AsyncSession, vault_id: VaultId, found: Sequence[tuple[Log, PaidOut | PayoutRefused]]
) -> None:
    """Keep the vault's logs about payouts."""
    if not found:
        return
    columns: list[list[Any]] = [
        [log.block_hash for log, _ in found],
        [log.log_index for log, _ in found],
        [log.block_number for log, _ in found],
        [log.tx_hash for log, _ in found],
        [it.number for _, it in found],
        [it.recipient for _, it in found],
        [it.amount for _, it in found],
        [it.reason if isinstance(it, PayoutRefused) else None for _, it in found],
    ]
    await (await raw(tx)).execute(_NOTE_PAYOUTS, vault_id, *columns)


async def drop_above(ctx: Context, vault_id: VaultId, number: int, *, reason: str) -> int:
    """Forget what was read above a block. Return how many deposits were orphaned."""
    tx = ctx.tx
    dropped = await (await raw(tx)).fetch(_ORPHAN, vault_id, ctx.now, number)
    move = Move(DepositState.SEEN, DepositState.ORPHANED)
    await events.record_many(ctx, [_record(DepositOrphaned, it, move, reason) for it in dropped])
    payouts = (VaultPayout.vault_id == vault_id) & (VaultPayout.block_number > number)
    await tx.execute(delete(VaultPayout).where(payouts, ~VaultPayout.is_final))
    await tx.execute(delete(Block).where(Block.vault_id == vault_id, Block.number > number))
    return len(dropped)


async def get_last_settled(tx: AsyncSession, vault: Vault) -> int:
    """Return the last block that was settled in part or in whole, as far as blocks are kept.

    It is above the cursor if a process died after crediting and before moving the cursor.
    """
    deposits = select(func.max(Deposit.block_number)).where(
        Deposit.vault_id == vault.id,
        Deposit.state.in_((DepositState.CREDITED, DepositState.UNCLAIMED)),
        Deposit.ordinal == vault.last_ordinal,
    )
    payouts = select(func.max(VaultPayout.block_number)).where(
        VaultPayout.vault_id == vault.id,
        VaultPayout.block_number > vault.final_number,
        VaultPayout.is_final,
    )
    last = max(vault.final_number, await tx.scalar(deposits) or 0, await tx.scalar(payouts) or 0)
    above = select(func.min(Block.number)).where(Block.vault_id == vault.id, Block.number >= last)
    return await tx.scalar(above) or last


async def list_next(tx: AsyncSession, vault_id: VaultId, up_to: int, limit: int) -> list[Next]:
    """Return the next deposits to credit, in the order of their ordinals."""
    rows = await (await raw(tx)).fetch(_NEXT, vault_id, up_to, limit)
    return [Next(*row) for row in rows]


async def credit(ctx: Context, vault_id: VaultId, deposits: Sequence[Next]) -> int:
    """Mark seen deposits as credited, or as unclaimed where they name nobody. Count them."""
    ids, users = [it.id for it in deposits], [it.user_id for it in deposits]
    rows = await (await raw(ctx.tx)).fetch(_CREDIT, vault_id, ctx.now, ids, users)
    credited = Move(DepositState.SEEN, DepositState.CREDITED)
    unclaimed = Move(DepositState.SEEN, DepositState.UNCLAIMED)
    await events.record_many(
        ctx,
        [
            _record(DepositCredited, it, credited)
            if it["user_id"]
            else _record(DepositUnclaimed, it, unclaimed)
            for it in rows
        ],
    )
    return len(rows)


# Promises: the sum of final deposits holds all of them, each once.
_SUM_UP: Final = """
    UPDATE vaults AS v SET deposited = v.deposited + more.sum, deposited_up_to = more.last
    FROM (
        SELECT sum(d.amount)::bigint AS sum, max(d.ordinal) AS last
        FROM vaults it JOIN deposits d ON d.vault_id = it.id AND d.ordinal > it.deposited_up_to
        WHERE it.id = $1 AND d.state IN ('credited', 'unclaimed')
    ) more
    WHERE v.id = $1 AND more.last IS NOT NULL
"""


async def sum_up(tx: AsyncSession, vault_id: VaultId) -> None:
    """Add the final deposits to a vault's sum that it lacks. The vault's row is locked."""
    await (await raw(tx)).execute(_SUM_UP, vault_id)


async def list_payouts_to_settle(
    tx: AsyncSession, vault_id: VaultId, up_to: int, limit: int
) -> list[VaultPayout]:
    """Return the vault's payouts up to a block that are not settled yet."""
    query = select(VaultPayout).where(
        VaultPayout.vault_id == vault_id,
        ~VaultPayout.is_final,
        VaultPayout.block_number <= up_to,
    )
    order = (VaultPayout.block_number, VaultPayout.log_index)
    return list(await tx.scalars(query.order_by(*order).limit(limit)))


async def move_cursor(tx: AsyncSession, vault: Vault, final: Block) -> None:
    """Record that everything up to this block is settled, and forget the blocks below."""
    left = select(func.count()).where(
        Deposit.vault_id == vault.id,
        Deposit.state == DepositState.SEEN,
        Deposit.block_number <= final.number,
    )
    assert not await tx.scalar(left), "deposits were left behind"
    await tx.execute(
        update(Vault)
        .where(Vault.id == vault.id)
        .values(final_number=final.number, final_hash=final.hash)
    )
    below = (Block.vault_id == vault.id) & (Block.number < final.number)
    await tx.execute(delete(Block).where(below))


async def sums(tx: AsyncSession, vault_id: VaultId, up_to: int) -> Sums:
    """Add up what was read of a vault up to a block."""
    row = await (await raw(tx)).fetchrow(_SUMS, vault_id, up_to)
    assert row
    return Sums(row["deposits"], row["deposited"], row["payouts"], row["paid_out"])
