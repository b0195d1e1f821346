"""Wallets whose contracts are not on the chain yet (EIP-6492), tried on a real chain."""

from collections.abc import AsyncIterator

import pytest
from eth_utils.crypto import keccak
from web3 import Web3

from dml.chain import ethereum
from dml.chain.models import Vault
from dml.chain.wallets import counterfactual
from tests.chain.anvil import Anvil
from tests.chain.builds import build
from tests.chain.deployed import connect, put
from tests.chain.people import asking
from tests.chain.sign_ins.test_sign_ins import challenge, send
from tests.world import World, problem

SECRET = b"the secret of a wallet"
MAKE = keccak(text="make(bytes32)")[:4]


@pytest.fixture
async def chain(world: World, vault: Vault, anvil: Anvil) -> AsyncIterator[Web3]:
    async with asking(world, anvil.url):
        yield connect(anvil)


def wrap(factory: str, making: bytes, signature: bytes = SECRET) -> str:
    told = ethereum.encode(["address", "bytes", "bytes"], [factory, making, signature])
    return "0x" + (told + counterfactual.SUFFIX).hex()


def test_the_bytes_that_are_run_are_built_from_their_source() -> None:
    assert build("CounterfactualCheck").bytecode == counterfactual.CHECK


async def test_a_wallet_that_is_not_there_yet_signs_in_and_still_is_not_there(
    world: World, chain: Web3
) -> None:
    owner = chain.eth.accounts[0]
    factory, _ = put(chain, "testing/WalletFactory", owner)
    wallet = factory.functions.addressOf(keccak(SECRET)).call()
    good = wrap(factory.address, MAKE + keccak(SECRET))
    message = await challenge(world, wallet)
    for wrong in (
        wrap(factory.address, MAKE + keccak(b"another")),  # It makes another wallet.
        wrap(factory.address, MAKE + keccak(SECRET), b"another"),  # Not its signature.
        wrap(factory.address, b""),  # Makes nothing.
        wrap(owner, MAKE + keccak(SECRET)),  # No factory.
        "0x" + SECRET.hex(),  # Not wrapped, so asked of a wallet that is not there.
    ):
        problem(await send(world, message, wrong), 422, "chain.wrong_signature")
    cut = "0x" + good[-192:]
    told = problem(await send(world, message, cut), 422, "chain.wrong_signature")
    assert "EIP-6492" in told["because"]
    first = await send(world, message, good)
    assert first.status_code == 200, first.text
    assert bytes(chain.eth.get_code(wallet)) == b""

    # Once it is there, wrapped or not.
    chain.eth.wait_for_transaction_receipt(
        factory.functions.make(keccak(SECRET)).transact({"from": owner})
    )
    for signature in (good, "0x" + SECRET.hex()):
        answer = await send(world, await challenge(world, wallet), signature)
        assert answer.status_code == 200, answer.text
        assert answer.json()["user_id"] == first.json()["user_id"]
    problem(
        await send(world, await challenge(world, wallet), wrap(factory.address, b"", b"x")),
        422,
        "chain.wrong_signature",
    )
