"""What nodes do wrong, and processes that die anywhere: nothing is lost, nothing comes twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dml.chain.indexer.indexing import Indexer
from dml.chain.node import contract
from tests.chain.ledgered import Ledgered
from tests.chain.wrong_node import Says, Tell, WrongNode, honest, refuse, wrong_node

TOTALS = "0x" + contract.selector("totals()").hex()
NOTHING_MOVED = "SELECT count(*) FROM ledger_transfers"


class Died(BaseException):
    """The process is gone: nothing may handle this."""


class MortalSessions:
    """Sessions whose process dies before or after the `last` commit that it may make."""

    def __init__(self, real: Any, last: int, *, after: bool) -> None:
        self._real, self._left, self._after = real, last, after

    def __call__(self) -> Any:
        return self._real()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Any]:
        self._left -= 1
        async with self._real.begin() as tx:
            yield tx
            if self._left == 0 and not self._after:
                raise Died
        if self._left == 0:
            raise Died


@pytest.fixture
async def node(ledgered: Ledgered) -> AsyncIterator[WrongNode]:
    async with wrong_node(ledgered.anvil.url, ledgered.client) as made:
        yield made


async def indexer_of(it: Ledgered, *urls: str, seconds: float = 10) -> Indexer:
    endpoints = it.endpoints(*urls, seconds=seconds)
    made = Indexer(it.sessions, endpoints, vault=it.vault, start_block=it.height)
    await made.register()
    return made


def awake(indexer: Indexer) -> Indexer:
    """Its nodes have rested."""
    for it in indexer._endpoints._seats:
        it.rests_until = 0
    return indexer


@pytest.mark.parametrize("after", [False, True])
async def test_a_process_may_die_before_and_after_each_commit(
    ledgered: Ledgered, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reorganisation, a range, blocks above, two chunks of credits, and the cursor."""
    monkeypatch.setattr("dml.chain.indexer.crediting.DEPOSITS_MAX", 2)
    user, start = await ledgered.user(), ledgered.height
    whole = await indexer_of(ledgered)
    deaths = 0
    for last in range(1, 100):
        made = deaths + last
        ledgered.remember()
        ledgered.deposit(user, made)
        await whole.run_pass()
        ledgered.forget()
        for _ in range(3):
            ledgered.deposit(user, made)
        ledgered.make_final()
        ledgered.deposit(user, made)
        mortal: Any = MortalSessions(ledgered.sessions, last, after=after)
        dying = Indexer(mortal, ledgered.endpoints(), vault=ledgered.vault, start_block=start)
        dying._vault_id = whole._vault_id
        try:
            await dying.run_pass()
        except Died:
            deaths += 1
        report = await whole.run_pass()
        assert report.error is None
        if deaths < last:
            break
    assert deaths >= 8
    ledgered.make_final()
    await whole.run_pass()
    told = ledgered.on.vault.functions.totals().call()
    assert await ledgered.held(user) == told[1]
    assert await ledgered.rows(NOTHING_MOVED) == [told[0]]
    assert await ledgered.rows("SELECT last_ordinal FROM vaults") == [told[0]]


def without_a_log(method: str, _params: list[Any], result: Any) -> Any:
    return result[1:] if method == "eth_getLogs" else result


def with_a_log_twice(method: str, _params: list[Any], result: Any) -> Any:
    return result + result[:1] if method == "eth_getLogs" else result


def with_a_log_twice_over(method: str, _params: list[Any], result: Any) -> Any:
    """The second has an index of its own."""
    if method != "eth_getLogs" or not result:
        return result
    return [*result, result[-1] | {"logIndex": hex(int(result[-1]["logIndex"], 16) + 1)}]


def with_a_log_made_up(method: str, _params: list[Any], result: Any) -> Any:
    """A deposit more, well numbered: only the vault's totals know that it isn't there."""
    if method != "eth_getLogs" or not result:
        return result
    last = result[-1]
    words = bytes.fromhex(last["data"][2:])
    ordinal = int.from_bytes(words[:32]) + 1
    made_up = last | {
        "data": "0x" + ordinal.to_bytes(32).hex() + words[32:].hex(),
        "logIndex": hex(int(last["logIndex"], 16) + 1),
        "transactionHash": "0x" + "ab" * 32,
    }
    return [*result, made_up]


def with_more_tokens(method: str, _params: list[Any], result: Any) -> Any:
    if method != "eth_getLogs":
        return result
    return [it | {"data": it["data"][:-2] + "ff"} for it in result]


def with_no_logs(method: str, _params: list[Any], result: Any) -> Any:
    return [] if method == "eth_getLogs" else result


LIES: list[Tell] = [
    without_a_log,
    with_a_log_twice,
    with_a_log_twice_over,
    with_a_log_made_up,
    with_more_tokens,
    with_no_logs,
]


@pytest.mark.parametrize("lie", LIES, ids=lambda it: it.__name__)
@pytest.mark.parametrize("ahead", [False, True], ids=["below finality", "above finality"])
async def test_a_node_that_hides_or_makes_up_logs_moves_nothing(
    ledgered: Ledgered, node: WrongNode, lie: Tell, ahead: bool
) -> None:
    user, indexer = await ledgered.user(), await indexer_of(ledgered, node.url)
    node.tell = lie
    ledgered.deposit(user)
    ledgered.deposit(user)
    troubles = []
    if ahead:
        troubles.append((await indexer.run_pass()).error)
        awake(indexer)
    ledgered.make_final()
    troubles.append((await indexer.run_pass()).error)
    assert any(troubles), "nobody noticed"
    assert await ledgered.rows(NOTHING_MOVED) == [0]
    node.tell = honest
    assert (await awake(indexer).run_pass()).error is None
    assert await ledgered.held(user) == 2_000_000


async def test_a_node_whose_totals_fit_its_lie_is_found_out_by_another(
    ledgered: Ledgered, node: WrongNode
) -> None:
    """A deposit of a thousand tokens more than there are, with all that belongs to it."""
    user = await ledgered.user()
    indexer = await indexer_of(ledgered, node.url, ledgered.anvil.url)

    def richer(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getLogs":
            return [it | {"data": it["data"][:-8] + "3b9aca00"} for it in result]
        if method == "eth_call" and params[0]["data"].startswith(TOTALS):
            words = bytes.fromhex(result[2:])
            return "0x" + words[:32].hex() + f"{10**9:064x}" + words[64:].hex()
        return result

    node.tell = richer
    ledgered.deposit(user)
    ledgered.make_final()
    report = await indexer.run_pass()
    assert report.error
    assert "tell different totals" in report.error
    assert await ledgered.rows(NOTHING_MOVED) == [0]
    alone = await indexer_of(ledgered, ledgered.anvil.url)  # The liar is left out by now.
    assert (await alone.run_pass()).error
    report = await awake(alone).run_pass()
    assert (report.error, await ledgered.held(user)) == (None, 1_000_000)


async def test_a_final_block_that_a_node_forgets_halts_until_it_remembers(
    ledgered: Ledgered, node: WrongNode
) -> None:
    user, indexer = await ledgered.user(), await indexer_of(ledgered, node.url)

    def other(method: str, _params: list[Any], result: Any) -> Any:
        if method != "eth_getBlockByNumber" or not result:
            return result
        return result | {"hash": "0x" + "66" * 32, "parentHash": "0x" + "66" * 32}

    node.tell = other
    ledgered.deposit(user)
    ledgered.make_final()
    report = await indexer.run_pass()
    assert report.error
    assert await ledgered.rows("SELECT halted_at IS NULL, trouble FROM vaults") == [
        (False, report.error)
    ]
    assert await ledgered.rows(NOTHING_MOVED) == [0]
    node.tell = honest
    assert (await indexer.run_pass()).credited == 1
    assert await ledgered.rows("SELECT halted_at IS NULL, trouble FROM vaults") == [(True, None)]
    ours = "SELECT type FROM events WHERE subject LIKE 'vault:%' ORDER BY number"
    assert await ledgered.rows(ours) == ["vault.halted", "vault.resumed"]


def garbage(_method: str, _params: list[Any], _result: Any) -> Any:
    raise Says(b"<html>Bad gateway</html>", 502)


def no_json(_method: str, _params: list[Any], _result: Any) -> Any:
    raise Says(b"[" * 100_000)


def other_chain(method: str, _params: list[Any], result: Any) -> Any:
    return "0x1" if method == "eth_chainId" else result


def lagging(method: str, params: list[Any], result: Any) -> Any:
    """It has not got the last block, and says so."""
    if method == "eth_getBlockByNumber" and params[0] == "latest":
        return result | {"number": "0x2"}
    return result


def busy(_method: str, _params: list[Any], _result: Any) -> Any:
    raise refuse("too many requests", -32005)


FAULTS: list[Tell] = [garbage, no_json, other_chain, lagging, busy]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda it: it.__name__)
async def test_a_node_with_a_fault_is_left_for_another(
    ledgered: Ledgered, node: WrongNode, fault: Tell
) -> None:
    user, indexer = await ledgered.user(), await indexer_of(ledgered, node.url)
    ledgered.mine(5)
    await indexer.run_pass()
    node.tell = fault
    ledgered.deposit(user)
    ledgered.make_final()
    alone = await indexer.run_pass()
    assert alone.error
    assert await ledgered.rows("SELECT trouble FROM vaults") == [alone.error]
    both = await indexer_of(ledgered, node.url, ledgered.anvil.url)
    report = await both.run_pass()
    assert (report.error, await ledgered.held(user)) == (None, 1_000_000)


async def test_a_node_that_is_down_or_slow_is_left_for_another(
    ledgered: Ledgered, node: WrongNode
) -> None:
    user = await ledgered.user()
    down = "http://user:secret@127.0.0.1:1/key"
    indexer = await indexer_of(ledgered, down, node.url, ledgered.anvil.url, seconds=0.3)
    node.seconds = 1
    ledgered.deposit(user)
    ledgered.make_final()
    assert (await indexer.run_pass()).error is None
    assert await ledgered.held(user) == 1_000_000
    alone = Indexer(
        ledgered.sessions, ledgered.endpoints(down), vault=ledgered.vault, start_block=0
    )
    alone._vault_id = indexer._vault_id
    trouble = (await alone.run_pass()).error
    assert trouble
    assert "127.0.0.1:1" in trouble
    assert "secret" not in trouble
    assert "key" not in trouble


async def test_ranges_grow_and_shrink_with_what_the_node_can_tell(
    ledgered: Ledgered, node: WrongNode
) -> None:
    user, indexer = await ledgered.user(), await indexer_of(ledgered, node.url)
    asked: list[int] = []

    def narrow(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getLogs" and "fromBlock" in params[0]:
            span = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
            asked.append(span)
            if span > 40:
                raise refuse("query returned more than 10000 results", -32005)
        return result

    node.tell = narrow
    (before,) = await ledgered.rows("SELECT final_number FROM vaults")
    for _ in range(3):
        ledgered.deposit(user)
        ledgered.mine(30)
    report = await indexer.run_pass()
    assert (report.error, report.credited) == (None, 3)
    assert max(asked) > 40
    assert sum(it for it in asked if it <= 40) == ledgered.height - 2 - before


async def test_a_reorganisation_in_the_middle_of_a_pass_ends_it_quietly(
    ledgered: Ledgered, node: WrongNode
) -> None:
    user, indexer = await ledgered.user(), await indexer_of(ledgered, node.url)
    ledgered.remember()
    ledgered.deposit(user)
    await indexer.run_pass()
    ledgered.deposit(user)
    done = asyncio.Event()

    def reorganise(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getLogs" and not done.is_set():
            done.set()
            ledgered.forget()
            ledgered.deposit(user, 3)
            ledgered.mine(3)
        return result

    node.tell = reorganise
    assert (await indexer.run_pass()).error is None
    node.tell = honest
    report = await indexer.run_pass()
    assert (report.error, report.orphaned) == (None, 2)
    assert await ledgered.held(user) == 3


async def half_settled(it: Ledgered, indexer: Indexer, start: int) -> None:
    """Of three deposits that are final, one was credited when the process died."""
    user = await it.user()
    it.remember()
    for _ in range(3):
        it.deposit(user)
    it.make_final()
    while await it.rows("SELECT last_ordinal FROM vaults") == [0]:
        mortal: Any = MortalSessions(it.sessions, 1, after=True)  # One commit in each life.
        dying = Indexer(mortal, it.endpoints(), vault=it.vault, start_block=start)
        dying._vault_id = indexer._vault_id
        with pytest.raises(Died):
            await dying.run_pass()
    assert await it.rows("SELECT last_ordinal FROM vaults") == [1]


async def test_a_block_that_was_settled_in_part_halts_all_when_it_is_gone(
    ledgered: Ledgered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dml.chain.indexer.crediting.DEPOSITS_MAX", 1)
    indexer = await indexer_of(ledgered)
    await half_settled(ledgered, indexer, ledgered.height)
    ledgered.forget()
    ledgered.mine(9)
    report = await indexer.run_pass()
    assert report.error
    assert "were settled" in report.error
    assert (await indexer.run_pass()).error == report.error
    assert await ledgered.rows("SELECT halted_at IS NULL FROM vaults") == [False]
    assert await ledgered.rows(NOTHING_MOVED) == [1]
    ours = "SELECT type FROM events WHERE subject LIKE 'vault:%' ORDER BY number"
    assert await ledgered.rows(ours) == ["vault.halted"]  # And not on and off with each look.


async def test_what_was_settled_in_part_stays_when_the_rest_is_read_again(
    ledgered: Ledgered, node: WrongNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dml.chain.indexer.crediting.DEPOSITS_MAX", 1)
    indexer = await indexer_of(ledgered, node.url)
    await half_settled(ledgered, indexer, ledgered.height)
    ledgered.deposit(await ledgered.user())
    ledgered.mine(1)
    node.tell = with_a_log_twice_over
    assert (await indexer.run_pass()).error
    node.tell = honest
    ledgered.make_final()
    assert (await awake(indexer).run_pass()).error is None
    assert await ledgered.rows("SELECT last_ordinal FROM vaults") == [4]
    assert await ledgered.rows(NOTHING_MOVED) == [4]
