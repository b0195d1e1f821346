"""What a final payout does to its withdrawal: the tokens leave the books."""

import logging
from collections.abc import Sequence

from sqlalchemy import select

from dml.chain import rules
from dml.chain.models import Vault, VaultPayout, Withdrawal
from dml.chain.states import WithdrawalState
from dml.chain.withdrawal_rules import payout_account
from dml.core import audit
from dml.core.context import Context
from dml.payments import service as payments
from dml.payments.models import CHAIN, REVENUE, Movement, TransferCode

log = logging.getLogger(__name__)


async def settle(ctx: Context, vault: Vault, payouts: Sequence[VaultPayout]) -> None:
    """Mark as paid what the vault paid, in a transaction that moves nothing else. Again: no more.

    What fits no withdrawal is left alone and logged: it is for the comparison to raise the alarm,
    and no reason to stop reading.
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
            log.critical("%s paid number %d, which no withdrawal has", vault.reference, number)
        elif (withdrawal.address, withdrawal.amount) != (payout.recipient, payout.amount):
            log.critical("%s paid otherwise than %s", vault.reference, withdrawal.reference)
        elif withdrawal.state is WithdrawalState.AUTHORISED:
            movements += _pay(ctx, withdrawal, payout)
        elif withdrawal.state is not WithdrawalState.PAID:
            log.critical("%s paid %s, which was given back", vault.reference, withdrawal.reference)
    if movements:
        await payments.transfer_many(ctx, movements)


def _pay(ctx: Context, withdrawal: Withdrawal, payout: VaultPayout) -> list[Movement]:
    move = rules.move_withdrawal(withdrawal, WithdrawalState.PAID)
    withdrawal.ended_at = ctx.now
    withdrawal.tx_hash, withdrawal.block_number = payout.tx_hash, payout.block_number
    facts = {"transaction": payout.tx_hash, "block": payout.block_number}
    audit.record(ctx, withdrawal.reference, "paid", move, facts=facts)
    reference, account = withdrawal.reference, payout_account(withdrawal.id)
    out = Movement(TransferCode.WITHDRAWAL, reference, account, CHAIN, withdrawal.amount)
    if withdrawal.fee == 0:
        return [out]
    code = TransferCode.WITHDRAWAL_FEE
    return [out, Movement(code, reference, account, REVENUE, withdrawal.fee)]
