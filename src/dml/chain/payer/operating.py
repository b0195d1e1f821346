"""What an operator decides by hand, after a restored backup or when a chain changed final blocks.

Each is one transaction that reads its subject again, so it may be killed at any moment and
repeated: the second time it finds nothing left to do. None gives anything back that a signed
transaction could still pay.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import select

from dml.accounts import queries as account_queries
from dml.chain import queries
from dml.chain.events import (
    BatchGivenUp,
    UserPayoutBooked,
    VaultPayoutBooked,
    WithdrawalPutOff,
    WithdrawalRenumbered,
    seen_by,
)
from dml.chain.indexer import statements
from dml.chain.models import (
    BookedPayout,
    SignedTransaction,
    Vault,
    VaultPayout,
    Withdrawal,
)
from dml.chain.payer import queries as batch_queries
from dml.chain.payer.queries import OpenBatch
from dml.chain.states import WithdrawalState
from dml.chain.withdrawals.settling import settle_payouts
from dml.core import events, money
from dml.core.context import Context
from dml.core.errors import Conflict, NotFound
from dml.core.ids import BatchId, UserId
from dml.core.money import MicroTokens
from dml.payments import service as payments
from dml.payments.models import CHAIN, REVENUE, TransferCode
from dml.payments.rules import wallet

GIVEN_UP: Final = "its transaction was given up"


class NoSuchPayout(NotFound):
    code = "chain.no_such_payout"
    reason = "No final block that was read has a payout of this number."
    remedy = "`dml doctor` names the numbers; what is not final yet, wait for."


class InTheBooks(Conflict):
    code = "chain.in_the_books"
    reason = "The books have this payout: its withdrawal is paid."
    remedy = "There is nothing to do."


class WhosePayout(Conflict):
    code = "chain.whose_payout"
    reason = "Nobody has linked the address that was paid, so it is not known whose tokens went."
    remedy = "Name the user (`--user`), or let the platform bear it (`--from-revenue`)."
    recipient: str


class NoSuchNonce(NotFound):
    code = "chain.no_such_nonce"
    reason = "No open batch has a transaction of this sender with this nonce."
    remedy = "See `dml chain status`, which names the open batches and what was signed for them."
    sender: str
    nonce: int


class NotRetired(Conflict):
    code = "chain.not_retired"
    reason = "The vault still takes this key's word, so that its transaction may pay at any time."
    remedy = (
        "Let the vault's owner set another payout key, wait until that is final, and come back. "
        "Never set the old key again."
    )
    payout_key: str


class StandsStill(Conflict):
    code = "chain.payouts_paused"
    reason = "The reading of this vault has halted, or it differs from the books."
    remedy = "End that first: `dml chain status` says why, and the README what to do."


# --- A payout that the chain has, and the books have not ----------------------------------------


@dataclass(frozen=True, slots=True)
class Missing:
    """A payout of the chain that is not in the books, and the withdrawal that has its number."""

    vault: Vault
    payout: VaultPayout
    withdrawal: Withdrawal | None
    booked: BookedPayout | None


async def find_missing(ctx: Context, number: int) -> Missing:
    """Load a payout that the books lack, and lock its vault and withdrawal; or refuse."""
    query = (
        select(VaultPayout)
        .join(Vault, Vault.id == VaultPayout.vault_id)
        .where(
            VaultPayout.number == number,
            VaultPayout.is_final,
            VaultPayout.refusal.is_(None),
        )
        .order_by(Vault.is_current.desc(), Vault.id.desc())
    )
    for payout in await ctx.tx.scalars(query):
        vault = await statements.get_vault(ctx.tx, payout.vault_id, lock=True)
        has_number = select(Withdrawal).where(Withdrawal.number == number)
        found = await ctx.tx.scalar(
            has_number.with_for_update().execution_options(populate_existing=True)
        )
        is_paid = found is not None and found.state is WithdrawalState.PAID
        if not (is_paid and found is not None and found.tx_hash == payout.tx_hash):
            booked = await ctx.tx.get(BookedPayout, (vault.id, number))
            return Missing(vault, payout, found, booked)
    raise InTheBooks if await _is_paid(ctx, number) else NoSuchPayout


async def find_payer(
    ctx: Context, missing: Missing, *, user_id: UserId | None, from_revenue: bool
) -> str:
    """Return the account to take a payout from: by default that of the user who was paid."""
    if from_revenue:
        return REVENUE
    if user_id is not None:
        return wallet((await account_queries.get_user(ctx.tx, user_id)).id)
    payout, withdrawal = missing.payout, missing.withdrawal
    if withdrawal is not None and withdrawal.address == payout.recipient:
        return wallet(withdrawal.user_id)
    holder = await queries.find_holder(ctx.tx, payout.recipient)
    if holder is None:
        raise WhosePayout(recipient=payout.recipient)
    return wallet(holder)


async def book_payout(ctx: Context, missing: Missing, account: str, *, reason: str) -> str:
    """Take what the vault has paid already from an account. Return what was done, in words.

    A withdrawal that has this number by mistake is not paid by it: it gets a new number and waits
    for a batch again. InsufficientFunds if the account does not hold enough.
    """
    vault, payout, withdrawal = missing.vault, missing.payout, missing.withdrawal
    if missing.booked is not None:
        return f"number {payout.number} is booked already, from {missing.booked.account}"
    if withdrawal is not None and withdrawal.state is WithdrawalState.AUTHORISED:
        if (withdrawal.address, withdrawal.amount) == (payout.recipient, payout.amount):
            await settle_payouts(ctx, vault, [payout])
            return f"{withdrawal.reference} is paid"
        await _renumber(ctx, vault, withdrawal)
    booked = BookedPayout(
        vault_id=vault.id,
        number=payout.number,
        account=account,
        recipient=payout.recipient,
        amount=payout.amount,
        tx_hash=payout.tx_hash,
        reason=reason,
        booked_at=ctx.now,
    )
    await payments.transfer(
        ctx,
        code=TransferCode.PAYOUT_BOOKING,
        reference=booked.reference,
        source=account,
        target=CHAIN,
        amount=payout.amount,
    )
    ctx.tx.add(booked)
    await batch_queries.skip_numbers(ctx.tx, vault.id)
    facts = {
        "number": payout.number,
        "amount": money.render(payout.amount),
        "account": account,
        "recipient": payout.recipient,
        "transaction": payout.tx_hash,
    }
    await events.record(ctx, VaultPayoutBooked(vault.id), (), reason=reason, facts=facts)
    if account != REVENUE:
        user_id = UserId(UUID(account.removeprefix("wallet:")))
        booked_to = UserPayoutBooked(user_id, payout.amount)
        await events.record(ctx, booked_to, [events.user(user_id)], reason=reason, facts=facts)
    return f"number {payout.number} is booked: {facts['amount']} from {account}"


async def _is_paid(ctx: Context, number: int) -> bool:
    query = select(Withdrawal.state).where(Withdrawal.number == number)
    return await ctx.tx.scalar(query) is WithdrawalState.PAID


async def _renumber(ctx: Context, vault: Vault, withdrawal: Withdrawal) -> None:
    """Queue a withdrawal again with a new number: the vault never pays the old one again."""
    before = withdrawal.number
    if withdrawal.batch_id is not None:
        batch = (await batch_queries.lock_batch(ctx.tx, withdrawal.batch_id)).batch
        if batch.settled_at is None:
            batch.count -= 1
            batch.total = MicroTokens(batch.total - withdrawal.amount)
    await batch_queries.skip_numbers(ctx.tx, vault.id)
    (withdrawal.number,) = await batch_queries.draw_numbers(ctx.tx, 1)
    withdrawal.batch_id = None
    facts = {"before": before, "number": withdrawal.number}
    reason = "the vault paid something else by this number"
    renumbered = WithdrawalRenumbered(withdrawal.id, withdrawal.amount)
    await events.record(ctx, renumbered, seen_by(withdrawal), reason=reason, facts=facts)


# --- A nonce of a retired key that is never mined -----------------------------------------------


async def find_by_nonce(ctx: Context, sender: str, nonce: int) -> Sequence[OpenBatch]:
    """Return the open batches for which a transaction with this nonce was signed; or refuse."""
    query = (
        select(SignedTransaction.batch_id)
        .where(SignedTransaction.sender == sender, SignedTransaction.nonce == nonce)
        .distinct()
    )
    found = [await batch_queries.lock_batch(ctx.tx, it) for it in await ctx.tx.scalars(query)]
    still_open = [it for it in found if it.batch.settled_at is None]
    if not still_open:
        raise NoSuchNonce(sender=sender, nonce=nonce)
    return still_open


def require_retired(batch: OpenBatch, payout_keys: Collection[str]) -> None:
    """Refuse while the vault still accepts a key that signed for this batch."""
    alive = sorted({it.sender for it in batch.transactions} & set(payout_keys))
    if alive:
        raise NotRetired(payout_key=alive[0])


async def give_up(
    ctx: Context, batch_id: BatchId, known: frozenset[str], paid: Collection[int], *, reason: str
) -> int:
    """Close a batch whose signers are retired: what is unpaid waits for another batch.

    Withdrawals keep their numbers, so that none is paid twice if a transaction is mined after all.
    `known` are the transactions that the vault was asked about. Return how many wait again.
    """
    found = await batch_queries.lock_batch(ctx.tx, batch_id)
    if found.batch.settled_at is not None:
        return 0
    vault = await statements.get_vault(ctx.tx, found.batch.vault_id)
    if vault.halted_at is not None or vault.difference is not None or found.hashes != known:
        raise StandsStill
    left = [it for it in found.waiting if it.number not in paid]
    if len(left) < len(found.waiting):
        raise StandsStill  # What was paid is about to be settled.
    for it in left:
        it.batch_id = None
        put_off = WithdrawalPutOff(it.id, it.amount)
        await events.record(ctx, put_off, seen_by(it), reason=GIVEN_UP)
    found.batch.settled_at = ctx.now
    found.batch.outcome = f"{GIVEN_UP}: {len(left)} put off"
    facts = {"transactions": sorted(found.hashes)}
    await events.record(ctx, BatchGivenUp(batch_id), (), reason=reason, facts=facts)
    return len(left)
