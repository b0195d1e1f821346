"""What a final block does to the books: deposits are credited, payouts settled, the cursor moves.

Each step is one transaction with a consistent end, so the process may die between any two.
"""

from collections.abc import Sequence
from typing import Final

from dml.chain.indexer import statements
from dml.chain.indexer.statements import Next
from dml.chain.models import UNCLAIMED, Block
from dml.chain.withdrawals import settling
from dml.core.context import Context
from dml.core.ids import UserId, VaultId
from dml.payments import service as payments
from dml.payments.models import CHAIN, Movement, TransferCode
from dml.payments.rules import wallet

DEPOSITS_MAX: Final = 1_000  # In one transaction.
PAYOUTS_MAX: Final = 500


class Overtaken(Exception):
    """Another process has written meanwhile what this one was about to write."""


class Distrusted(Exception):
    """What the node says of the vault does not add up: it hides logs, or makes some up."""


async def credit_next(ctx: Context, vault_id: VaultId, base: int, up_to: int) -> int:
    """Credit the next deposits of blocks up to `up_to`. Return how many, 0 if none is left.

    `base` is the final block that the caller knows. Overtaken if it has moved on.
    """
    vault = await statements.get_vault(ctx.tx, vault_id, lock=True)
    if vault.final_number != base or vault.halted_at is not None:
        raise Overtaken
    found = await statements.list_next(ctx.tx, vault_id, up_to, DEPOSITS_MAX)
    if not found:
        return 0
    expected = range(vault.last_ordinal + 1, vault.last_ordinal + 1 + len(found))
    if [it.ordinal for it in found] != list(expected):
        raise Distrusted(f"the deposits after number {vault.last_ordinal} are not in line")
    await payments.transfer_many(ctx, [movement(it) for it in found])
    credited = await statements.credit(ctx, vault_id, found)
    assert credited == len(found)
    vault.last_ordinal = found[-1].ordinal
    await statements.sum_up(ctx.tx, vault_id)
    return credited


async def settle_next_payouts(ctx: Context, vault_id: VaultId, base: int, up_to: int) -> int:
    """Settle the next payouts of blocks up to `up_to`. Return how many, 0 if none is left."""
    vault = await statements.get_vault(ctx.tx, vault_id, lock=True)
    if vault.final_number != base or vault.halted_at is not None:
        raise Overtaken
    payouts = await statements.list_payouts_to_settle(ctx.tx, vault_id, up_to, PAYOUTS_MAX)
    if payouts:
        for it in payouts:
            it.is_final = True
        await ctx.tx.flush()
        await settling.settle_payouts(ctx, vault, payouts)
    return len(payouts)


async def move_cursor(ctx: Context, vault_id: VaultId, base: int, final: Block) -> None:
    """Record that everything up to `final` is settled."""
    vault = await statements.get_vault(ctx.tx, vault_id, lock=True)
    if vault.final_number != base or vault.halted_at is not None:
        raise Overtaken
    await statements.move_cursor(ctx.tx, vault, final)


def require_added_up(totals: Sequence[int], read: statements.Sums, number: int) -> None:
    """Compare the vault's own totals at a block with what was read up to it. Else Distrusted."""
    names = ("deposits", "deposited", "payouts", "paid_out")
    wrong = [
        f"{name} {it}, read {getattr(read, name)}"
        for name, it in zip(names, totals, strict=True)
        if it != getattr(read, name)
    ]
    if wrong:
        raise Distrusted(f"at block {number} the vault tells {'; '.join(wrong)}")


def movement(it: Next) -> Movement:
    """Return the movement that credits a deposit to the user it names, else to `unclaimed`."""
    target = UNCLAIMED if it.user_id is None else wallet(UserId(it.user_id))
    return Movement(TransferCode.DEPOSIT, it.reference, CHAIN, target, it.amount)
