"""A chain for each module of tests, fresh for each test."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.chain.anvil import Anvil
from tests.chain.deployed import Deployed, deploy
from tests.chain.ledgered import Ledgered
from tests.chain.payers import Paying, make_paying
from tests.conftest import Sessions


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
    async with httpx.AsyncClient() as client:
        yield Ledgered(anvil, on, committing, client)


@pytest.fixture
async def paying(ledgered: Ledgered) -> AsyncIterator[Paying]:
    """And a user who withdraws, on a chain that mines by hand."""
    yield await make_paying(ledgered)
    ledgered.anvil.call("anvil_dropAllTransactions")
    ledgered.anvil.call("evm_setAutomine", True)
