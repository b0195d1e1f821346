"""Accepting another history, after a chain has changed blocks that were final.

All logs of the vault are read again and compared with the books: what is in both stays, what is new
is credited, and what is gone is taken back, as far as the balance goes; the platform bears the
rest. A payout that is gone is not given back, since its signed transaction may still be mined: it
is sent again, and waited for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.chain.events import DepositTakenBack, VaultHistoryAccepted
from dml.chain.indexer import crediting, indexing, statements
from dml.chain.indexer.statements import Found
from dml.chain.models import (
    UNCLAIMED,
    Block,
    Deposit,
    SignedTransaction,
    Vault,
    VaultPayout,
    Withdrawal,
)
from dml.chain.node import contract
from dml.chain.node.contract import Log, PaidOut, PayoutRefused
from dml.chain.node.endpoints import Chosen, Endpoints, NoNode
from dml.chain.node.rpc import FAULTS, BlockHead, NodeRefused
from dml.chain.states import DepositState
from dml.chain.withdrawals.settling import settle_payouts
from dml.core import events, money
from dml.core.context import Context
from dml.core.errors import Conflict
from dml.core.ids import VaultId
from dml.core.money import MicroTokens
from dml.payments import queries as payment_queries, service as payments
from dml.payments.models import CHAIN, REVENUE, Movement, TransferCode
from dml.payments.rules import wallet

Key: TypeAlias = tuple[str, int]  # Of a deposit: its transaction, and its place within.
FINAL: Final = (DepositState.CREDITED, DepositState.UNCLAIMED)


class NotHalted(Conflict):
    code = "chain.not_halted"
    reason = "The reading of this vault has not halted: no final block of it has changed."
    remedy = "There is nothing to accept; `dml chain status` says what has stopped, and why."


class PayoutsLost(Conflict):
    code = "chain.payouts_lost"
    reason = "The new history lacks payouts that the books have."
    remedy = "Send their transactions again, and wait until they are final."
    numbers: Sequence[int]


@dataclass(frozen=True, slots=True)
class Read:
    """All logs of the vault up to a final block, on which all nodes agree."""

    final: BlockHead
    deposits: Sequence[Found]
    payouts: Sequence[tuple[Log, PaidOut | PayoutRefused]]

    @property
    def paid(self) -> frozenset[int]:
        return frozenset(it.number for _, it in self.payouts if isinstance(it, PaidOut))


async def read(endpoints: Endpoints, vault: Vault) -> Read:
    """Read the whole history, which must add up to the vault's own totals at each node."""
    chosen = await endpoints.choose()
    if chosen.final.number < vault.start_block:
        raise NoNode(f"{chosen.node.name} has not come to the vault's start block")
    logs, first, span = list[Log](), vault.start_block, indexing.SPAN_START
    while first <= chosen.final.number:
        last = min(first + span - 1, chosen.final.number)
        try:
            topics = contract.topics()
            logs += await chosen.node.logs(vault.address, topics, first=first, last=last)
        except NodeRefused:
            if span == 1:
                raise
            span = max(1, span // 2)
            continue
        first = last + 1
    part = indexing.read_part([chosen.final], logs)
    if [it.event.ordinal for it in part.deposits] != list(range(1, len(part.deposits) + 1)):
        raise NoNode(f"{chosen.node.name} tells of deposits that are not in line")
    found = Read(chosen.final, part.deposits, part.payouts)
    await _require_added_up(endpoints, vault, chosen, found)
    return found


async def find_lost_payouts(tx: AsyncSession, vault_id: VaultId, found: Read) -> list[int]:
    """Return the numbers that were paid before, and are not in the history that was read."""
    query = select(VaultPayout.number).where(
        VaultPayout.vault_id == vault_id, VaultPayout.is_final, VaultPayout.refusal.is_(None)
    )
    return sorted(set(await tx.scalars(query)) - found.paid)


async def send_again(
    sessions: async_sessionmaker[AsyncSession],
    endpoints: Endpoints,
    vault: Vault,
    numbers: Sequence[int],
) -> int:
    """Send all transactions signed for these payouts once more. Return how many."""
    batches = select(Withdrawal.batch_id).where(Withdrawal.number.in_(numbers))
    query = (
        select(SignedTransaction.raw)
        .where(SignedTransaction.batch_id.in_(batches))
        .order_by(SignedTransaction.nonce, SignedTransaction.signed_at)
    )
    async with sessions() as tx:
        signed = list(await tx.scalars(query))
    chosen = await endpoints.choose()
    for raw in signed:
        try:
            await chosen.node.send(raw)
        except NodeRefused:
            continue  # The node knows it, or another one with its nonce.
    return len(signed)


async def accept(ctx: Context, vault_id: VaultId, found: Read, *, reason: str) -> str:
    """Change the books to what the history says. Return what changed, in words.

    InsufficientFunds where neither the user nor the platform can bear what is gone.
    """
    vault = await statements.get_vault(ctx.tx, vault_id, lock=True)
    if vault.halted_at is None:
        raise NotHalted
    if lost := await find_lost_payouts(ctx.tx, vault_id, found):
        raise PayoutsLost(numbers=lost)
    await statements.drop_above(ctx, vault_id, -1, reason="another history")
    kept, gone = await _compare(ctx, vault_id, found)
    movements = await _take_back(ctx, gone)
    await _give_places(ctx, kept)
    new = _new_ones(found, kept)
    seen = await statements.see(ctx, vault_id, new)
    fresh = await statements.list_next(ctx.tx, vault_id, found.final.number, payments.MOVEMENTS_MAX)
    assert seen == len(new) == len(fresh), "a deposit is in two places"
    movements += [crediting.movement(it) for it in fresh]
    await _move_to(ctx, vault, found)
    if movements:
        await payments.transfer_many(ctx, movements)
    if fresh:
        await statements.credit(ctx, vault_id, fresh)
    await _settle_payouts(ctx, vault, found)
    await statements.sum_up(ctx.tx, vault_id)
    facts = {
        "block": found.final.number,
        "hash": found.final.hash,
        "taken_back": [it.reference for it in gone],
        "credited": [it.reference for it in fresh],
    }
    await events.record(ctx, VaultHistoryAccepted(vault.id), (), reason=reason, facts=facts)
    lost_sum = money.render(MicroTokens(sum(it.amount for it in gone)))
    return (
        f"block {found.final.number} ({found.final.hash}) is final from now on: {len(kept)} "
        f"deposits stay, {len(fresh)} are new, {len(gone)} of {lost_sum} are gone and taken back"
    )


async def _require_added_up(
    endpoints: Endpoints, vault: Vault, chosen: Chosen, found: Read
) -> None:
    paid = [it for _, it in found.payouts if isinstance(it, PaidOut)]
    added = (
        len(found.deposits),
        sum(it.event.amount for it in found.deposits),
        len(paid),
        sum(it.amount for it in paid),
    )
    for node in endpoints.nodes:
        try:
            call = contract.call("totals()")
            totals = contract.read_totals(
                await node.call(vault.address, call, at=found.final.number)
            )
        except FAULTS:
            if node is chosen.node:
                raise
            continue
        if (totals.deposits, totals.deposited, totals.payouts, totals.paid_out) != added:
            raise NoNode(f"{node.name} tells totals that do not fit what was read")


async def _compare(
    ctx: Context, vault_id: VaultId, found: Read
) -> tuple[Mapping[Key, tuple[Deposit, Found]], list[Deposit]]:
    """Return which final deposits are in the new history, too, and which are gone."""
    there = {(it.log.tx_hash, it.position): it for it in found.deposits}
    query = select(Deposit).where(Deposit.vault_id == vault_id, Deposit.state.in_(FINAL))
    rows = await ctx.tx.scalars(
        query.order_by(Deposit.ordinal).execution_options(populate_existing=True)
    )
    kept, gone = dict[Key, tuple[Deposit, Found]](), list[Deposit]()
    for row in rows:
        again = there.get((row.tx_hash, row.position))
        if again and (again.event.amount, again.event.named) == (row.amount, row.named):
            kept[row.tx_hash, row.position] = row, again
        else:
            gone.append(row)
    return kept, gone


def _new_ones(found: Read, kept: Mapping[Key, object]) -> list[Found]:
    return [it for it in found.deposits if (it.log.tx_hash, it.position) not in kept]


async def _take_back(ctx: Context, gone: Sequence[Deposit]) -> list[Movement]:
    """End the deposits that are gone. Return the movements that take their tokens back.

    Their `position` becomes negative: if the transaction is mined again, that is a new deposit.
    """
    accounts = {UNCLAIMED if it.user_id is None else wallet(it.user_id) for it in gone}
    left = await payment_queries.lock_accounts(ctx.tx, sorted({CHAIN, REVENUE, *accounts}))
    movements = list[Movement]()
    for it in gone:
        is_unclaimed = it.state is DepositState.UNCLAIMED or it.user_id is None
        account = UNCLAIMED if is_unclaimed or it.user_id is None else wallet(it.user_id)
        part = min(it.amount, left.get(account, 0))
        left[account] = MicroTokens(left.get(account, 0) - part)
        for source, amount in ((account, part), (REVENUE, it.amount - part)):
            if amount:
                code = TransferCode.DEPOSIT_REVERSAL
                out = Movement(code, it.reference, source, CHAIN, MicroTokens(amount))
                movements.append(out)
        lowest = select(Deposit.position).where(
            Deposit.vault_id == it.vault_id, Deposit.tx_hash == it.tx_hash
        )
        places = list(await ctx.tx.scalars(lowest))
        it.state, it.final_at, it.orphaned_at = DepositState.ORPHANED, None, ctx.now
        it.position = min(0, *places) - 1
        await ctx.tx.flush()
        facts = {"from_revenue": money.render(MicroTokens(it.amount - part))}
        readers = [events.user(it.user_id)] if it.user_id else []
        taken_back = DepositTakenBack(it.id, it.amount)
        await events.record(ctx, taken_back, readers, reason="another history", facts=facts)
    return movements


async def _give_places(ctx: Context, kept: Mapping[Key, tuple[Deposit, Found]]) -> None:
    """Give the deposits that stay their new ordinals, by way of negative ones (unique index)."""
    ids = [row.id for row, _ in kept.values()]
    away = update(Deposit).where(Deposit.id.in_(ids)).values(ordinal=-Deposit.ordinal)
    await ctx.tx.execute(away, execution_options={"synchronize_session": False})
    for row, again in kept.values():
        its = update(Deposit).where(Deposit.id == row.id)
        placed = its.values(
            ordinal=again.event.ordinal,
            block_number=again.log.block_number,
            block_hash=again.log.block_hash,
        )
        await ctx.tx.execute(placed, execution_options={"synchronize_session": False})


async def _move_to(ctx: Context, vault: Vault, found: Read) -> None:
    """Move the cursor to the block up to which the new history was read."""
    await ctx.tx.execute(delete(Block).where(Block.vault_id == vault.id))
    await ctx.tx.execute(delete(VaultPayout).where(VaultPayout.vault_id == vault.id))
    vault.final_number, vault.final_hash = found.final.number, found.final.hash
    vault.last_ordinal = len(found.deposits)
    vault.deposited, vault.deposited_up_to = MicroTokens(0), 0
    vault.halted_at, vault.reading_error = None, None
    block = Block(vault_id=vault.id, number=found.final.number, hash=found.final.hash)
    ctx.tx.add(block)
    await ctx.tx.flush()
    await statements.note_payouts(ctx.tx, vault.id, found.payouts)


async def _settle_payouts(ctx: Context, vault: Vault, found: Read) -> None:
    payouts = await statements.list_payouts_to_settle(
        ctx.tx, vault.id, found.final.number, payments.MOVEMENTS_MAX
    )
    for it in payouts:
        it.is_final = True
    await ctx.tx.flush()
    await settle_payouts(ctx, vault, payouts)
