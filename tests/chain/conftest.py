"""A chain for each module of tests, fresh for each test."""

from collections.abc import Iterator

import pytest

from tests.chain.anvil import Anvil
from tests.chain.deployed import Deployed, deploy


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
