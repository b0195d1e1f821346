"""One node for a whole pass: the first good one, that no other contradicts."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from dml.chain.node.endpoints import FinalBlockChanged, NoNode
from tests.chain.ledgered import Ledgered
from tests.chain.wrong_node import Says, WrongNode, honest, refuse, wrong_node


@pytest.fixture
async def node(ledgered: Ledgered) -> AsyncIterator[WrongNode]:
    async with wrong_node(ledgered.anvil.url, ledgered.client) as made:
        yield made


def failing(_method: str, _params: list[Any], _result: Any) -> Any:
    raise Says(b"", 503)


def with_other_hashes(method: str, _params: list[Any], result: Any) -> Any:
    is_block = method == "eth_getBlockByNumber" and result
    return result | {"hash": "0x" + "66" * 32} if is_block else result


async def test_the_first_good_node_is_chosen(ledgered: Ledgered, node: WrongNode) -> None:
    endpoints = ledgered.endpoints(node.url, ledgered.anvil.url)
    first, second = endpoints.nodes
    chosen = await endpoints.choose()
    assert chosen.node is first
    assert (chosen.head.number, chosen.final.number) == (ledgered.height, ledgered.height - 2)
    node.tell = failing
    assert (await endpoints.choose()).node is second


@pytest.mark.parametrize(
    ("count", "wanted"), [(1, [2, 4, 5, 5, 5, 5, 5]), (2, [2, 4, 8, 16, 32, 60, 60])]
)
async def test_a_node_that_fails_rests_and_is_not_asked_meanwhile(
    ledgered: Ledgered, node: WrongNode, count: int, wanted: list[int]
) -> None:
    """The only one rests less long: there is nobody to ask instead."""
    endpoints = ledgered.endpoints(*[node.url] * count)
    node.tell = failing
    rests = []
    for _ in range(7):
        with pytest.raises(NoNode, match="HTTP 503"):
            await endpoints.choose()
        asked = node.asked.total()
        with pytest.raises(NoNode, match="HTTP 503"):
            await endpoints.choose()
        assert node.asked.total() == asked
        seat = endpoints._seats[0]
        rests.append(round(seat.rests_until - seat.failed_at))
        for each in endpoints._seats:
            each.rests_until = 0
    assert rests == wanted
    node.tell = honest
    assert await endpoints.choose()


async def test_a_node_far_behind_the_best_is_left_out(ledgered: Ledgered, node: WrongNode) -> None:
    def behind(method: str, params: list[Any], result: Any) -> Any:
        is_head = method == "eth_getBlockByNumber" and params[0] == "latest"
        return result | {"number": "0x1"} if is_head else result

    ledgered.mine(30)
    node.tell = behind
    endpoints = ledgered.endpoints(node.url, ledgered.anvil.url)
    assert (await endpoints.choose()).node is endpoints.nodes[1]
    alone = ledgered.endpoints(node.url)
    assert (await alone.choose()).head.number == 1
    with pytest.raises(NoNode, match="lags behind, at block 1"):
        await alone.choose(at_least=2)


async def test_a_node_of_another_chain_is_refused(ledgered: Ledgered, node: WrongNode) -> None:
    node.tell = lambda method, _, result: "0x5" if method == "eth_chainId" else result
    with pytest.raises(NoNode, match="is on chain 5, not 31337"):
        await ledgered.endpoints(node.url).choose()


async def test_nodes_that_disagree_about_a_final_block_are_both_refused(
    ledgered: Ledgered, node: WrongNode
) -> None:
    node.tell = with_other_hashes
    for urls in [(node.url, ledgered.anvil.url), (ledgered.anvil.url, node.url)]:
        with pytest.raises(NoNode, match=f"disagree about block {ledgered.height - 2}"):
            await ledgered.endpoints(*urls).choose()


async def test_a_second_node_that_fails_or_has_not_come_so_far_contradicts_nothing(
    ledgered: Ledgered, node: WrongNode
) -> None:
    endpoints = ledgered.endpoints(ledgered.anvil.url, node.url)
    node.tell = lambda method, _, result: None if method == "eth_getBlockByNumber" else result
    assert await endpoints.choose()
    node.tell = failing
    assert await endpoints.choose()


async def test_a_known_block_with_another_hash_is_told_from_mere_trouble(
    ledgered: Ledgered,
) -> None:
    endpoints = ledgered.endpoints()
    final = (await endpoints.choose()).final
    assert await endpoints.choose(known=(final.number, final.hash))
    with pytest.raises(FinalBlockChanged, match=f"block {final.number} was final as 0x11"):
        await endpoints.choose(known=(final.number, "0x" + "11" * 32))


async def test_a_known_block_that_a_node_does_not_have_is_its_fault(
    ledgered: Ledgered, node: WrongNode
) -> None:
    final = (await ledgered.endpoints().choose()).final

    def forgetful(method: str, params: list[Any], result: Any) -> Any:
        is_it = method == "eth_getBlockByNumber" and params[0] == hex(final.number - 1)
        return None if is_it else result

    node.tell = forgetful
    known = (final.number - 1, final.parent_hash)
    both = ledgered.endpoints(node.url, ledgered.anvil.url)
    assert (await both.choose(known=known)).node is both.nodes[1]
    with pytest.raises(NoNode, match="has no block") as refused:
        await ledgered.endpoints(node.url).choose(known=known)
    assert not isinstance(refused.value, FinalBlockChanged)


async def test_without_confirmations_the_node_s_own_word_counts(
    ledgered: Ledgered, node: WrongNode
) -> None:
    ledgered.mine(70)
    endpoints = ledgered.endpoints(confirmations=None)
    assert (await endpoints.choose()).final.number == ledgered.height - 64

    def final_above_head(method: str, params: list[Any], result: Any) -> Any:
        is_final = method == "eth_getBlockByNumber" and params[0] == "finalized"
        return result | {"number": hex(10**9)} if is_final else result

    node.tell = final_above_head
    with pytest.raises(NoNode, match="above its head"):
        await ledgered.endpoints(node.url, confirmations=None).choose()

    def without_tag(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getBlockByNumber" and params[0] == "finalized":
            raise refuse("unknown block tag")
        return result

    node.tell = without_tag
    with pytest.raises(NoNode, match="unknown block tag"):
        await ledgered.endpoints(node.url, confirmations=None).choose()
