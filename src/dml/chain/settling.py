"""What a final payout does to its withdrawal: the tokens leave the books."""

from collections.abc import Sequence

from sqlalchemy import select

from dml.chain import rules
from dml.chain.models import Vault, VaultPayout, Withdrawal
from dml.chain.states import WithdrawalState
from dml.core import audit
from dml.core.context import Context
from dml.payments import service as payments
from dml.payments.models import CHAIN, REVENUE, Movement, TransferCode


async def settle(ctx: Context, vault: Vault, payouts: Sequence[VaultPayout]) -> None:
    """Mark as paid what the vault paid. Again: nothing more happens."""
    paid = {it.number: it for it in payouts if it.refusal is None}
    query = select(Withdrawal).where(Withdrawal.number.in_(paid)).order_by(Withdrawal.number)
    movements: list[Movement] = []
    for it in await ctx.tx.scalars(query.with_for_update()):
        payout = paid[it.number or 0]
        as_asked = (it.address, it.amount) == (payout.recipient, payout.amount)
        if it.state is not WithdrawalState.AUTHORISED or not as_asked:
            continue
        move = rules.move_withdrawal(it, WithdrawalState.PAID)
        it.ended_at, it.tx_hash, it.block_number = ctx.now, payout.tx_hash, payout.block_number
        audit.record(ctx, it.reference, "paid", move, facts={"transaction": payout.tx_hash})
        account = f"payout:{it.id}"
        movements.append(Movement(TransferCode.WITHDRAWAL, it.reference, account, CHAIN, it.amount))
        if it.fee:
            movements.append(
                Movement(TransferCode.WITHDRAWAL_FEE, it.reference, account, REVENUE, it.fee)
            )
    if movements:
        await payments.transfer_many(ctx, movements)
