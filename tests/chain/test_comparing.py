"""Vault and books side by side: what differs is said with its entries, and what agrees again."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from dml.chain.comparison.service import compare
from dml.chain.indexer.indexing import Indexer
from dml.core.context import SYSTEM, Context
from dml.core.ids import VaultId
from dml.core.money import MicroTokens
from dml.payments import credits
from tests.chain.deployed import payee
from tests.chain.ledgered import Ledgered
from tests.chain.rows import make_withdrawal
from tests.chain.wrong_node import refuse, wrong_node


async def paid_in(it: Ledgered) -> tuple[Any, VaultId, Indexer]:
    """Ten tokens deposited and final; three of them on their way out as number 1."""
    indexer = Indexer(it.sessions, it.endpoints(), vault=it.vault, start_block=it.height)
    vault_id = await indexer.register()
    user = await it.user()
    it.deposit(user, 10_000_000)
    it.make_final()
    await indexer.run_pass()
    async with it.sessions.begin() as tx:
        await make_withdrawal(
            tx, user, address=payee(it.on.web3, 1), amount=2_900_000, fee=100_000, number=1
        )
    return user, vault_id, indexer


def pay(it: Ledgered, number: int, amount: int) -> None:
    call = it.on.vault.functions.payOut([(number, payee(it.on.web3, 1), amount)])
    it.on.send(call, it.on.payer)
    it.make_final()


async def test_what_was_paid_in_and_out_agrees(ledgered: Ledgered) -> None:
    user, vault_id, indexer = await paid_in(ledgered)
    assert await compare(ledgered.sessions, ledgered.endpoints(), vault_id) is None
    pay(ledgered, 1, 2_900_000)
    report = await indexer.run_pass()
    assert (report.settled, report.error) == (1, None)
    assert await compare(ledgered.sessions, ledgered.endpoints(), vault_id) is None
    assert await ledgered.rows("SELECT state FROM withdrawals") == ["paid"]
    assert await ledgered.held(user) == 7_000_000
    assert await ledgered.balance("chain") == -7_100_000
    assert await ledgered.rows(
        "SELECT balance, daily_limit, compared_at IS NULL, difference FROM vaults"
    ) == [(7_100_000, 100_000_000_000, False, None)]


async def test_a_payout_that_nobody_asked_for_is_named(ledgered: Ledgered) -> None:
    _, vault_id, indexer = await paid_in(ledgered)
    pay(ledgered, 77, 1_000_000)
    await indexer.run_pass()
    told = await compare(ledgered.sessions, ledgered.endpoints(), vault_id)
    assert told
    assert "the vault paid what the books did not: number 77 of 1" in told
    assert "the books owe 10, 1 more than the vault holds" in told
    assert await ledgered.rows("SELECT difference, differs_since IS NULL FROM vaults") == [
        (told, False)
    ]


async def test_a_payout_of_another_amount_is_named_and_not_settled(ledgered: Ledgered) -> None:
    _, vault_id, indexer = await paid_in(ledgered)
    pay(ledgered, 1, 2_900_001)
    await indexer.run_pass()
    told = await compare(ledgered.sessions, ledgered.endpoints(), vault_id)
    assert told
    assert "number 1 of 2.900001" in told
    assert "is authorised, 2.9 to" in told


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("UPDATE vaults SET last_ordinal = 2", "the vault counts 1 deposits, the books 2"),
        ("UPDATE vaults SET deposited = 9", "deposited were 10, in the books 0.000009"),
        (
            "UPDATE withdrawals SET state = 'paid', ended_at = now(), tx_hash = 'x'",
            "the books paid what no vault did: withdrawal:",
        ),
        (
            "INSERT INTO vault_payouts "
            "SELECT id, 'x', 0, 0, 'x', 1, '0x', 5, NULL, true FROM vaults",
            "the vault counts 0 payouts, the books 1",
        ),
    ],
)
async def test_what_the_books_alone_say_is_a_difference_until_it_is_gone(
    ledgered: Ledgered, wrong: str, says: str
) -> None:
    _, vault_id, _ = await paid_in(ledgered)
    async with ledgered.sessions.begin() as tx:
        before = (
            await tx.execute(text("SELECT deposited, last_ordinal FROM deposits, vaults"))
        ).one()
        await tx.execute(text(wrong))
    told = await compare(ledgered.sessions, ledgered.endpoints(), vault_id)
    assert told
    assert says in told
    async with ledgered.sessions.begin() as tx:
        names = {"deposited": before.deposited, "ordinal": before.last_ordinal}
        await tx.execute(
            text("UPDATE vaults SET last_ordinal = :ordinal, deposited = :deposited"), names
        )
        await tx.execute(text("DELETE FROM vault_payouts"))
        await tx.execute(
            text("UPDATE withdrawals SET state = 'authorised', ended_at = NULL, tx_hash = NULL")
        )
    assert await compare(ledgered.sessions, ledgered.endpoints(), vault_id) is None
    actions = "SELECT type FROM events WHERE subject LIKE 'vault:%' ORDER BY number"
    assert await ledgered.rows(actions) == ["vault.differs", "vault.agrees_again"]


async def test_what_admins_credited_is_named_where_no_tokens_cover_it(ledgered: Ledgered) -> None:
    user, vault_id, _ = await paid_in(ledgered)
    async with ledgered.sessions.begin() as tx:
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        credit = await credits.credit(
            ctx, user, MicroTokens(4_000_000), reason="A present.", alone_up_to=None
        )
    told = await compare(ledgered.sessions, ledgered.endpoints(), vault_id)
    assert told == (
        "the books owe 14, 4 more than the vault holds; admins credited 4 that nobody paid in: "
        f"{credit.reference} of 4"
    )
    # Tokens sent to the vault by whoever answers for the credits make it right.
    transfer = ledgered.on.token.functions.transfer(ledgered.vault, 4_000_000)
    ledgered.on.send(transfer, ledgered.on.alice)
    ledgered.make_final()
    indexer = Indexer(ledgered.sessions, ledgered.endpoints(), vault=ledgered.vault, start_block=0)
    await indexer.register()
    await indexer.run_pass()
    assert await compare(ledgered.sessions, ledgered.endpoints(), vault_id) is None


async def test_a_node_that_fails_is_no_difference(ledgered: Ledgered) -> None:
    _, vault_id, _ = await paid_in(ledgered)

    def pruned(method: str, _params: list[Any], result: Any) -> Any:
        if method == "eth_call":
            raise refuse("missing trie node")
        return result

    async with wrong_node(ledgered.anvil.url, ledgered.client) as node:
        node.tell = pruned
        assert await compare(ledgered.sessions, ledgered.endpoints(node.url), vault_id) is None
    down = ledgered.endpoints("http://127.0.0.1:1")
    assert await compare(ledgered.sessions, down, vault_id) is None
    assert await ledgered.rows("SELECT compared_at FROM vaults") == [None]
