"""What goes wrong with transactions, nodes and processes: everybody has what they are owed, once.

A process is killed before each write: a commit, or a transaction handed to a node. To die after one
is the same as to die before the next, for what lies between is only read.
"""

import asyncio
import itertools
from typing import Any, Final

import pytest
from web3.types import TxParams, Wei

from dml.chain.payer.paying import Payer
from tests.chain.deployed import DAILY
from tests.chain.ledgered import CONFIRMATIONS
from tests.chain.mortal import Died, Life
from tests.chain.payers import GWEI, Paying
from tests.chain.wrong_node import Says, refuse, wrong_node

WALK_MAX: Final = 40


async def test_a_payer_that_dies_at_any_write_pays_once(paying: Paying) -> None:
    """Each walk has one that is paid, one that comes back, and a transaction that is stuck."""
    for last in itertools.count(1):
        assert last < WALK_MAX
        await paying.ask(fee=1)
        await paying.ask(address=paying.it.vault)
        died = await _walk(paying, Life(last))
        await paying.finish()
        assert (await paying.states())[-2:] == ["paid", "reversed"]
        paying.wallets.clear()
        if not died:
            break
    assert last > 8  # It did go through gathering, signing, sending, replacing and closing.


async def _walk(paying: Paying, life: Life) -> bool:
    """Whether the payer died on its way."""
    try:
        async with life.payer(paying) as payer, life.payer(paying, stuck_seconds=0) as hasty:
            await payer.step()
            await hasty.step()
            await paying.round(payer, blocks=CONFIRMATIONS + 1)
            await payer.step()
    except Died:
        return True
    return False


async def test_what_is_stuck_by_a_low_fee_is_replaced(paying: Paying) -> None:
    await paying.ask()
    await paying.payer().step()
    _raise_base_fee(paying, 40)
    await paying.payer().step()
    assert len(await paying.transactions()) == 1  # It has waited for too short a time.
    await paying.payer(stuck_seconds=0).step()
    (low_hash, low_nonce, low), (hash_, nonce, fee) = await paying.transactions()
    assert nonce == low_nonce
    assert fee >= max(low * 5 // 4, 80 * GWEI)
    await paying.finish()
    assert await paying.it.rows("SELECT tx_hash FROM withdrawals") == [hash_] != [low_hash]


async def test_where_the_cap_allows_no_replacement_it_says_so_and_waits(paying: Paying) -> None:
    await paying.ask()
    await paying.payer().step()
    _raise_base_fee(paying, 4)
    await paying.payer(stuck_seconds=0, max_fee=2 * GWEI).step()
    assert "costs more than is allowed" in (await paying.trouble() or "")
    assert len(await paying.transactions()) == 1
    await paying.finish(paying.payer(stuck_seconds=0))


async def test_the_original_is_mined_in_spite_of_its_replacement(paying: Paying) -> None:
    """The replacement was kept and the process died before it was sent."""
    await paying.ask()
    await paying.payer().step()
    with pytest.raises(Died):
        async with Life(2).payer(paying, stuck_seconds=0) as payer:
            await payer.step()
    original, replacement = await paying.transactions()
    assert original[1] == replacement[1]
    paying.it.mine()
    await paying.finish()
    assert await paying.it.rows("SELECT tx_hash FROM withdrawals") == [original[0]]


async def test_both_are_mined_in_two_branches_and_it_is_paid_once(paying: Paying) -> None:
    await paying.ask()
    await paying.payer().step()
    await paying.payer(stuck_seconds=0).step()
    original, replacement = await paying.transactions()
    paying.it.anvil.call("anvil_dropAllTransactions")
    paying.it.remember()
    await _mine_raw(paying, replacement[0])
    await paying.indexer.run_pass()
    await paying.payer().step()
    paying.it.forget()
    await _mine_raw(paying, original[0])
    await paying.finish()
    assert await paying.it.rows("SELECT tx_hash FROM withdrawals") == [original[0]]


async def test_two_transactions_of_one_batch_are_mined_and_it_is_paid_once(paying: Paying) -> None:
    """Another took the nonce, was dropped again, and both of ours came through."""
    payer = await _sign_twice(paying)
    assert [it[1] for it in await paying.transactions()] == [0, 1]
    paying.it.anvil.call("anvil_dropAllTransactions")
    paying.it.forget()
    await paying.finish(payer)  # Sends both again.
    paying.it.mine()
    assert int(paying.it.anvil.call("eth_getTransactionCount", paying.it.on.payer, "latest"), 16)
    assert await paying.states() == ["paid"]


async def test_what_can_still_be_mined_keeps_its_nonce_from_the_next_batch(paying: Paying) -> None:
    """As above, but of both only the first is mined when the next batch goes."""
    payer = await _sign_twice(paying)
    paying.it.anvil.call("anvil_dropAllTransactions")
    paying.it.forget()
    await _mine_raw(paying, (await paying.transactions())[0][0])
    await paying.ask()
    await payer.step()
    assert [it[1] for it in await paying.transactions()] == [0, 1, 2]
    await paying.finish(payer)
    assert await paying.states() == ["paid", "paid"]


async def test_a_gap_before_what_is_signed_is_filled(paying: Paying) -> None:
    """Another's transaction was dropped for good: ours behind it could never be mined."""
    await paying.ask()
    paying.it.remember()
    _take_nonce(paying)
    await paying.payer().step()
    paying.it.anvil.call("anvil_dropAllTransactions")
    paying.it.forget()
    paying.it.mine()
    await paying.payer().step()
    assert [it[1] for it in await paying.transactions()] == [1]
    await paying.payer(stuck_seconds=0).step()
    assert [it[1] for it in await paying.transactions()] == [1, 0]
    await paying.finish()
    assert await paying.states() == ["paid"]


async def test_a_nonce_taken_by_another_is_replaced_by_the_next(paying: Paying) -> None:
    await paying.ask()
    payer = paying.payer()
    await payer.step()
    paying.it.anvil.call("anvil_dropAllTransactions")
    _take_nonce(paying)
    await paying.finish(payer)
    assert [it[1] for it in await paying.transactions()] == [0, 1]
    assert await paying.states() == ["paid"]


async def test_a_nonce_taken_for_good_by_a_dead_payer_s_leaves_nothing_open(paying: Paying) -> None:
    """While payouts are paused nothing is signed again: it waits, and keeps its number."""
    await paying.ask()
    await paying.payer().step()
    paying.it.anvil.call("anvil_dropAllTransactions")
    _take_nonce(paying)
    paying.it.on.vault.functions.pause().transact({"from": paying.it.on.owner})
    for _ in range(3):
        await paying.round(paying.payer())
    assert await paying.it.rows("SELECT outcome FROM payout_batches") == ["1 put off"]
    assert await paying.states() == ["authorised"]
    paying.it.on.vault.functions.unpause().transact({"from": paying.it.on.owner})
    paying.it.mine()
    await paying.finish()
    assert await paying.states() == ["paid"]


async def test_a_transaction_that_runs_out_of_gas_is_given_back(paying: Paying) -> None:
    """A node that estimates too little: anvil then says no more than that it failed."""
    await paying.ask()
    async with wrong_node(paying.it.anvil.url, paying.it.client) as node:
        node.tell = lambda method, _, it: "0x1" if method == "eth_estimateGas" else it
        await paying.payer(nodes=paying.it.endpoints(node.url)).step()
        await paying.finish()
    assert await paying.states() == ["reversed"]


@pytest.mark.parametrize("refuses", [True, False], ids=["refused", "estimated"])
async def test_a_batch_that_needs_more_gas_than_there_may_be_is_halved(
    paying: Paying, refuses: bool
) -> None:
    """Recipients of some tokens may burn it: else they could stop everybody's payouts."""
    for _ in range(5):
        await paying.ask()
    two = 2 * (4 + 2 * 32 + 2 * 96)  # Digits of a call that pays two.

    def tell(asked: str, params: list[Any], result: Any) -> Any:
        if asked != "eth_estimateGas" or len(params[0]["data"]) <= 2 + two:
            return result
        if refuses:
            raise refuse("gas required exceeds allowance (16777216)")
        return hex(2**24 - 1)

    async with wrong_node(paying.it.anvil.url, paying.it.client) as node:
        node.tell = tell
        await paying.finish(paying.payer(nodes=paying.it.endpoints(node.url)))
    assert await paying.states() == ["paid"] * 5
    counts = "SELECT count, total / 1000000 FROM payout_batches ORDER BY id"
    assert await paying.it.rows(counts) == [(2, 2), (2, 2), (1, 1)]


@pytest.mark.parametrize("depth", [1, 2])
async def test_a_reorganisation_that_drops_a_payout_pays_it_again(
    paying: Paying, depth: int
) -> None:
    await paying.ask()
    payer = paying.payer()
    await payer.step()
    paying.it.remember()
    for _ in range(depth):
        paying.it.mine()
        await paying.indexer.run_pass()
        await payer.step()
    paying.it.forget()
    paying.it.anvil.call("anvil_dropAllTransactions")
    paying.it.mine(depth + 1)
    assert await paying.states() == ["authorised"]
    await paying.finish(payer)
    assert len(await paying.transactions()) == 1
    assert await paying.states() == ["paid"]


async def test_a_node_that_forgets_a_transaction_is_given_it_again(paying: Paying) -> None:
    await paying.ask()
    payer = paying.payer()
    await payer.step()
    paying.it.anvil.call("anvil_dropAllTransactions")
    await paying.finish(payer)
    assert len(await paying.transactions()) == 1


@pytest.mark.parametrize(
    "method", ["eth_estimateGas", "eth_sendRawTransaction", "eth_getTransactionReceipt", "eth_call"]
)
async def test_a_node_that_goes_down_in_the_middle_costs_nothing(
    paying: Paying, method: str
) -> None:
    await paying.ask()
    async with wrong_node(paying.it.anvil.url, paying.it.client) as node:

        def tell(asked: str, _params: list[Any], result: Any) -> Any:
            if asked == method:
                raise Says(b"", status=503)
            return result

        node.tell = tell
        nodes, troubles = paying.it.endpoints(node.url), []
        for _ in range(2):
            await paying.round(paying.payer(nodes=nodes))
            troubles.append(await paying.trouble() or "")
            for seat in nodes._seats:
                seat.rests_until = 0
        assert any("HTTP 503" in it for it in troubles)
    await paying.finish()
    assert await paying.states() == ["paid"]


async def test_a_node_that_refuses_a_transaction_is_quoted(paying: Paying) -> None:
    await paying.ask()
    async with wrong_node(paying.it.anvil.url, paying.it.client) as node:

        def tell(asked: str, _params: list[Any], result: Any) -> Any:
            if asked == "eth_sendRawTransaction":
                raise refuse("insufficient funds for gas\0 * price + value")
            return result

        node.tell = tell
        await paying.payer(nodes=paying.it.endpoints(node.url)).step()
        assert "insufficient funds" in (await paying.trouble() or "")
    await paying.finish()


async def test_a_node_that_lies_gets_nobody_s_tokens_back_while_another_knows_better(
    paying: Paying,
) -> None:
    """It says that the transaction was reverted long ago, which still can be mined."""
    await paying.ask()
    await paying.payer().step()
    tip = paying.it.anvil.call("eth_getBlockByNumber", "0x1", False)

    def tell(asked: str, params: list[Any], result: Any) -> Any:
        if asked == "eth_getTransactionCount":
            return "0x63"
        if asked == "eth_getTransactionReceipt":
            return {
                "transactionHash": params[0],
                "blockNumber": "0x1",
                "blockHash": tip["hash"],
                "status": "0x0",
                "gasUsed": "0x1",
            }
        return result

    async with wrong_node(paying.it.anvil.url, paying.it.client) as node:
        node.tell = tell
        nodes = paying.it.endpoints(node.url, paying.it.anvil.url)
        await paying.payer(nodes=nodes).step()
        assert "say different things" in (await paying.trouble() or "")
        assert await paying.states() == ["authorised"]
        await paying.payer(nodes=paying.it.endpoints(node.url)).step()
        assert await paying.states() == ["reversed"]  # Alone, a node is believed.


async def test_while_nothing_is_to_be_paid_nodes_are_left_alone(paying: Paying) -> None:
    async with wrong_node(paying.it.anvil.url, paying.it.client) as node:
        payer = paying.payer(nodes=paying.it.endpoints(node.url))
        await payer.step()
        asked = node.asked.total()
        await payer.step()
        assert node.asked.total() == asked
        assert await paying.it.rows("SELECT daily_limit FROM vaults") == [DAILY]
        await paying.ask()
        await paying.finish(payer)
    assert await paying.states() == ["paid"]


async def test_two_payers_at_once_pay_once(paying: Paying) -> None:
    for _ in range(3):
        for _ in range(4):
            await paying.ask()
        payers = [paying.payer(count=2) for _ in range(2)]
        for _ in range(3):
            await asyncio.gather(*(it.step() for it in payers))
            paying.it.mine()
            await paying.indexer.run_pass()
    await paying.finish()
    assert set(await paying.states()) == {"paid"}


async def test_two_payers_that_find_it_stuck_pay_once(paying: Paying) -> None:
    await paying.ask()
    payers = [paying.payer(stuck_seconds=0) for _ in range(2)]
    for _ in range(4):
        await asyncio.gather(*(it.step() for it in payers))
    await paying.finish()
    assert await paying.states() == ["paid"]


def _raise_base_fee(paying: Paying, gwei: int) -> None:
    """Mine a block that leaves out whatever offers less."""
    paying.it.anvil.call("anvil_setNextBlockBaseFeePerGas", hex(gwei * GWEI))
    paying.it.mine()
    paying.it.anvil.call("anvil_setNextBlockBaseFeePerGas", hex(gwei * GWEI))


def _take_nonce(paying: Paying) -> None:
    """Mine another transaction with the nonce that ours has."""
    on = paying.it.on
    made: TxParams = {
        "from": on.payer,
        "nonce": on.web3.eth.get_transaction_count(on.payer),
        "maxFeePerGas": Wei(100 * GWEI),
        "maxPriorityFeePerGas": Wei(GWEI),
    }
    on.token.functions.approve(on.alice, 1).transact(made)
    paying.it.mine()


async def _sign_twice(paying: Paying) -> Payer:
    """Ask for a withdrawal, and let another take the nonce of ours after it was sent."""
    await paying.ask()
    payer = paying.payer()
    await payer.step()
    paying.it.anvil.call("anvil_dropAllTransactions")
    paying.it.remember()
    _take_nonce(paying)
    await payer.step()
    return payer


async def _mine_raw(paying: Paying, tx_hash: str) -> None:
    paying.it.anvil.call("eth_sendRawTransaction", await paying.raw(tx_hash))
    paying.it.mine()
