"""What the payer reads: withdrawals that wait for a batch, and batches that are under way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Select, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from dml.chain.models import (
    WITHDRAWAL_NUMBERS,
    Batch,
    DeniedAddress,
    SignedTransaction,
    VaultPayout,
    Withdrawal,
)
from dml.chain.states import WithdrawalState
from dml.chain.withdrawals.rules import MAY_GO, MAY_GO_AGAIN
from dml.core.ids import BatchId, VaultId

OPEN_MAX = 100  # Batches looked at in one pass: the oldest.
_TRACE: Final = text("""
    SELECT facts->>'traceparent' FROM events
    WHERE subject = ANY (CAST(:subjects AS text[])) AND type = 'withdrawal.requested'
        AND facts ? 'traceparent'
    ORDER BY number LIMIT 1
""")


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A batch, its signed transactions in order, and its withdrawals that are not ended.

    `numbers` are those of the waiting withdrawals, as they were read.
    """

    batch: Batch
    transactions: Sequence[SignedTransaction]
    waiting: Sequence[Withdrawal]
    numbers: Sequence[int]

    @property
    def hashes(self) -> frozenset[str]:
        return frozenset(it.hash for it in self.transactions)


async def list_open(tx: AsyncSession, vault_id: VaultId) -> list[OpenBatch]:
    """Return the batches that are not settled, the oldest first."""
    query = select(Batch).where(Batch.vault_id == vault_id, Batch.settled_at.is_(None))
    batches = (await tx.scalars(query.order_by(Batch.id).limit(OPEN_MAX))).all()
    return [await _open(tx, it) for it in batches]


async def lock_batch(tx: AsyncSession, batch_id: BatchId) -> OpenBatch:
    """Load a batch, and hold its row."""
    batch = await tx.get_one(Batch, batch_id, with_for_update=True, populate_existing=True)
    return await _open(tx, batch, lock=True)


async def lock_requeued(tx: AsyncSession, limit: int) -> Sequence[Withdrawal]:
    """Return withdrawals that have a number and wait for another batch, the oldest first.

    Rows that somebody else has locked are left out, here and below, until the next time.
    """
    query = _requeued().order_by(Withdrawal.id).limit(limit)
    return (await tx.scalars(query.with_for_update(skip_locked=True))).all()


async def is_idle(tx: AsyncSession, vault_id: VaultId) -> bool:
    """Whether no batch is open, and nothing waits for one."""
    batches = select(Batch).where(Batch.vault_id == vault_id, Batch.settled_at.is_(None))
    busy = or_(batches.exists(), _requested().exists(), _requeued().exists())
    return not await tx.scalar(select(busy))


async def lock_requested(tx: AsyncSession, limit: int) -> Sequence[Withdrawal]:
    """Return requested withdrawals that need no review, or had it, the oldest first."""
    query = _requested().order_by(Withdrawal.id).limit(limit)
    return (await tx.scalars(query.with_for_update(skip_locked=True))).all()


async def find_trace(tx: AsyncSession, withdrawals: Sequence[Withdrawal]) -> str | None:
    """Return the `traceparent` of the first of their requests that was traced."""
    subjects = [it.reference for it in withdrawals]
    found: str | None = await tx.scalar(_TRACE, {"subjects": subjects})
    return found


async def find_denied(tx: AsyncSession, addresses: Sequence[str]) -> frozenset[str]:
    """Return which of the addresses are denied."""
    query = select(DeniedAddress.address).where(DeniedAddress.address.in_(addresses))
    return frozenset(await tx.scalars(query))


async def draw_numbers(tx: AsyncSession, count: int) -> list[int]:
    """Return so many new numbers, ascending."""
    query = select(WITHDRAWAL_NUMBERS.next_value()).select_from(func.generate_series(1, count))
    return list(await tx.scalars(query))


async def skip_numbers(tx: AsyncSession, vault_id: VaultId) -> None:
    """Make numbers go on above the highest that the vault was seen to pay."""
    known = select(func.max(VaultPayout.number)).where(VaultPayout.vault_id == vault_id)
    highest = await tx.scalar(known) or 0
    (drawn,) = await draw_numbers(tx, 1)
    if highest > drawn:
        await tx.execute(select(func.setval("withdrawal_numbers", highest)))


async def find_refusals(
    tx: AsyncSession, vault_id: VaultId, batch: OpenBatch, up_to: int
) -> dict[int, bytes]:
    """Return, by number, the last reason in final blocks why the vault did not pay it."""
    query = (
        select(VaultPayout.number, VaultPayout.refusal)
        .where(
            VaultPayout.vault_id == vault_id,
            VaultPayout.tx_hash.in_(batch.hashes),
            VaultPayout.refusal.is_not(None),
            VaultPayout.is_final,
            VaultPayout.block_number <= up_to,
        )
        .order_by(VaultPayout.block_number, VaultPayout.log_index)
    )
    return {number: refusal for number, refusal in await tx.execute(query) if refusal is not None}


async def find_often_refused(
    tx: AsyncSession, vault_id: VaultId, batch: OpenBatch, times: int, up_to: int
) -> frozenset[int]:
    """Return the numbers of a batch that the vault refused so often, in this batch or others."""
    query = (
        select(VaultPayout.number)
        .where(
            VaultPayout.vault_id == vault_id,
            VaultPayout.number.in_(batch.numbers),
            VaultPayout.refusal.is_not(None),
            VaultPayout.is_final,
            VaultPayout.block_number <= up_to,
        )
        .group_by(VaultPayout.number)
        .having(func.count() >= times)
    )
    return frozenset(await tx.scalars(query))


def _requeued() -> Select[Withdrawal]:
    return select(Withdrawal).where(text(MAY_GO_AGAIN))


def _requested() -> Select[Withdrawal]:
    return select(Withdrawal).where(text(MAY_GO))


async def _open(tx: AsyncSession, batch: Batch, *, lock: bool = False) -> OpenBatch:
    waiting = await _list_waiting(tx, batch.id, lock=lock)
    numbers = [it.number for it in waiting if it.number is not None]
    return OpenBatch(batch, await _list_transactions(tx, batch.id), waiting, numbers)


async def _list_transactions(tx: AsyncSession, batch_id: BatchId) -> Sequence[SignedTransaction]:
    query = select(SignedTransaction).where(SignedTransaction.batch_id == batch_id)
    order = (SignedTransaction.signed_at, SignedTransaction.max_fee)
    return (
        await tx.scalars(query.order_by(*order).execution_options(populate_existing=True))
    ).all()


async def _list_waiting(
    tx: AsyncSession, batch_id: BatchId, *, lock: bool = False
) -> Sequence[Withdrawal]:
    query = select(Withdrawal).where(
        Withdrawal.batch_id == batch_id, Withdrawal.state == WithdrawalState.AUTHORISED
    )
    query = query.order_by(Withdrawal.number).execution_options(populate_existing=True)
    return (await tx.scalars(query.with_for_update() if lock else query)).all()
