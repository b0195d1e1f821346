"""Withdrawals on their way out, on a real chain: what is paid, what waits, and what comes back."""

from datetime import UTC, datetime

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3.types import TxParams, Wei

from dml.chain.events import WithdrawalRequested
from dml.chain.models import Vault
from dml.chain.payer.signers import KeySigner
from dml.core import events, tracing
from dml.core.context import SYSTEM, Context
from dml.core.money import MicroTokens
from tests.chain.payers import FUNDS, GWEI, Paying, key_signer
from tests.traced import PARENT, traced


async def test_a_withdrawal_is_paid_and_its_fee_is_the_platforms(paying: Paying) -> None:
    first = await paying.ask(2_000_000, fee=100_000)
    await paying.ask(3_000_000)
    await paying.finish()
    paid = await paying.get(first)
    ((tx_hash, _, _),) = await paying.transactions()
    assert (paid.state, paid.tx_hash) == ("paid", tx_hash)
    assert await paying.it.balance("revenue") == 100_000
    assert await paying.it.held(paying.user_id) == FUNDS - 5_100_000
    assert await paying.it.rows("SELECT outcome FROM payout_batches") == ["2 paid"]
    assert await paying.trouble() is None


async def test_nothing_is_settled_before_its_block_is_final(paying: Paying) -> None:
    await paying.ask()
    payer = paying.payer()
    await payer.step()
    for _ in range(2):
        paying.it.mine()
        await paying.indexer.run_pass()
        await payer.step()
        assert await paying.states() == ["authorised"]
    await paying.finish(payer)
    assert len(await paying.transactions()) == 1


async def test_the_next_batch_goes_while_the_one_before_is_not_final(paying: Paying) -> None:
    await paying.ask()
    payer = paying.payer()
    await paying.round(payer)
    await paying.ask()
    await paying.round(payer)
    assert await paying.open_batches() == 2
    await paying.finish(payer)


async def test_but_not_before_it_is_mined(paying: Paying) -> None:
    await paying.ask()
    payer = paying.payer()
    await payer.step()
    await paying.ask()
    await payer.step()
    assert await paying.open_batches() == 1
    await paying.finish(payer)


async def test_who_cant_be_paid_gets_it_back_with_the_reason_and_the_others_are_paid(
    paying: Paying,
) -> None:
    refused = await paying.ask(address=paying.it.vault, fee=5)
    await paying.ask()
    await paying.finish()
    assert await paying.states() == ["reversed", "paid"]
    assert (await paying.get(refused)).end_reason == "the vault cannot pay to this address"
    assert await paying.it.held(paying.user_id) == FUNDS - 1_000_000


async def test_nothing_is_given_back_before_the_refusal_is_final(paying: Paying) -> None:
    """Another branch may yet pay it."""
    refused = await paying.ask(address=paying.it.vault)
    payer = paying.payer()
    await payer.step()
    for _ in range(3):
        assert await paying.states() == ["authorised"]
        paying.it.mine()
        await payer.step()  # Before the indexer: what it has not read is not known.
        assert await paying.states() == ["authorised"]
        await paying.indexer.run_pass()
    await payer.step()
    assert (await paying.get(refused)).state == "reversed"
    await paying.check()


async def test_what_the_daily_limit_leaves_waits_and_goes_later(paying: Paying) -> None:
    _transact(paying, "setDailyLimit", 3_000_000)
    await paying.ask(2_000_000)
    late = await paying.ask(2_000_000)
    payer = paying.payer()
    for _ in range(2):
        await paying.round(payer, blocks=3)
    assert await paying.states() == ["paid", "requested"]
    assert (await paying.get(late)).number is None
    paying.it.anvil.call("evm_increaseTime", hex(86_400))
    paying.it.mine()
    await paying.finish(payer)
    assert await paying.states() == ["paid", "paid"]


async def test_a_limit_lowered_in_between_puts_off_and_the_number_is_kept(paying: Paying) -> None:
    await paying.ask(2_000_000)
    late = await paying.ask(2_000_000)
    payer = paying.payer()
    await payer.step()
    number = (await paying.get(late)).number
    _transact_first(paying, "setDailyLimit", 3_000_000)
    for _ in range(2):
        await paying.round(payer, blocks=3)
    assert await paying.it.rows("SELECT outcome FROM payout_batches") == ["1 put off, 1 paid"]
    put_off = await paying.get(late)
    assert (put_off.state, put_off.batch_id, put_off.number) == ("authorised", None, number)
    paying.it.anvil.call("evm_increaseTime", hex(86_400))
    paying.it.mine()
    await paying.finish(payer)
    assert (await paying.get(late)).number == number
    assert await paying.states() == ["paid", "paid"]


async def test_what_the_vault_could_never_pay_in_a_day_goes_back(paying: Paying) -> None:
    large = await paying.ask(2_000_000, fee=1)
    _transact(paying, "setDailyLimit", 1_000_000)
    await paying.payer().step()
    assert (await paying.get(large)).end_reason == "It is more than the vault pays out in a day."
    assert await paying.it.held(paying.user_id) == FUNDS
    await paying.check()


async def test_nothing_is_signed_while_the_vault_is_paused(paying: Paying) -> None:
    _transact(paying, "pause")
    await paying.ask()
    payer = paying.payer()
    await payer.step()
    assert await paying.trouble() == "payouts are paused by the vault's guardian"
    assert (await paying.states(), await paying.transactions()) == (["requested"], [])
    _transact(paying, "unpause")
    await paying.finish(payer)
    assert await paying.trouble() is None


async def test_nothing_is_signed_by_a_key_that_is_not_the_vault_s(paying: Paying) -> None:
    await paying.ask()
    await paying.payer(signer=key_signer(3)).step()
    assert "payout key is" in (await paying.trouble() or "")
    assert await paying.states() == ["requested"]


async def test_nothing_is_signed_while_chain_and_books_differ(paying: Paying) -> None:
    await paying.ask()
    async with paying.it.sessions.begin() as tx:
        (await tx.get_one(Vault, paying.vault_id)).difference = "a token too few"
    await paying.payer().step()
    assert await paying.trouble() == "chain and books differ"
    assert await paying.states() == ["requested"]


async def test_without_coins_for_gas_a_withdrawal_can_still_be_cancelled(paying: Paying) -> None:
    await paying.ask()
    paying.it.anvil.call("anvil_setBalance", paying.it.on.payer, "0x1")
    payer = paying.payer()
    await payer.step()
    assert "too few coins for gas" in (await paying.trouble() or "")
    assert await paying.states() == ["requested"]
    paying.it.on.give_ether(paying.it.on.payer)
    await paying.finish(payer)


async def test_nothing_is_signed_while_gas_costs_more_than_is_allowed(paying: Paying) -> None:
    await paying.ask()
    paying.it.anvil.call("anvil_setNextBlockBaseFeePerGas", hex(30 * GWEI))
    paying.it.mine()
    await paying.payer(max_fee=20 * GWEI).step()
    assert await paying.trouble() == "gas costs more than is allowed"
    assert await paying.states() == ["requested"]


async def test_a_batch_that_is_reverted_goes_back_with_the_reason(paying: Paying) -> None:
    await paying.ask(fee=7)
    payer = paying.payer()
    await payer.step()
    _transact_first(paying, "pause")
    paying.it.mine()
    for _ in range(3):
        await paying.indexer.run_pass()
        paying.it.mine()
        await payer.step()
    assert await paying.states() == ["reversed"]
    (reason,) = await paying.it.rows("SELECT end_reason FROM withdrawals")
    assert reason == "payouts are paused by the vault's guardian"
    assert await paying.it.held(paying.user_id) == FUNDS
    await paying.check()


async def test_another_key_goes_on_with_what_the_old_one_signed(paying: Paying) -> None:
    """The old transaction is never mined, and what it was signed for is paid nevertheless."""
    await paying.ask()
    await paying.payer().step()
    paying.it.anvil.call("anvil_dropAllTransactions")
    fresh: LocalAccount = Account.create()
    paying.it.on.give_ether(fresh.address)
    paying.it.anvil.call("anvil_impersonateAccount", fresh.address)
    _transact(paying, "proposePayoutKey", fresh.address)
    _transact(paying, "acceptPayoutKey", sender=fresh.address)
    await paying.finish(paying.payer(signer=KeySigner(bytes(fresh.key))))
    assert await paying.states() == ["paid"]


async def test_numbers_that_the_vault_has_paid_already_are_not_given_again(paying: Paying) -> None:
    """As after a restored backup."""
    _transact(
        paying,
        "payOut",
        [(number, paying.wallet(), 1) for number in range(1, 4)],
        sender=paying.it.on.payer,
    )
    await paying.indexer.run_pass()
    ours = await paying.ask()
    payer = paying.payer()
    await paying.round(payer)
    assert await paying.transactions() == []
    for _ in range(2):
        await paying.round(payer, blocks=3)
    assert (await paying.get(ours)).number == 4
    assert await paying.states() == ["paid"]
    await paying.ask()
    await paying.round(payer)
    assert await paying.trouble() == "chain and books differ"  # For it is final by now.
    assert await paying.open_batches() == 1


def _transact(paying: Paying, name: str, *arguments: object, sender: str | None = None) -> None:
    """Call the vault in a block of its own."""
    _queue(paying, name, *arguments, sender=sender)
    paying.it.mine()


def _transact_first(paying: Paying, name: str, *arguments: object) -> None:
    """Call the vault before all that waits, for a higher tip."""
    _queue(paying, name, *arguments, tip=100 * GWEI)


def _queue(
    paying: Paying, name: str, *arguments: object, sender: str | None = None, tip: int = GWEI
) -> None:
    on = paying.it.on
    made: TxParams = {
        "from": on.web3.to_checksum_address(sender or on.owner),
        "gas": 500_000,
        "maxFeePerGas": Wei(200 * GWEI),
        "maxPriorityFeePerGas": Wei(tip),
    }
    on.vault.functions[name](*arguments).transact(made)


async def test_a_transaction_is_of_the_trace_of_a_request_that_it_pays(paying: Paying) -> None:
    await paying.ask()
    traced_one = await paying.ask()
    with traced() as seen:
        with tracing.span("the request", PARENT):
            async with paying.it.sessions.begin() as tx:
                ctx = Context(tx, SYSTEM, datetime.now(UTC))
                await events.record(ctx, WithdrawalRequested(traced_one, MicroTokens(1)))
        await paying.finish()
        spans = seen.of()
    ((tx_hash, _, _),) = await paying.transactions()
    sent = spans["chain transaction"]
    assert dict(sent.attributes or {}) == {"dml.hash": tx_hash}
    assert sent.parent is not None
    assert sent.parent.span_id == spans["the request"].context.span_id
