"""Deposits on their way in: seen, final, credited once; through reorganisations of all kinds."""

import asyncio
import uuid

import pytest
from sqlalchemy import text

from dml.chain.comparison.service import compare
from dml.chain.indexer.indexing import Indexer
from dml.chain.node.endpoints import NoNode
from dml.core.ids import UserId
from tests.chain.deployed import put
from tests.chain.ledgered import Ledgered

STATES = "SELECT state FROM deposits ORDER BY ordinal, id"
TIMELINE = "SELECT type FROM events WHERE subject LIKE 'deposit:%' ORDER BY number"


async def indexer_of(it: Ledgered, *urls: str) -> Indexer:
    made = Indexer(it.sessions, it.endpoints(*urls), vault=it.vault, start_block=it.height)
    await made.register()
    return made


async def test_a_vault_is_registered_with_what_its_token_says(ledgered: Ledgered) -> None:
    first = await indexer_of(ledgered)
    again = await first.register()
    (row,) = await ledgered.rows(
        "SELECT id, chain_id, address, token, token_symbol, token_version, decimals, is_current, "
        "daily_limit FROM vaults"
    )
    symbol = ledgered.on.token.functions.symbol().call()
    assert row == (
        again, 31337, ledgered.vault, ledgered.on.token.address, symbol, "1", 6, True,
        100_000_000_000,
    )  # fmt: skip


async def test_what_is_no_vault_is_not_registered(ledgered: Ledgered) -> None:
    nobody = "0x" + "11" * 20
    indexer = Indexer(ledgered.sessions, ledgered.endpoints(), vault=nobody, start_block=0)
    with pytest.raises(NoNode, match="no contract"):
        await indexer.register()
    token = ledgered.on.token.address
    indexer = Indexer(ledgered.sessions, ledgered.endpoints(), vault=token, start_block=0)
    with pytest.raises(NoNode):
        await indexer.register()


async def test_a_vault_is_read_before_its_deployment_is_final(ledgered: Ledgered) -> None:
    """Blocks that are final by then have no contract that could tell its totals."""
    ledgered.mine(12)
    on = ledgered.on
    new, _ = put(
        on.web3, "Vault", on.owner, on.token.address, on.owner, on.payer, on.guardian, 1_000_000
    )
    endpoints = ledgered.endpoints(confirmations=10)
    indexer = Indexer(ledgered.sessions, endpoints, vault=new.address, start_block=1)
    await indexer.register()
    report = await indexer.run_pass()
    assert (report.error, report.is_whole) == (None, True)
    assert await compare(ledgered.sessions, endpoints, indexer._id) is None
    await endpoints.choose()  # Which was no fault of the node, so that it need not rest.
    user = await ledgered.user()
    on.send(on.token.functions.approve(new.address, 5), on.alice)
    on.send(new.functions.deposit(5, user.bytes), on.alice)
    ledgered.mine(10)
    assert (await indexer.run_pass()).credited == 1


async def test_a_deposit_is_seen_at_once_and_credited_once_it_is_final(ledgered: Ledgered) -> None:
    user, indexer = await ledgered.user(), await indexer_of(ledgered)
    ledgered.deposit(user, 5_000_000)
    assert (await indexer.run_pass()).seen == 1
    assert await ledgered.held(user) == 0
    ledgered.mine()
    assert (await indexer.run_pass()).credited == 0
    ledgered.mine()
    assert (await indexer.run_pass()).credited == 1
    assert await ledgered.held(user) == 5_000_000
    assert await ledgered.balance("chain") == -5_000_000
    ledgered.mine(3)
    report = await indexer.run_pass()
    assert (report.credited, report.error) == (0, None)
    assert await ledgered.rows(TIMELINE) == ["deposit.seen", "deposit.credited"]
    (row,) = await ledgered.rows("SELECT d.user_id, d.reference FROM (SELECT user_id, "
        "(SELECT reference FROM ledger_transfers) = 'deposit:' || id AS reference "
        "FROM deposits) d")  # fmt: skip
    assert row == (user, True)


async def test_a_deposit_that_is_final_when_it_is_first_read_is_credited(
    ledgered: Ledgered,
) -> None:
    user, indexer = await ledgered.user(), await indexer_of(ledgered)
    for _ in range(3):
        ledgered.deposit(user)
    ledgered.make_final()
    report = await indexer.run_pass()
    assert (report.seen, report.credited) == (3, 3)
    assert await ledgered.held(user) == 3_000_000
    ((final, head, blocks),) = await ledgered.rows(
        "SELECT final_number, head_number, (SELECT count(*) FROM vault_blocks) FROM vaults"
    )
    assert (final, head, blocks) == (ledgered.height - 2, ledgered.height, 3)


async def test_a_deposit_that_names_nobody_is_kept_unclaimed(ledgered: Ledgered) -> None:
    indexer = await indexer_of(ledgered)
    stranger = UserId(uuid.uuid4())
    ledgered.deposit(stranger, 7)
    ledgered.make_final()
    await indexer.run_pass()
    assert await ledgered.rows("SELECT state, user_id, named FROM deposits") == [
        ("unclaimed", None, stranger)
    ]
    assert await ledgered.balance("unclaimed") == 7


async def test_who_registers_before_the_block_is_final_gets_the_deposit(
    ledgered: Ledgered,
) -> None:
    user, indexer = await ledgered.user(), await indexer_of(ledgered)
    later = UserId(uuid.uuid4())
    ledgered.deposit(later, 7)
    await indexer.run_pass()
    assert await ledgered.rows("SELECT user_id FROM deposits") == [None]
    async with ledgered.sessions.begin() as tx:
        names = {"later": later, "user": user}
        await tx.execute(text("DELETE FROM identities WHERE user_id = :user"), names)
        await tx.execute(text("UPDATE users SET id = :later WHERE id = :user"), names)
    ledgered.make_final()
    await indexer.run_pass()
    assert await ledgered.held(later) == 7


@pytest.mark.parametrize("depth", [1, 2, 10])
async def test_a_reorganisation_drops_moves_and_repeats_deposits(
    ledgered: Ledgered, depth: int
) -> None:
    """Deep ones need more confirmations: above finality, whatever the depth is."""
    users = [await ledgered.user() for _ in range(3)]
    dropped, moved, repeated = users
    endpoints = ledgered.endpoints(confirmations=12)
    indexer = Indexer(
        ledgered.sessions, endpoints, vault=ledgered.vault, start_block=ledgered.height
    )
    await indexer.register()
    gone = ledgered.signed_deposit(dropped, 1_000_000, nonce=2)
    first = ledgered.signed_deposit(repeated, 3_000_000)
    second = ledgered.signed_deposit(moved, 2_000_000, nonce=1)
    ledgered.remember()
    ledgered.send(first, second, gone)
    ledgered.mine(depth - 1)
    assert (await indexer.run_pass()).seen == 3
    ledgered.forget()
    ledgered.send(first)  # in a block of the same height, again
    ledgered.send(second)  # in another one
    ledgered.mine(depth)
    report = await indexer.run_pass()
    assert (report.orphaned, report.seen, report.error) == (3, 2, None)
    assert sorted(await ledgered.rows("SELECT state FROM deposits")) == ["orphaned", "seen", "seen"]
    ledgered.mine(12)
    assert (await indexer.run_pass()).credited == 2
    assert [await ledgered.held(it) for it in users] == [0, 2_000_000, 3_000_000]
    assert len(await ledgered.rows("SELECT id FROM deposits")) == 3


async def test_a_deposit_that_comes_back_after_a_long_time_is_the_same_row(
    ledgered: Ledgered,
) -> None:
    user, indexer = await ledgered.user(), await indexer_of(ledgered)
    signed = ledgered.signed_deposit(user)
    ledgered.remember()
    ledgered.send(signed)
    await indexer.run_pass()
    (before,) = await ledgered.rows("SELECT id FROM deposits")
    ledgered.forget()
    ledgered.mine(5)
    await indexer.run_pass()
    assert await ledgered.rows(STATES) == ["orphaned"]
    ledgered.send(signed)
    ledgered.make_final()
    await indexer.run_pass()
    assert await ledgered.rows("SELECT id, state FROM deposits") == [(before, "credited")]
    assert await ledgered.rows(TIMELINE) == [
        "deposit.seen",
        "deposit.orphaned",
        "deposit.seen",
        "deposit.credited",
    ]
    assert await ledgered.held(user) == 1_000_000


async def test_a_final_block_that_changes_halts_all(ledgered: Ledgered) -> None:
    user, indexer = await ledgered.user(), await indexer_of(ledgered)
    ledgered.remember()
    ledgered.deposit(user)
    ledgered.make_final()
    await indexer.run_pass()
    ledgered.forget()
    ledgered.deposit(user, 99)
    ledgered.mine(5)
    report = await indexer.run_pass()
    assert report.error
    assert "was final as" in report.error
    assert await ledgered.rows("SELECT halted_at IS NOT NULL, trouble FROM vaults") == [
        (True, report.error)
    ]
    assert await ledgered.held(user) == 1_000_000
    assert (await indexer.run_pass()).error == report.error
    ours = "SELECT type FROM events WHERE subject LIKE 'vault:%' ORDER BY number"
    assert await ledgered.rows(ours) == ["vault.halted"]


async def test_two_at_once_credit_each_deposit_once(ledgered: Ledgered) -> None:
    user, one = await ledgered.user(), await indexer_of(ledgered)
    two = await indexer_of(ledgered)
    for _ in range(4):
        for _ in range(3):
            ledgered.deposit(user)
        ledgered.mine(3)
        await asyncio.gather(*(it.run_pass() for it in (one, two, one, two)))
    await one.run_pass()
    assert await ledgered.held(user) == 12_000_000
    assert await ledgered.rows("SELECT count(*) FROM ledger_transfers") == [12]


async def test_several_deposits_of_one_transaction_are_several(ledgered: Ledgered) -> None:
    user, indexer = await ledgered.user(), await indexer_of(ledgered)
    on = ledgered.on
    many, _ = put(on.web3, "testing/ManyDeposits", on.owner)
    on.send(on.token.functions.transfer(many.address, 1_000_000), on.owner)
    on.send(many.functions.deposit(on.vault.address, user.bytes, 100, 3), on.owner)
    ledgered.make_final()
    assert (await indexer.run_pass()).credited == 3
    assert await ledgered.rows("SELECT position, amount FROM deposits ORDER BY ordinal") == [
        (0, 100),
        (1, 101),
        (2, 102),
    ]
    assert await ledgered.held(user) == 303


async def test_a_token_of_18_decimals_without_permit_counts_in_micro_tokens(
    ledgered: Ledgered,
) -> None:
    user, on = await ledgered.user(), ledgered.on
    odd, _ = put(on.web3, "testing/OddToken", on.owner, 10**30, 18)
    vault, _ = put(on.web3, "Vault", on.owner, odd.address, on.owner, on.payer, on.guardian, 10**12)
    on.send(odd.functions.approve(vault.address, 10**30), on.owner)
    indexer = Indexer(
        ledgered.sessions, ledgered.endpoints(), vault=vault.address, start_block=ledgered.height
    )
    vault_id = await indexer.register()
    on.send(vault.functions.deposit(5 * 10**18, user.bytes), on.owner)
    ledgered.make_final()
    assert (await indexer.run_pass()).credited == 1
    assert await ledgered.held(user) == 5_000_000
    assert await ledgered.rows("SELECT decimals, token_version FROM vaults") == [(18, None)]
    assert await compare(ledgered.sessions, ledgered.endpoints(), vault_id) is None
    assert await ledgered.rows("SELECT balance FROM vaults") == [5_000_000]
