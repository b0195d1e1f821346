"""A chain for each module of tests, fresh for each test."""

from collections.abc import AsyncIterator, Iterator
from typing import Final

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker

from dml.chain.models import Vault
from dml.core.db import connect
from tests.chain.anvil import Anvil
from tests.chain.deployed import Deployed, deploy
from tests.chain.ledgered import Ledgered
from tests.chain.payers import Paying, make_paying
from tests.chain.people import forget_vaults, set_vault
from tests.conftest import Sessions
from tests.world import World

EMPTY: Final = """
    TRUNCATE vaults, vault_blocks, booked_payouts, deposits, vault_payouts, wallets,
        denied_addresses, withdrawals, payout_batches, payout_transactions,
        ledger_transfers, ledger_accounts, events, event_readers
"""


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with Anvil() as chain:
        yield chain


@pytest.fixture(scope="module")
def on_module_s_chain(anvil: Anvil) -> Deployed:
    return deploy(anvil)


@pytest.fixture
def on(anvil: Anvil, on_module_s_chain: Deployed) -> Iterator[Deployed]:
    """A token and a vault as deployed: what a test does is undone after it."""
    before = anvil.call("evm_snapshot")
    yield on_module_s_chain
    assert anvil.call("evm_revert", before)


@pytest.fixture
async def ledgered(anvil: Anvil, on: Deployed, committing: Sessions) -> AsyncIterator[Ledgered]:
    """The same beside a database of this test alone."""
    async with httpx2.AsyncClient() as client:
        yield Ledgered(anvil, on, committing, client)


@pytest.fixture
async def vault(world: World) -> AsyncIterator[Vault]:
    """The world's vault for this test. After it there is none, whatever the test made of it: one
    that is halted, say, would cover no credit of the tests that follow.
    """
    yield await set_vault(world)
    await forget_vaults(world)


@pytest.fixture(scope="module")
async def module_s_engine(module_database: str) -> AsyncIterator[AsyncEngine]:
    engine = connect(module_database, name="test", connections=20)
    yield engine
    await engine.dispose()


@pytest.fixture
async def paying(anvil: Anvil, on: Deployed, module_s_engine: AsyncEngine) -> AsyncIterator[Paying]:
    """A user who withdraws, on a chain that mines by hand; the module's database is emptied after.

    That takes a tenth of what a new database takes.
    """
    sessions = async_sessionmaker(module_s_engine, expire_on_commit=False)
    async with httpx2.AsyncClient(verify=False) as client:
        yield await make_paying(Ledgered(anvil, on, sessions, client))
    anvil.call("anvil_dropAllTransactions")
    anvil.call("evm_setAutomine", True)
    async with sessions.begin() as tx:
        await tx.execute(text(EMPTY))
        await tx.execute(text("ALTER SEQUENCE withdrawal_numbers RESTART"))
