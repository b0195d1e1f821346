"""What must hold of the ledger, whatever is asked of it."""

import asyncio
from typing import Any

import pytest
from asyncpg import IntegrityConstraintViolationError
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from dml.core.context import Context
from dml.core.db import raw
from dml.core.ids import UserId
from dml.core.money import MAX, MicroTokens
from dml.payments import queries, statements
from dml.payments.models import CHAIN, LedgerAccount, Movement, Transfer, TransferCode
from dml.payments.queries import get_account_balance
from dml.payments.rules import InsufficientFunds, MoreThanCanExist, wallet
from dml.payments.service import transfer, transfer_many
from tests.conftest import At, Sessions, context
from tests.two_connections import after, until_one_waits
from tests.world import make_user


async def balance(ctx: Context, account: str) -> int:
    return await get_account_balance(ctx.tx, account)


async def fund(ctx: Context, amount: MicroTokens) -> None:
    await transfer(
        ctx,
        code=TransferCode.DEPOSIT,
        reference=f"test:{ctx.actor.id}",
        source=CHAIN,
        target=wallet(ctx.actor.id),
        amount=amount,
    )


def movement(source: str, target: str, amount: int = 1, reference: str = "test") -> Movement:
    return Movement(TransferCode.DEVICE_REWARD, reference, source, target, MicroTokens(amount))


async def test_money_is_neither_made_nor_lost(at: At, owner: UserId, rival: UserId) -> None:
    ctx, mine, theirs = at(owner), wallet(owner), wallet(rival)
    await fund(ctx, MicroTokens(10))
    await transfer_many(ctx, [movement(mine, theirs, 4)])
    await transfer_many(ctx, [movement(mine, theirs, 4)])  # A retry.

    assert await balance(ctx, mine) == 6
    assert await balance(ctx, theirs) == 4
    assert await ctx.tx.scalar(select(func.sum(LedgerAccount.balance))) == 0


async def test_a_refused_batch_leaves_nothing_behind(at: At, owner: UserId) -> None:
    ctx, mine = at(owner), wallet(owner)
    await fund(ctx, MicroTokens(10))
    with pytest.raises(InsufficientFunds):
        await transfer_many(ctx, [movement(mine, "escrow:a", 6), movement(mine, "escrow:b", 5)])

    assert await balance(ctx, mine) == 10
    assert await ctx.tx.scalar(select(func.count()).select_from(Transfer)) == 1


async def test_no_more_comes_in_than_the_ledger_can_hold(at: At, owner: UserId) -> None:
    ctx = at(owner)
    await transfer_many(ctx, [movement(CHAIN, wallet(owner), MAX)])
    with pytest.raises(MoreThanCanExist):
        await fund(ctx, MicroTokens(1))
    assert await balance(ctx, wallet(owner)) == MAX


async def test_the_same_movement_with_another_amount_crashes(at: At, owner: UserId) -> None:
    await fund(at(owner), MicroTokens(10))
    with pytest.raises(AssertionError):
        await fund(at(owner), MicroTokens(11))


@pytest.mark.parametrize(
    ("code", "balance"), [("escrow:x", -1), ("chain:deposits", -1), ("chains", -1)]
)
async def test_the_database_too_lets_only_the_chain_be_overdrawn(
    at: At, owner: UserId, code: str, balance: int
) -> None:
    tx = at(owner).tx
    await tx.execute(insert(LedgerAccount).values(code=CHAIN, balance=-1))
    with pytest.raises(IntegrityError, match="not_overdrawn"):
        await tx.execute(insert(LedgerAccount).values(code=code, balance=balance))


async def test_the_database_too_keeps_a_transfer_single_positive_and_between_two(
    at: At, owner: UserId
) -> None:
    ctx, mine = at(owner), wallet(owner)
    await fund(ctx, MicroTokens(10))
    deposit = Movement(TransferCode.DEPOSIT, f"test:{owner}", CHAIN, mine, MicroTokens(10))
    for wrong, constraint in [
        (deposit, "ledger_transfers_code_reference_source_target_key"),
        (movement(mine, CHAIN, 0), "positive"),
        (movement(mine, mine, 1), "between_two"),
    ]:
        with pytest.raises(IntegrityConstraintViolationError, match=constraint):
            async with ctx.tx.begin_nested():
                await statements.record(ctx.tx, [wrong], ctx.now)


async def _count_statements(ctx: Context, movements: list[Movement]) -> int:
    seen: list[str] = []
    with (await raw(ctx.tx)).query_logger(lambda it: seen.append(it.query)):
        await transfer_many(ctx, movements)
        await asyncio.sleep(0)  # The logger is told in the next turn of the loop.
    return len(seen)


async def test_many_movements_take_as_many_statements_as_one(at: At, owner: UserId) -> None:
    ctx, mine = at(owner), wallet(owner)
    await fund(ctx, MicroTokens(2_000))
    opening = [movement(mine, f"escrow:{n}", reference="opens accounts") for n in range(1_000)]
    assert await _count_statements(ctx, opening) == 3
    assert await _count_statements(ctx, [movement(mine, "escrow:1", reference="one")]) == 1
    many = [movement(mine, f"escrow:{n}", reference="many") for n in range(999)]
    assert await _count_statements(ctx, many) == 1
    assert await _count_statements(ctx, many) <= 5  # A retry.
    assert await balance(ctx, mine) == 0


async def test_what_comes_and_goes_in_one_call_is_covered_by_its_sum(
    at: At, owner: UserId, rival: UserId
) -> None:
    ctx, mine, theirs = at(owner), wallet(owner), wallet(rival)
    both = [movement(CHAIN, mine, 5), movement(mine, theirs, 3)]
    await transfer_many(ctx, both)
    await transfer_many(ctx, both)
    assert await balance(ctx, mine) == 2
    assert await balance(ctx, theirs) == 3


async def test_who_waited_for_a_part_of_the_same_movements_makes_the_rest(
    own_engine: AsyncEngine, committing: Sessions
) -> None:
    """Its statement began before that part was there to be seen."""
    async with committing.begin() as tx:
        payer = (await make_user(tx, "payer")).id
        await fund(context(tx, payer), MicroTokens(10))
        await transfer_many(
            context(tx, payer), [movement(wallet(payer), f"escrow:{n}", 1, "opens") for n in "ab"]
        )
    parts = [movement(wallet(payer), "escrow:a", 1), movement(wallet(payer), "escrow:b", 3)]
    async with committing() as first, committing.begin() as second:
        await transfer_many(context(first, payer), parts[:1])
        await after(own_engine, first, transfer_many(context(second, payer), parts))
    async with committing() as tx:
        ctx = context(tx, payer)
        held = [await balance(ctx, it) for it in (wallet(payer), "escrow:a", "escrow:b")]
        assert held == [4, 2, 4]
        assert await tx.scalar(select(func.count()).select_from(Transfer)) == 5


async def test_a_cause_that_moved_something_before_moves_what_is_new(at: At, owner: UserId) -> None:
    ctx, mine = at(owner), wallet(owner)
    await fund(ctx, MicroTokens(10))
    await transfer_many(ctx, [movement(mine, "escrow:a", 1), movement(mine, "escrow:b", 2)])
    await transfer_many(ctx, [movement(mine, "escrow:b", 2), movement(mine, "escrow:c", 3)])
    assert [await balance(ctx, it) for it in (mine, "escrow:a", "escrow:b", "escrow:c")] == [
        4, 1, 2, 3
    ]  # fmt: skip


async def test_a_transfer_waits_for_whoever_holds_one_of_its_accounts(
    own_engine: AsyncEngine, committing: Sessions
) -> None:
    async with committing.begin() as tx:
        payer = (await make_user(tx, "payer")).id
        await fund(context(tx, payer), MicroTokens(1))

    async with committing() as first, committing() as second:
        await queries.lock_accounts(first, [wallet(payer)])
        paying = transfer_many(context(second, payer), [movement(wallet(payer), "escrow:target")])
        await after(own_engine, first, paying)


async def open_accounts(tx: AsyncSession, accounts: list[str]) -> None:
    await statements.open_accounts(tx, dict.fromkeys(accounts))


@pytest.mark.parametrize(
    ("take", "existing"),
    [
        (open_accounts, []),
        (queries.lock_accounts, ["escrow:c", "escrow:b", "escrow:a"]),
    ],
)
async def test_accounts_are_taken_in_the_order_of_their_names(
    own_engine: AsyncEngine, committing: Sessions, take: Any, existing: list[str]
) -> None:
    async with committing.begin() as tx:
        for account in existing:
            await statements.open_accounts(tx, {account: None})

    async with committing() as first, committing() as second, committing() as third:
        await take(first, ["escrow:b"])
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(take(second, ["escrow:c", "escrow:b", "escrow:a"]))
            await until_one_waits(own_engine)  # It has a, waits for b, and does not have c:
            await take(third, ["escrow:c"])
            await third.commit()
            await first.commit()


async def test_two_that_pay_the_same_accounts_in_opposite_order_both_succeed(
    committing: Sessions,
) -> None:
    """With a transfer at a time, each comes to hold an account that the other one needs."""
    async with committing.begin() as tx:
        payers = [(await make_user(tx, name)).id for name in ("ann", "ben")]
        for payer in payers:
            await fund(context(tx, payer), MicroTokens(100))
    targets = [f"escrow:{n:02}" for n in range(40)]

    async with committing() as first, committing() as second:
        await asyncio.gather(first.connection(), second.connection())  # So that they start level.

        async def pay(ctx: Context, targets: list[str]) -> None:
            payer = wallet(ctx.actor.id)
            await transfer_many(ctx, [movement(payer, target) for target in targets])
            await ctx.tx.commit()

        async with asyncio.TaskGroup() as both:
            both.create_task(pay(context(first, payers[0]), targets))
            both.create_task(pay(context(second, payers[1]), targets[::-1]))

    async with committing() as tx:
        ctx = context(tx, payers[0])
        assert [await balance(ctx, target) for target in targets] == [2] * 40


async def test_ten_retries_at_once_move_it_once(committing: Sessions) -> None:
    async with committing.begin() as tx:
        payer = (await make_user(tx, "payer")).id
        await fund(context(tx, payer), MicroTokens(100))

    async def retry() -> None:
        async with committing.begin() as tx:
            await transfer_many(context(tx, payer), [movement(wallet(payer), "escrow:target", 7)])

    await asyncio.gather(*(retry() for _ in range(10)))
    async with committing() as tx:
        assert await balance(context(tx, payer), "escrow:target") == 7
