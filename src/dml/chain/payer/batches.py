"""How withdrawals become a batch and how a batch ends: the decisions, without asking the chain.

A withdrawal is given back only where the caller knows from final blocks that its number is unpaid,
and that none of the transactions ever signed for it can be mined any more.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from dml.chain import rules
from dml.chain.events import (
    WithdrawalAuthorised,
    WithdrawalBatchedAgain,
    WithdrawalCancelled,
    WithdrawalPutOff,
    WithdrawalRenumbered,
    WithdrawalReversed,
    seen_by,
)
from dml.chain.indexer import statements
from dml.chain.models import Batch, SignedTransaction, Vault, Withdrawal
from dml.chain.node import contract
from dml.chain.payer import queries as batch_queries
from dml.chain.payer.fees import GWEI
from dml.chain.payer.queries import OpenBatch
from dml.chain.states import WithdrawalState
from dml.chain.withdrawals.rules import may_go, payout_account
from dml.core import events, money
from dml.core.context import Context
from dml.core.events import Record
from dml.core.ids import BatchId, VaultId, WithdrawalId, new_id
from dml.core.money import MicroTokens
from dml.core.settings import Settings
from dml.payments import service as payments
from dml.payments.models import Movement, TransferCode
from dml.payments.rules import wallet as wallet_of

log = logging.getLogger(__name__)

DENIED: Final = "Nothing is paid to this address."
# A reason may be a stranger's text: one that always claims to be passing would fill all batches.
REFUSALS_MAX: Final = 5
NOT_MINED: Final = "it was not mined"
ABOVE_LIMIT: Final = "It is more than the vault pays out in a day."


@dataclass(frozen=True, slots=True)
class BatchTerms:
    """When a batch is due, and what its transaction may cost."""

    count: int
    seconds: float
    total: MicroTokens
    stuck_seconds: float
    max_fee: int  # Wei for a unit of gas.

    @classmethod
    def of(cls, settings: Settings) -> "BatchTerms":
        return cls(
            count=settings.payout_count,
            seconds=settings.payout_seconds,
            total=settings.payout_total,
            stuck_seconds=settings.payout_stuck_seconds,
            max_fee=settings.payout_max_fee_gwei * GWEI,
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """What final blocks say of a batch, none of whose transactions can be mined any more.

    `number` is the block at which this was asked, `hashes` the transactions it was asked about.
    """

    number: int
    hashes: frozenset[str]
    paid: frozenset[int]
    reverted: str | None = None  # Why one of its transactions was reverted as a whole, if so.


@dataclass(frozen=True, slots=True)
class _GivenBack:
    """What gives a withdrawal back, and what is recorded of it."""

    movement: Movement
    record: Record


async def gather(
    ctx: Context,
    vault: Vault,
    terms: BatchTerms,
    available: MicroTokens,
    open_ids: Sequence[BatchId] = (),
) -> BatchId | None:
    """Make a batch of what is due, the oldest first, up to the first that `available` lacks.

    Each gets its number now, and can't be cancelled any more. What may not or can't be paid is
    given back. None if nothing is due, or other batches than `open_ids` are open.
    """
    vault = await statements.get_vault(ctx.tx, vault.id, lock=True)  # One at a time does this.
    if _is_paused(vault):
        return None
    if [it.batch.id for it in await batch_queries.list_open(ctx.tx, vault.id)] != [*open_ids]:
        return None
    requeued = await batch_queries.lock_requeued(ctx.tx, terms.count)
    requested = await batch_queries.lock_requested(ctx.tx, terms.count)
    candidates = [*requeued, *requested]
    hopeless = await _find_hopeless(ctx, vault, candidates)
    ended = [_give_back(ctx, it, hopeless[it.id]) for it in candidates if it.id in hopeless]
    await _give_all_back(ctx, ended)
    left = [it for it in candidates if it.id not in hopeless]
    if not _is_due(ctx, terms, left):
        return None
    chosen, total = list[Withdrawal](), 0
    for it in left[: terms.count]:
        if total + it.amount > available:
            break
        total += it.amount
        chosen.append(it)
    return await _make(ctx, vault, chosen, MicroTokens(total)) if chosen else None


async def renumber(ctx: Context, batch_id: BatchId) -> bool:
    """Give the withdrawals that were never in a signed transaction new numbers.

    Needed when the vault has already paid their numbers: after a restored backup, counting begins
    again too low. Returns whether it was done.
    """
    found = await batch_queries.lock_batch(ctx.tx, batch_id)
    if found.batch.settled_at is not None or found.transactions:
        return False
    await batch_queries.skip_numbers(ctx.tx, found.batch.vault_id)
    fresh = fresh_ones(found)
    numbers = await batch_queries.draw_numbers(ctx.tx, len(fresh))
    records = list[Record]()
    for it, number in zip(fresh, numbers, strict=True):
        facts = {"number": number, "before": it.number}
        renumbered = WithdrawalRenumbered(it.id, it.amount)
        records.append(Record(renumbered, seen_by(it), facts=facts))
        it.number = number
    await events.record_many(ctx, records)
    return True


async def halve(ctx: Context, batch_id: BatchId) -> None:
    """Put off the second half of a batch for which nothing was signed yet."""
    found = await batch_queries.lock_batch(ctx.tx, batch_id)
    if found.batch.settled_at is not None or found.transactions:
        return
    records = list[Record]()
    for it in found.waiting[(len(found.waiting) + 1) // 2 :]:
        records.append(_put_off(it, "together they need more gas than one transaction may use"))
        found.batch.count -= 1
        found.batch.total = MicroTokens(found.batch.total - it.amount)
    await events.record_many(ctx, records)


def fresh_ones(found: OpenBatch) -> list[Withdrawal]:
    """Return the withdrawals that were in no batch before this one."""
    return [it for it in found.waiting if it.authorised_at == found.batch.created_at]


async def keep_signed(ctx: Context, known: OpenBatch, signed: SignedTransaction) -> bool:
    """Keep a transaction before it is sent. False: the batch has changed, so never send it."""
    found = await batch_queries.lock_batch(ctx.tx, known.batch.id)
    if found.batch.settled_at is not None or found.hashes != known.hashes:
        return False
    if found.numbers != known.numbers:
        return False  # Some are paid by now, or have new numbers.
    if _is_paused(await statements.get_vault(ctx.tx, found.batch.vault_id)):
        return False
    ctx.tx.add(signed)
    return True


async def conclude(ctx: Context, vault_id: VaultId, batch_id: BatchId, ended: Ended) -> bool:
    """Close a batch: what was not paid is given back to its user, or waits for another batch.

    What was paid is marked already. False if the batch has changed since it was looked at.
    """
    found = await batch_queries.lock_batch(ctx.tx, batch_id)
    if found.batch.settled_at is not None or found.hashes != ended.hashes:
        return False
    vault = await statements.get_vault(ctx.tx, vault_id)
    if _is_paused(vault):
        return False
    refusals = await batch_queries.find_refusals(ctx.tx, vault_id, found, ended.number)
    often = await batch_queries.find_often_refused(
        ctx.tx, vault_id, found, REFUSALS_MAX, ended.number
    )
    ended_now, records, counts = list[_GivenBack](), list[Record](), Counter[str]()
    for it in found.waiting:
        assert it.number is not None
        reason = refusals.get(it.number)
        if it.number in ended.paid:
            # Paid, but not as the books say: an operator has to find out why.
            log.critical("%s is paid on the chain, and not settled", it.reference)
            counts["unclear"] += 1
        elif reason is not None and (it.number in often or not contract.will_pass(reason)):
            ended_now.append(_give_back(ctx, it, contract.explain(reason)))
            counts["reversed"] += 1
        elif reason is None and ended.reverted is not None:
            ended_now.append(_give_back(ctx, it, ended.reverted))
            counts["reversed"] += 1
        else:
            records.append(_put_off(it, contract.explain(reason) if reason else NOT_MINED))
            counts["put off"] += 1
    await _give_all_back(ctx, ended_now)
    await events.record_many(ctx, records)
    counts["paid"] = found.batch.count - sum(counts.values())
    found.batch.settled_at = ctx.now
    found.batch.outcome = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    return True


def _is_paused(vault: Vault) -> bool:
    """Whether the chain is not acted upon: reading has halted, vault and books differ, or these
    books are restored and were not compared with the chain since.
    """
    found = (vault.halted_at, vault.difference, vault.restored_at)
    return any(it is not None for it in found)


async def _find_hopeless(
    ctx: Context, vault: Vault, candidates: Sequence[Withdrawal]
) -> dict[WithdrawalId, str]:
    denied = await batch_queries.find_denied(ctx.tx, [it.address for it in candidates])
    limit = (
        vault.daily_limit or money.MAX
    )  # A limit of 0 is a pause, and so no reason to give back.
    above = {it.id: ABOVE_LIMIT for it in candidates if it.amount > limit}
    return above | {it.id: DENIED for it in candidates if it.address in denied}


def _is_due(ctx: Context, terms: BatchTerms, left: Sequence[Withdrawal]) -> bool:
    """Whether there are enough of them, or enough in sum, or one has waited long or once before."""
    if not left:
        return False
    until = ctx.now - timedelta(seconds=terms.seconds)
    return (
        len(left) >= terms.count
        or sum(it.amount for it in left) >= terms.total
        or any(
            it.state is WithdrawalState.AUTHORISED or (it.reviewed_at or it.requested_at) <= until
            for it in left
        )
    )


async def _make(
    ctx: Context, vault: Vault, chosen: Sequence[Withdrawal], total: MicroTokens
) -> BatchId:
    batch = Batch(
        id=BatchId(new_id()),
        vault_id=vault.id,
        created_at=ctx.now,
        count=len(chosen),
        total=total,
    )
    ctx.tx.add(batch)
    await ctx.tx.flush()
    fresh = [it for it in chosen if it.number is None]
    numbers = iter(await batch_queries.draw_numbers(ctx.tx, len(fresh)) if fresh else ())
    records = list[Record]()
    for it in chosen:
        it.batch_id = batch.id
        facts: dict[str, Any] = {"batch": str(batch.id)}
        if it.number is None:
            assert may_go(it)
            it.number, it.authorised_at = next(numbers), ctx.now
            move = rules.move_withdrawal(it, WithdrawalState.AUTHORISED)
            authorised = WithdrawalAuthorised(it.id, it.amount)
            facts["number"] = it.number
            records.append(Record(authorised, seen_by(it), move, facts=facts))
        else:
            again = WithdrawalBatchedAgain(it.id, it.amount)
            records.append(Record(again, seen_by(it), facts=facts))
    await events.record_many(ctx, records)
    return batch.id


def _give_back(ctx: Context, withdrawal: Withdrawal, reason: str) -> _GivenBack:
    """End a withdrawal that will never be paid. Return the movement that gives it back."""
    was_requested = withdrawal.state is WithdrawalState.REQUESTED
    to = WithdrawalState.CANCELLED if was_requested else WithdrawalState.REVERSED
    move = rules.move_withdrawal(withdrawal, to)
    withdrawal.ended_at, withdrawal.end_reason = ctx.now, reason
    about = WithdrawalCancelled if was_requested else WithdrawalReversed
    ended = about(withdrawal.id, withdrawal.amount)
    movement = Movement(
        TransferCode.WITHDRAWAL_REVERSAL,
        withdrawal.reference,
        payout_account(withdrawal.id),
        wallet_of(withdrawal.user_id),
        MicroTokens(withdrawal.amount + withdrawal.fee),
    )
    return _GivenBack(movement, Record(ended, seen_by(withdrawal), move, reason=reason))


async def _give_all_back(ctx: Context, given_back: Sequence[_GivenBack]) -> None:
    if given_back:
        await payments.transfer_many(ctx, [it.movement for it in given_back])
        await events.record_many(ctx, [it.record for it in given_back])


def _put_off(withdrawal: Withdrawal, reason: str) -> Record:
    """Let a withdrawal wait for another batch; it keeps its number. Return what to record."""
    withdrawal.batch_id = None
    put_off = WithdrawalPutOff(withdrawal.id, withdrawal.amount)
    return Record(put_off, seen_by(withdrawal), reason=reason)
