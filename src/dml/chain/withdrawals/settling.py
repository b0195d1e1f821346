"""Booking final payouts: a withdrawal is paid, and its tokens leave the books."""

import logging
from collections.abc import Sequence

from sqlalchemy import select

from dml.chain import rules
from dml.chain.events import VaultDiffers, WithdrawalPaid, seen_by
from dml.chain.models import Vault, VaultPayout, Withdrawal
from dml.chain.states import WithdrawalState
from dml.chain.withdrawals.rules import payout_account
from dml.core import events, metrics
from dml.core.context import Context
from dml.payments import service as payments
from dml.payments.models import CHAIN, REVENUE, Movement, TransferCode

log = logging.getLogger(__name__)


async def settle_payouts(ctx: Context, vault: Vault, payouts: Sequence[VaultPayout]) -> None:
    """Mark withdrawals as paid that the vault has paid. Doing so again changes nothing.

    The transaction moves nothing else. A payout that fits no withdrawal is left alone, and reading
    goes on, but nothing more is paid until vault and books agree: after a restored backup, users
    have tokens in the books again that they were paid already.
    """
    paid = {it.number: it for it in payouts if it.refusal is None}
    if not paid:
        return
    query = select(Withdrawal).where(Withdrawal.number.in_(paid)).order_by(Withdrawal.number)
    found = await ctx.tx.scalars(query.with_for_update().execution_options(populate_existing=True))
    withdrawals = {it.number: it for it in found}
    movements: list[Movement] = []
    for number, payout in paid.items():
        withdrawal = withdrawals.get(number)
        if withdrawal is None:
            problem = f"the vault paid number {number}, which no withdrawal has"
            await _stop_payouts(ctx, vault, problem)
        elif (withdrawal.address, withdrawal.amount) != (payout.recipient, payout.amount):
            await _stop_payouts(ctx, vault, f"the vault paid otherwise than {withdrawal.reference}")
        elif withdrawal.state is WithdrawalState.AUTHORISED:
            movements += await _pay(ctx, withdrawal, payout)
        elif withdrawal.state is not WithdrawalState.PAID:
            problem = f"the vault paid {withdrawal.reference}, which was given back"
            await _stop_payouts(ctx, vault, problem)
    if movements:
        await payments.transfer_many(ctx, movements)


async def _stop_payouts(ctx: Context, vault: Vault, problem: str) -> None:
    """Record at once what the next comparison would find: until then more might be paid."""
    log.critical("%s: %s", vault.reference, problem)
    if vault.difference is not None:
        return
    vault.difference, vault.differs_since = problem, ctx.now
    metrics.CHAIN_DIFFERS.set(True)
    await events.record(ctx, VaultDiffers(vault.id), reason=problem)


async def _pay(ctx: Context, withdrawal: Withdrawal, payout: VaultPayout) -> list[Movement]:
    move = rules.move_withdrawal(withdrawal, WithdrawalState.PAID)
    withdrawal.ended_at = ctx.now
    withdrawal.tx_hash, withdrawal.block_number = payout.tx_hash, payout.block_number
    facts = {"transaction": payout.tx_hash, "block": payout.block_number}
    paid = WithdrawalPaid(withdrawal.id, withdrawal.amount)
    await events.record(ctx, paid, seen_by(withdrawal), move, facts=facts)
    reference, account = withdrawal.reference, payout_account(withdrawal.id)
    out = Movement(TransferCode.WITHDRAWAL, reference, account, CHAIN, withdrawal.amount)
    if withdrawal.fee == 0:
        return [out]
    code = TransferCode.WITHDRAWAL_FEE
    return [out, Movement(code, reference, account, REVENUE, withdrawal.fee)]
