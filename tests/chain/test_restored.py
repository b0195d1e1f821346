"""Books that came from a backup pay nothing until they know all that the vault ever paid."""

from datetime import UTC, datetime

from sqlalchemy import text

from dml.chain.comparison.service import compare
from dml.chain.indexer import registering
from dml.chain.indexer.registering import VaultDetails
from dml.chain.models import Vault
from dml.chain.node.rpc import BlockHead
from dml.chain.payer.payout_facts import RESTORED
from dml.chain.withdrawals.service import cancel
from dml.core.context import Actor, Context
from dml.core.money import MicroTokens
from tests.chain.payers import Paying
from tests.chain.people import CHAIN_ID, some_address, some_hash
from tests.chain.test_operating import book, require_well
from tests.chain.test_paying import _queue


async def restore(paying: Paying) -> None:
    async with paying.it.sessions.begin() as tx:
        await tx.execute(text("UPDATE vaults SET restored_at = now()"))


async def is_marked(paying: Paying) -> bool:
    (found,) = await paying.it.rows("SELECT restored_at IS NOT NULL FROM vaults")
    return bool(found)


async def look(paying: Paying) -> str | None:
    """What the chain process does, all of it."""
    await paying.indexer.run_pass()
    found = await compare(paying.it.sessions, paying.it.endpoints(), paying.vault_id)
    await paying.payer().step()
    return found


async def test_what_was_paid_after_the_backup_is_not_paid_again(paying: Paying) -> None:
    """From its sending to its end: unknown to the books, on its way, mined, final, and booked."""
    it, address = paying.it, paying.wallet()
    asked = await paying.ask(3_000_000, address=address)
    await restore(paying)
    _queue(paying, "payOut", [(1, address, 3_000_000)], sender=it.on.payer)  # By the lost books.
    for _ in range(3):  # On its way, mined, and one block later.
        assert await look(paying) is None
        assert await is_marked(paying)
        assert await paying.trouble() == RESTORED
        it.mine()
    assert "number 1 of 3" in str(await look(paying))
    assert await is_marked(paying)
    assert await paying.trouble() == "chain and books differ"
    assert await paying.transactions() == []
    assert (await paying.get(asked)).number is None
    assert it.on.held(address) == 3_000_000
    async with it.sessions.begin() as tx:  # The operator: it is the one that was asked for.
        await tx.execute(text("UPDATE wallets SET unlinked_at = NULL"))
        await cancel(Context(tx, Actor(paying.user_id), datetime.now(UTC)), asked)
    await book(it, 1)
    assert await look(paying) is None
    assert not await is_marked(paying)
    paying.wallets.clear()
    await paying.ask()
    await paying.finish()
    assert it.on.held(address) == 3_000_000
    await require_well(it)


async def test_payouts_go_on_once_all_is_compared(paying: Paying) -> None:
    await paying.ask()
    await restore(paying)
    await paying.payer().step()
    assert await paying.trouble() == RESTORED
    assert await look(paying) is None
    assert not await is_marked(paying)
    await paying.finish()
    (said,) = await paying.it.rows("SELECT reason FROM events WHERE type = 'vault.agrees_again'")
    assert said == RESTORED


async def test_a_comparison_at_an_older_block_does_not_count(paying: Paying) -> None:
    await paying.ask()
    await restore(paying)
    paying.it.mine(3)  # What is final now was not read yet.
    assert await compare(paying.it.sessions, paying.it.endpoints(), paying.vault_id) is None
    assert await is_marked(paying)
    assert await look(paying) is None
    assert not await is_marked(paying)
    await paying.finish()


async def test_a_batch_that_was_open_is_neither_sent_again_nor_given_back(paying: Paying) -> None:
    """Its transaction is in the backup, and was mined after it."""
    await paying.ask()
    await paying.payer().step()
    await restore(paying)
    signed = await paying.transactions()
    for _ in range(3):
        await look(paying)
        paying.it.mine()
    assert await paying.transactions() == signed
    await look(paying)
    assert await paying.states() == ["paid"]
    assert not await is_marked(paying)
    await paying.finish()


async def test_a_vault_that_the_backup_did_not_know_waits_as_well(paying: Paying) -> None:
    await restore(paying)
    details = VaultDetails(
        chain_id=CHAIN_ID,
        token=some_address(),
        token_name="DML",
        token_symbol="DML",
        token_version=None,
        decimals=6,
        daily_limit=MicroTokens(1),
        before=BlockHead(0, some_hash(), some_hash(), 0, 0),
    )
    async with paying.it.sessions.begin() as tx:
        made = await registering.keep(tx, some_address(), 1, details, datetime.now(UTC))
        assert (await tx.get_one(Vault, made)).restored_at is not None
