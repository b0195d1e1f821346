"""The limits, fees and reviews of withdrawals, by terms of their own."""

from typing import Any

import pytest
from eth_account import Account

from dml.chain.addresses import ZERO
from dml.chain.models import Wallet, Withdrawal
from dml.chain.states import WalletKind, WithdrawalState
from dml.chain.wallets import rules as wallet_rules
from dml.chain.withdrawals import rules as withdrawal_rules, service as withdrawal_service
from dml.chain.withdrawals.rules import Recent, WithdrawalTerms
from dml.core import money
from dml.core.context import SYSTEM, Context, Role
from dml.core.ids import UserId, WalletId, new_id
from dml.core.money import MicroTokens, parse as tokens
from dml.payments import credits, queries as payment_queries
from dml.payments.rules import InsufficientFunds
from tests.chain.people import add_vault, make_vault
from tests.conftest import NOW, At

TERMS = WithdrawalTerms(
    fee=tokens("0.5"),
    least=tokens("1"),
    count_a_day=3,
    amount_a_day=tokens("100"),
    review_above=tokens("50"),
    batch_seconds=60,
)


async def _wallet(at: At, owner: UserId, held: str = "1000") -> WalletId:
    admin = at(owner, Role.ADMIN)
    await add_vault(admin.tx)
    as_system = Context(admin.tx, SYSTEM, admin.now)
    await credits.credit(as_system, owner, tokens(held), reason="for a test", alone_up_to=None)
    wallet = Wallet(
        id=WalletId(new_id()),
        user_id=owner,
        address=Account.create().address,
        kind=WalletKind.KEY,
        linked_at=NOW,
    )
    admin.tx.add(wallet)
    await admin.tx.flush()
    return wallet.id


async def _ask(at: At, owner: UserId, wallet: WalletId, amount: str, **more: Any) -> Withdrawal:
    hours = more.pop("hours", 0)
    ctx = at(owner, hours=hours)
    return await withdrawal_service.request(
        ctx, TERMS, wallet_id=wallet, amount=tokens(amount), **more
    )


async def test_the_fee_is_set_aside_too_and_comes_back(at: At, owner: UserId) -> None:
    wallet = await _wallet(at, owner, "10.5")
    ctx = at(owner)
    with pytest.raises(withdrawal_rules.FeeRose) as rose:
        await _ask(at, owner, wallet, "10", max_fee=tokens("0.4"))
    assert rose.value.facts == {"fee": "0.5"}
    with pytest.raises(InsufficientFunds):
        await _ask(at, owner, wallet, "10.000001")
    made = await _ask(at, owner, wallet, "10", max_fee=tokens("0.5"))
    assert await payment_queries.get_balance(ctx.tx, owner) == payment_queries.Balance(
        MicroTokens(0), MicroTokens(0), tokens("10.5")
    )
    await withdrawal_service.cancel(ctx, made.id)
    assert (await payment_queries.get_balance(ctx.tx, owner)).available == tokens("10.5")
    assert (await payment_queries.get_books(ctx.tx)).payouts == 0


async def test_count_and_amount_of_24_hours_are_limited(at: At, owner: UserId) -> None:
    wallet = await _wallet(at, owner)
    first = await _ask(at, owner, wallet, "60")
    with pytest.raises(withdrawal_rules.AmountOfDayUsed) as used:
        await _ask(at, owner, wallet, "40.000001", hours=1)
    assert used.value.facts["left"] == "40"
    assert used.value.facts["retry_after_seconds"] == 23 * 3600 + 1
    await _ask(at, owner, wallet, "20", hours=1)
    await _ask(at, owner, wallet, "20", hours=1)
    with pytest.raises(withdrawal_rules.WithdrawalsOfDayUsed):
        await _ask(at, owner, wallet, "1", hours=23)
    await withdrawal_service.cancel(at(owner), first.id)
    with pytest.raises(withdrawal_rules.WithdrawalsOfDayUsed):  # One tries no more by cancelling.
        await _ask(at, owner, wallet, "1", hours=23)
    assert await _ask(at, owner, wallet, "1", hours=24)  # At 24 hours the first is out.


async def test_what_came_back_does_not_count(at: At, owner: UserId) -> None:
    wallet = await _wallet(at, owner)
    made = await _ask(at, owner, wallet, "100")
    made.state, made.number = WithdrawalState.REVERSED, 1
    made.authorised_at = made.ended_at = NOW
    await at(owner).tx.flush()
    assert await _ask(at, owner, wallet, "100", hours=1)


async def test_large_ones_and_many_small_ones_are_reviewed(at: At, owner: UserId) -> None:
    wallet = await _wallet(at, owner)
    assert not (await _ask(at, owner, wallet, "50")).needs_review
    assert (await _ask(at, owner, wallet, "1", hours=1)).needs_review
    assert (await _ask(at, owner, wallet, "51", hours=48)).needs_review


def test_the_rules_at_their_bounds() -> None:
    vault = make_vault(daily_limit=tokens("50"))
    withdrawal_rules.require_amount(TERMS, vault, tokens("1"))
    withdrawal_rules.require_amount(TERMS, vault, tokens("50"))
    with pytest.raises(withdrawal_rules.AboveVaultLimit):
        withdrawal_rules.require_amount(TERMS, vault, MicroTokens(tokens("50") + 1))
    own = MicroTokens(TERMS.amount_a_day + 1)
    with pytest.raises(withdrawal_rules.AboveVaultLimit) as never:
        withdrawal_rules.require_amount(TERMS, make_vault(daily_limit=MicroTokens(own)), own)
    assert never.value.facts["most"] == money.render(TERMS.amount_a_day)
    with pytest.raises(withdrawal_rules.LessThanLeast):
        withdrawal_rules.require_amount(TERMS, vault, MicroTokens(tokens("1") - 1))
    nothing = Recent(0, MicroTokens(0), None)
    withdrawal_rules.require_left(TERMS, nothing, tokens("100"), NOW)
    with pytest.raises(withdrawal_rules.AmountOfDayUsed):
        withdrawal_rules.require_left(TERMS, nothing, MicroTokens(tokens("100") + 1), NOW)
    with pytest.raises(wallet_rules.NobodysAddress):
        wallet_rules.require_somebodys(ZERO, [])
