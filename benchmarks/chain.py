"""Reading the chain: a hundred thousand deposits from nothing, and one deposit as it comes.

What indexing is measured by is the least that any indexer must do: to fetch the same logs from the
same node in the same ranges, and to decode them.
"""

import asyncio
import gc
import random
import re
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Final, TypeAlias
from uuid import UUID

import httpx2
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from benchmarks.device_path import Say
from benchmarks.figures import Figure, absolute, compared, only_told
from dml.chain.indexer.indexing import Indexer
from dml.chain.node.contract import read_event, topics
from dml.chain.node.endpoints import Endpoints
from dml.chain.node.rpc import Node
from dml.core.db import connect
from dml.core.ids import UserId
from dml.core.settings import Settings
from dml.entrypoints import migrate
from dml.entrypoints.embedded import postgres, servers
from tests.chain.anvil import Anvil
from tests.chain.deployed import Deployed, deploy, put
from tests.chain.gas import TABLE
from tests.world import make_user

BLOCKS: Final = 10_000
EACH: Final = 10  # Deposits of one transaction, and one transaction a block.
USERS: Final = 100
GAS: Final = 1_000_000  # Of each transaction, at most.
CONFIRMATIONS: Final = 2
SPAN: Final = 200  # As many blocks as the indexer settles on: 2,000 logs in an answer.
TOGETHER: Final = 50  # Transactions handed to anvil in one request.
ARRIVALS: Final = 100
ARRIVAL_SECONDS: Final = 0.3  # Between two of them, on average.
SAMPLE_SECONDS: Final = 0.05
POLL_SECONDS: Final = float(Settings.model_fields["chain_poll_seconds"].default)
FIRST_USER: Final = 0x0199_0000_0000_7000_8000_0000_0000_0000
Sessions: TypeAlias = async_sessionmaker[AsyncSession]


def chain(home: Path, rounds: int, say: Say) -> list[Figure]:
    """Deposits a second, memory, from final to credited, and the gas of a payout."""
    servers.up(home)
    with Anvil() as anvil:
        on = deploy(anvil)
        figures = asyncio.run(_measure(home, anvil, on, rounds, say))
    (gas,) = re.findall(r"pay out 100 to known recipients \| [\d,]+ \| ([\d,]+)", TABLE.read_text())
    return [*figures, absolute("payout_gas", float(gas.replace(",", "")), "≤ 20000", "gas")]


async def _measure(home: Path, anvil: Anvil, on: Deployed, rounds: int, say: Say) -> list[Figure]:
    people = [UserId(UUID(int=FIRST_USER + number)) for number in range(USERS)]
    say(f"chain: {BLOCKS * EACH:,} deposits into {BLOCKS:,} blocks")
    start = int(anvil.call("eth_blockNumber"), 16)
    _fill(anvil, on, people)
    indexed, fetched, growth = list[float](), list[float](), list[float]()
    async with httpx2.AsyncClient(timeout=60) as client:
        for number in range(rounds):
            engine, sessions = await _new_database(home, number, people)
            endpoints = Endpoints([anvil.url], client, chain_id=None, confirmations=CONFIRMATIONS)
            indexer = Indexer(sessions, endpoints, vault=on.vault.address, start_block=start)
            seconds, grown = await _index(indexer)
            indexed.append(seconds)
            growth.append(grown)
            fetched.append(await _fetch(anvil, on, client, start))
            say(f"chain: indexed in {seconds:.1f} s, fetched alone in {fetched[-1]:.1f} s")
            if number == rounds - 1:
                waited = await _arrivals(indexer, sessions, anvil, on, people)
            await engine.dispose()
    each, p99 = median(indexed), quantiles(waited, n=100)[98]
    say(f"chain: from final to credited {median(waited):.2f} s, p99 {p99:.2f} s")
    rate, ceiling = BLOCKS * EACH / each, BLOCKS * EACH / median(fetched)
    return [
        compared("deposits_indexed_a_second", rate, ceiling, "≥ 0.1", "1/s"),
        only_told("blocks_indexed_a_second", BLOCKS / each, "1/s"),
        absolute("indexing_grows_mb", max(growth), "≤ 50", "MB"),
        absolute("final_to_credited_p99_s", p99, "≤ 2", "s"),
    ]


async def _new_database(
    home: Path, number: int, people: Sequence[UserId]
) -> tuple[AsyncEngine, Sessions]:
    """A database in which these people have registered."""
    url = postgres.create_database(home, f"dml_chain_{number}")
    await asyncio.to_thread(migrate.migrate, url)
    engine = connect(url, name="benchmark chain")
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    async with sessions.begin() as tx:
        for place, user_id in enumerate(people):
            await make_user(tx, f"person-{place}", user_id=user_id)
    return engine, sessions


def _fill(anvil: Anvil, on: Deployed, people: Sequence[UserId]) -> None:
    """One transaction of ten deposits in each block."""
    many, _ = put(on.web3, "testing/ManyDeposits", on.owner)
    supply = on.token.functions.balanceOf(on.owner).call()
    on.send(on.token.functions.transfer(many.address, supply), on.owner)
    asked = [
        {
            "from": on.owner,
            "to": many.address,
            "gas": hex(GAS),
            "data": many.encode_abi("deposit", [on.vault.address, person.bytes, 1_000, EACH]),
        }
        for person in people
    ]
    nonce = on.web3.eth.get_transaction_count(on.owner)
    limit = on.web3.eth.get_block("latest")["gasLimit"]
    anvil.call("evm_setAutomine", False)
    anvil.call("evm_setBlockGasLimit", hex(GAS * 3 // 2))  # One fits into a block.
    with httpx2.Client(timeout=120) as client:
        for first in range(0, BLOCKS, TOGETHER):
            batch = [
                {
                    "jsonrpc": "2.0",
                    "id": number,
                    "method": "eth_sendTransaction",
                    "params": [asked[number % USERS] | {"nonce": hex(nonce + number)}],
                }
                for number in range(first, first + TOGETHER)
            ]
            answers = client.post(anvil.url, json=batch).json()
            wrong = [it for it in answers if "result" not in it]
            assert not wrong, wrong[:1]
            anvil.call("anvil_mine", hex(TOGETHER))
    anvil.call("evm_setBlockGasLimit", hex(limit))
    anvil.call("evm_setAutomine", True)
    anvil.call("anvil_mine", hex(CONFIRMATIONS))
    assert on.vault.functions.totals().call()[0] == BLOCKS * EACH


async def _index(indexer: Indexer) -> tuple[float, float]:
    """Read all there is into an empty database. Return seconds, and megabytes that it grew by."""
    await indexer.register()
    gc.collect()
    samples = list[float]()
    sampling = asyncio.create_task(_sample(samples))
    await asyncio.sleep(0)
    began = time.perf_counter()
    report = await indexer.run_pass()
    seconds = time.perf_counter() - began
    sampling.cancel()
    assert report.credited == BLOCKS * EACH, report
    # What it needs for one range and one chunk, it has after a tenth of the way.
    tenth = max(1, len(samples) // 10)
    return seconds, max(0.0, max(samples[tenth:]) - max(samples[: tenth + 1]))


async def _sample(samples: list[float]) -> None:
    """Note the megabytes that this process holds, until cancelled."""
    while True:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        samples.append(pages * 4096 / 1e6)
        await asyncio.sleep(SAMPLE_SECONDS)


async def _fetch(anvil: Anvil, on: Deployed, client: httpx2.AsyncClient, start: int) -> float:
    """Fetch and decode the same logs, and do nothing with them. Return seconds."""
    node, count = Node(anvil.url, client), 0
    last = int(anvil.call("eth_blockNumber"), 16)
    began = time.perf_counter()
    for first in range(start, last + 1, SPAN):
        until = min(first + SPAN - 1, last)
        for it in await node.logs(on.vault.address, topics(), first=first, last=until):
            read_event(it)
            count += 1
    assert count == BLOCKS * EACH
    return time.perf_counter() - began


async def _arrivals(
    indexer: Indexer, sessions: Sessions, anvil: Anvil, on: Deployed, people: Sequence[UserId]
) -> list[float]:
    """Deposit now and then. Return how long each deposit took from final to credited."""
    looking = asyncio.create_task(_keep_looking(indexer))
    first = await _last_ordinal(sessions)
    final_at, waited = list[float](), list[float]()
    chance = random.Random(1)
    next_at = time.perf_counter()
    while len(waited) < ARRIVALS:
        if len(final_at) < ARRIVALS and time.perf_counter() >= next_at:
            call = on.vault.functions.deposit(1_000, people[len(final_at) % USERS].bytes)
            await asyncio.to_thread(on.send, call, on.alice)
            await asyncio.to_thread(anvil.call, "anvil_mine", hex(CONFIRMATIONS))
            final_at.append(time.perf_counter())
            next_at = final_at[-1] + chance.uniform(0, 2 * ARRIVAL_SECONDS)
        credited = await _last_ordinal(sessions) - first
        now = time.perf_counter()
        waited += [now - it for it in final_at[len(waited) : credited]]
        await asyncio.sleep(0.01)
    looking.cancel()
    return waited


async def _keep_looking(indexer: Indexer) -> None:
    """Look as often as `dml chain run` does."""
    while True:
        await indexer.run_pass()
        await asyncio.sleep(POLL_SECONDS)


async def _last_ordinal(sessions: Sessions) -> int:
    async with sessions() as tx:
        return int(await tx.scalar(text("SELECT last_ordinal FROM vaults")) or 0)
