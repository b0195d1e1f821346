"""What an operator does by hand: after a restored backup, for a retired key, after a reorg."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from pydantic import SecretStr
from sqlalchemy import text

from dml.accounts.models import User
from dml.chain import doctor
from dml.chain.comparison.service import compare
from dml.chain.ethereum import checksummed
from dml.chain.indexer import rereading, statements
from dml.chain.indexer.rereading import NotHalted
from dml.chain.models import Vault
from dml.chain.node import contract
from dml.chain.payer import operating, payout_facts
from dml.chain.payer.operating import (
    InTheBooks,
    NoSuchNonce,
    NoSuchPayout,
    NotRetired,
    WhosePayout,
)
from dml.chain.payer.signers import KeySigner
from dml.core.checks import look
from dml.core.context import SYSTEM, Context
from dml.core.settings import Settings
from dml.entrypoints.chain_process import Former
from dml.entrypoints.cli import chain_repairs
from dml.payments import doctor as ledger_doctor
from dml.payments.rules import InsufficientFunds
from dml.refused import Refused
from tests.chain.ledgered import Ledgered
from tests.chain.payers import FUNDS, Paying, key_signer
from tests.chain.people import add_vault
from tests.chain.test_indexing import indexer_of
from tests.chain.test_paying import _transact


async def acting(it: Ledgered, act: Callable[[Context], Awaitable[Any]]) -> Any:
    async with it.sessions.begin() as tx:
        return await act(Context(tx, SYSTEM, datetime.now(UTC)))


async def book(it: Ledgered, number: int, *, from_revenue: bool = False) -> str:
    async def act(ctx: Context) -> str:
        missing = await operating.find_missing(ctx, number)
        account = await operating.find_payer(ctx, missing, user_id=None, from_revenue=from_revenue)
        return await operating.book_payout(ctx, missing, account, reason="a backup")

    return str(await acting(it, act))


async def require_well(it: Ledgered) -> None:
    """The books are right, by every check that looks at deposits, withdrawals and the ledger."""
    async with it.sessions() as tx:
        checks = (*doctor.DEPOSITS, *doctor.SUMS, *doctor.WITHDRAWALS, *ledger_doctor.CHECKS)
        assert await look(tx, checks) == []


async def pay_by_hand(paying: Paying, number: int, to: str, amount: int) -> None:
    _transact(paying, "payOut", [(number, to, amount)], sender=paying.it.on.payer)
    paying.it.mine(3)
    await paying.indexer.run_pass()


async def test_a_payout_of_a_lost_withdrawal_is_booked_once_and_payouts_go_on(
    paying: Paying,
) -> None:
    it, address = paying.it, paying.wallet()
    await pay_by_hand(paying, 1, address, 3_000_000)
    assert "number 1 of 3" in str(await compare(it.sessions, it.endpoints(), paying.vault_id))
    with pytest.raises(NoSuchPayout):
        await book(it, 2)
    with pytest.raises(WhosePayout):
        await book(it, 1)
    with pytest.raises(InsufficientFunds):
        await book(it, 1, from_revenue=True)
    lost = await paying.ask(address=address)  # Somebody holds this address.
    async with it.sessions.begin() as tx:
        await tx.execute(text("UPDATE wallets SET unlinked_at = NULL"))
    told = await book(it, 1)
    assert told == f"number 1 is booked: 3 from wallet:{paying.user_id}"
    assert "already" in await book(it, 1)
    assert await it.held(paying.user_id) == FUNDS - 3_000_000 - 1_000_000
    assert await compare(it.sessions, it.endpoints(), paying.vault_id) is None
    paying.wallets.clear()
    await paying.finish()
    assert (await paying.get(lost)).state == "paid"
    with pytest.raises(InTheBooks):
        await book(it, int((await paying.get(lost)).number or 0))
    await require_well(it)


async def test_a_withdrawal_that_was_paid_otherwise_gets_another_number_and_is_paid(
    paying: Paying,
) -> None:
    it, ours, theirs = paying.it, paying.wallet(), paying.wallet()
    await paying.ask(address=theirs)
    await paying.finish()  # Number 1, so that its holder is known.
    async with it.sessions.begin() as tx:
        await tx.execute(text("UPDATE wallets SET unlinked_at = NULL"))
    made = await paying.ask(2_000_000, address=ours)
    await paying.payer().step()
    it.anvil.call("anvil_dropAllTransactions")
    assert (await paying.get(made)).number == 2
    await pay_by_hand(paying, 2, theirs, 5_000_000)
    assert "paid otherwise" in str(
        (await it.rows("SELECT difference FROM vaults"))[0]
    ) or await compare(it.sessions, it.endpoints(), paying.vault_id)
    await book(it, 2)
    assert await compare(it.sessions, it.endpoints(), paying.vault_id) is None
    paying.wallets = {made: ours}
    await paying.finish()
    found = await paying.get(made)
    assert found.state == "paid"
    assert (found.number or 0) > 2
    await require_well(it)


async def retire(paying: Paying) -> KeySigner:
    fresh: LocalAccount = Account.create()
    paying.it.on.give_ether(fresh.address)
    paying.it.anvil.call("anvil_impersonateAccount", fresh.address)
    _transact(paying, "proposePayoutKey", fresh.address)
    _transact(paying, "acceptPayoutKey", sender=fresh.address)
    paying.it.mine(3)
    await paying.indexer.run_pass()
    return KeySigner(bytes(fresh.key))


async def give_up(paying: Paying, sender: str, nonce: int) -> int:
    it = paying.it
    async with it.sessions() as tx:
        found = await operating.find_by_nonce(Context(tx, SYSTEM, datetime.now(UTC)), sender, nonce)
        vault = await the_vault(paying)
    chosen = await it.endpoints().choose()
    answer = await chosen.node.call(vault.address, contract.call("payoutKey()"))
    keys = {checksummed(contract.read(["address"], answer)[0])}
    count = 0
    for one in found:
        operating.require_retired(one, keys)
        paid = await payout_facts.find_paid(chosen.node, vault, one.numbers, at=vault.final_number)

        async def act(ctx: Context, one: Any = one, paid: Any = paid) -> int:
            return await operating.give_up(ctx, one.batch.id, one.hashes, paid, reason="retired")

        count += int(await acting(it, act))
    return count


async def the_vault(paying: Paying) -> Any:
    async with paying.it.sessions() as tx:
        return await statements.get_vault(tx, paying.vault_id)


async def test_a_retired_key_s_nonce_is_given_up_and_its_withdrawal_paid_by_another(
    paying: Paying,
) -> None:
    made = await paying.ask()
    payer = paying.payer()
    await payer.step()
    ((_, nonce, _),) = await paying.transactions()
    paying.it.anvil.call("anvil_dropAllTransactions")
    sender = paying.it.on.payer
    with pytest.raises(NoSuchNonce):
        await give_up(paying, sender, nonce + 1)
    with pytest.raises(NotRetired):
        await give_up(paying, sender, nonce)
    signer = await retire(paying)
    assert await give_up(paying, sender, nonce) == 1
    with pytest.raises(NoSuchNonce):
        await give_up(paying, sender, nonce)
    assert ((await paying.get(made)).state, (await paying.get(made)).number) == ("authorised", 1)
    await paying.finish(paying.payer(signer=signer))
    assert (await paying.get(made)).state == "paid"
    await require_well(paying.it)


async def test_an_old_vault_s_batch_and_deposits_are_followed_and_nothing_begun_there(
    paying: Paying,
) -> None:
    it = paying.it
    made = await paying.ask()
    await paying.payer().step()  # It is signed and sent; then another vault is current.
    async with it.sessions.begin() as tx:
        await add_vault(tx)
    waits = await paying.ask()
    it.anvil.call("evm_setAutomine", True)
    it.deposit(paying.user_id, 5_000)  # Somebody still knows the old address.
    before = await it.held(paying.user_id)
    former = Former(Settings(), it.sessions, it.endpoints(), key_signer())
    for _ in range(4):
        it.mine(3)
        await former.attend()
    assert (await paying.get(made)).state == "paid"
    assert await paying.open_batches() == 0
    assert (await paying.get(waits)).state == "requested"
    assert await it.held(paying.user_id) == before + 5_000


async def test_the_running_sum_is_exact_and_found_again_where_it_lags(ledgered: Ledgered) -> None:
    user, indexer = await ledgered.user(), await indexer_of(ledgered)
    for amount in (1, 20, 300):
        ledgered.deposit(user, amount)
        ledgered.make_final()
        await indexer.run_pass()
    sums = "SELECT deposited, deposited_up_to FROM vaults"
    assert await ledgered.rows(sums) == [(321, 3)]
    async with ledgered.sessions.begin() as tx:  # As the code before it leaves it.
        await tx.execute(text("UPDATE vaults SET deposited = 1, deposited_up_to = 1"))
    ledgered.deposit(user, 4_000)
    ledgered.make_final()
    report = await indexer.run_pass()
    assert (report.credited, report.error) == (1, None)
    assert await ledgered.rows(sums) == [(4_321, 4)]
    await require_well(ledgered)


async def accept(it: Ledgered) -> str:
    async with it.sessions() as tx:
        (vault_id,) = (await tx.execute(text("SELECT id FROM vaults"))).scalars()
        vault = await tx.get_one(Vault, vault_id)
    found = await rereading.read(it.endpoints(), vault)

    async def act(ctx: Context) -> str:
        return await rereading.accept(ctx, vault_id, found, reason="the chain broke")

    return str(await acting(it, act))


async def test_another_history_is_accepted_and_what_is_gone_is_taken_back(
    ledgered: Ledgered,
) -> None:
    ada, bob, indexer = await ledgered.user(), await ledgered.user(), await indexer_of(ledgered)
    ledgered.deposit(ada, 5)
    ledgered.make_final()
    await indexer.run_pass()
    ledgered.remember()
    again = ledgered.signed_deposit(bob, 70, nonce=1)
    gone = ledgered.signed_deposit(ada, 1_000)
    ledgered.send(gone, again)
    ledgered.make_final()
    await indexer.run_pass()
    assert (await ledgered.held(ada), await ledgered.held(bob)) == (1_005, 70)
    with pytest.raises(NotHalted):
        await accept(ledgered)

    ledgered.forget()
    ledgered.deposit(bob, 900)  # In the place of the one that is gone.
    ledgered.send(again)
    ledgered.mine(4)
    assert "was final as" in str((await indexer.run_pass()).error)
    told = await accept(ledgered)
    assert "2 deposits stay, 1 are new, 1 of 0.001 are gone" in told
    assert (await ledgered.held(ada), await ledgered.held(bob)) == (5, 970)
    assert await ledgered.balance("chain") == -ledgered.on.held(ledgered.vault)
    await require_well(ledgered)
    with pytest.raises(NotHalted):
        await accept(ledgered)

    ledgered.deposit(ada, 3)
    ledgered.make_final()
    report = await indexer.run_pass()
    assert (report.error, report.credited) == (None, 1)
    (vault_id,) = await ledgered.rows("SELECT id FROM vaults")
    assert await compare(ledgered.sessions, ledgered.endpoints(), vault_id) is None
    await require_well(ledgered)


async def test_what_was_spent_of_it_the_platform_bears_or_nothing_is_done(
    ledgered: Ledgered,
) -> None:
    ada, indexer = await ledgered.user(), await indexer_of(ledgered)
    ledgered.remember()
    ledgered.deposit(ada, 1_000)
    ledgered.make_final()
    await indexer.run_pass()
    async with ledgered.sessions.begin() as tx:
        spend = "UPDATE ledger_accounts SET balance = balance - 400 WHERE code = :code"
        await tx.execute(text(spend), {"code": f"wallet:{ada}"})
    ledgered.forget()
    ledgered.mine(6)
    await indexer.run_pass()
    with pytest.raises(InsufficientFunds):
        await accept(ledgered)
    assert await ledgered.held(ada) == 600
    async with ledgered.sessions.begin() as tx:
        kept = "INSERT INTO ledger_accounts (code, balance) VALUES ('revenue', 400)"
        await tx.execute(text(kept))
    assert "1 of 0.001 are gone" in await accept(ledgered)
    assert (await ledgered.held(ada), await ledgered.balance("revenue")) == (0, 0)


async def test_the_commands_say_what_they_would_do_and_do_it_once(
    paying: Paying, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    it, address = paying.it, paying.wallet()
    await pay_by_hand(paying, 1, address, 3_000_000)
    async with it.sessions() as tx:
        email = (await tx.get_one(User, paying.user_id)).email
    bind = it.sessions.kw["bind"]
    settings = Settings(
        database_url=SecretStr(
            bind.url.set(drivername="postgresql").render_as_string(hide_password=False)
        ),
        chain_url=SecretStr(it.anvil.url),
        chain_id=31_337,
        chain_vault=it.vault,
        chain_confirmations=2,
    )

    def run(*, yes: bool, user: str | None = email) -> int:
        return chain_repairs.book_payout(
            settings, 1, user=user, from_revenue=False, reason="a test", yes=yes
        )

    with pytest.raises(Refused, match="no account"):
        await asyncio.to_thread(run, yes=True, user="nobody@example.org")
    with pytest.raises(Refused, match="Name the user"):
        await asyncio.to_thread(run, yes=True, user=None)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert await asyncio.to_thread(run, yes=False) == 1
    assert await it.rows("SELECT count(*) FROM booked_payouts") == [0]
    assert await asyncio.to_thread(run, yes=True) == 0
    assert await asyncio.to_thread(run, yes=True) == 0
    assert await it.held(paying.user_id) == FUNDS - 3_000_000
    told = capsys.readouterr().out
    assert "number 1 is booked: 3 from wallet:" in told
    assert "Nothing was changed." in told
    actions = "SELECT type FROM events WHERE type LIKE '%.payout_booked'"
    assert len(await it.rows(actions)) == 2  # Of the vault, and of the user.

    assert await compare(it.sessions, it.endpoints(), paying.vault_id) is None
    await paying.ask()
    await paying.payer().step()
    ((_, nonce, _),) = await paying.transactions()
    it.anvil.call("anvil_dropAllTransactions")

    def give(sender: str) -> int:
        return chain_repairs.give_up_nonce(settings, sender, nonce, reason="lost", yes=True)

    with pytest.raises(Refused, match="still takes this key's word"):
        await asyncio.to_thread(give, it.on.payer)
    await retire(paying)
    await compare(it.sessions, it.endpoints(), paying.vault_id)
    assert await asyncio.to_thread(give, it.on.payer) == 0
    assert await paying.open_batches() == 0
    with pytest.raises(Refused, match="has not halted"):
        await asyncio.to_thread(chain_repairs.accept_history, settings, reason="a test", yes=True)
