"""What a final payout does to its withdrawal, and what fits none."""

import logging

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from dml.chain.models import Vault, VaultPayout, Withdrawal
from dml.chain.withdrawals.settling import settle_payouts
from dml.core import event_log
from dml.core.ids import UserId
from dml.core.money import MicroTokens
from dml.payments import queries as payment_queries
from dml.payments.rules import wallet
from tests.chain.rows import ADDRESS, HASH, make_withdrawal
from tests.chain.test_batches import at_now, vault

__all__ = ["vault"]


def payout(
    vault: Vault,
    number: int,
    recipient: str = ADDRESS,
    amount: int = 1_000_000,
    *,
    refusal: bytes | None = None,
) -> VaultPayout:
    return VaultPayout(
        vault_id=vault.id,
        block_hash=HASH,
        log_index=number,
        block_number=9,
        tx_hash="0x" + "5" * 64,
        number=number,
        recipient=recipient,
        amount=MicroTokens(amount),
        refusal=refusal,
        is_final=True,
    )


async def balances(tx: AsyncSession, made: Withdrawal) -> tuple[int, int]:
    out = await payment_queries.get_account_balance(tx, f"payout:{made.id}")
    return out, await payment_queries.get_account_balance(tx, "revenue")


async def test_what_the_vault_paid_leaves_the_books_once(
    tx: AsyncSession, vault: Vault, owner: UserId
) -> None:
    made = await make_withdrawal(tx, owner, fee=30, number=5)
    paid = payout(vault, number=5)
    for _ in range(2):
        await settle_payouts(at_now(tx), vault, [paid])
    assert (made.state, made.tx_hash, made.block_number) == ("paid", paid.tx_hash, 9)
    assert await balances(tx, made) == (0, 30)
    assert await payment_queries.get_account_balance(tx, "chain") == -99_000_000
    assert await payment_queries.get_account_balance(tx, wallet(owner)) == 98_999_970
    assert [it.action for it in await event_log.history(tx, made.reference)] == ["paid"]


async def test_a_refusal_and_nothing_at_all_settle_nothing(
    tx: AsyncSession, vault: Vault, owner: UserId
) -> None:
    made = await make_withdrawal(tx, owner, number=5)
    await settle_payouts(at_now(tx), vault, [payout(vault, number=5, refusal=b"no")])
    await settle_payouts(at_now(tx), vault, [])
    assert made.state == "authorised"


@pytest.mark.parametrize(
    ("number", "recipient", "amount"),
    [(6, ADDRESS, 1_000_000), (5, ADDRESS, 999_999), (5, HASH[:42], 1_000_000)],
)
async def test_what_fits_no_withdrawal_is_left_alone_and_stops_nothing(
    tx: AsyncSession,
    vault: Vault,
    owner: UserId,
    caplog: pytest.LogCaptureFixture,
    number: int,
    recipient: str,
    amount: int,
) -> None:
    made = await make_withdrawal(tx, owner, number=5)
    other = await make_withdrawal(tx, owner, number=8)
    wrong = payout(vault, number, recipient, amount)
    await settle_payouts(at_now(tx), vault, [wrong, payout(vault, number=8)])
    assert (made.state, other.state) == ("authorised", "paid")
    assert vault.difference  # So that nothing more is paid, to whom it may have been paid before.
    assert [it.levelno for it in caplog.records] == [logging.CRITICAL]


async def test_what_was_given_back_and_paid_as_well_is_cried_out(
    tx: AsyncSession, vault: Vault, owner: UserId, caplog: pytest.LogCaptureFixture
) -> None:
    made = await make_withdrawal(tx, owner, number=5)
    made.state, made.ended_at = type(made.state)("reversed"), at_now(tx).now
    await settle_payouts(at_now(tx), vault, [payout(vault, number=5)])
    assert made.state == "reversed"
    assert "given back" in caplog.text
