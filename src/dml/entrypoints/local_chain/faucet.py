"""Development tokens of the local chain: paid into the vault for an account, or sent to an address.

The faucet is an account like any other: it signs what it sends, one transaction at a time.
"""

import asyncio
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from eth_account import Account
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from dml.accounts import queries as account_queries
from dml.chain import addresses
from dml.chain.models import Deposit
from dml.chain.node import contract
from dml.chain.node.rpc import FAULTS, Node, quantity
from dml.chain.states import DepositState
from dml.core import money
from dml.core.money import MicroTokens
from dml.core.settings import Settings
from dml.entrypoints import chain_wiring, fitness, wiring
from dml.entrypoints.embedded import chain, locks, places
from dml.entrypoints.embedded.chain import LocalChainFacts
from dml.refused import Refused

WAIT_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.1
GAS: Final = 300_000
COINS: Final = 10**18  # A coin: gas for some thousand transactions.
TIP: Final = 10**9
_TRANSFER: Final = "transfer(address,uint256)"
_ALLOWANCE: Final = "allowance(address,address)"


def run(settings: Settings, to: str, amount: str) -> int:
    """Give, and show how it goes on. Return the exit code."""
    home = places.absolute(settings.home)
    facts = chain.load(home)
    if settings.chain_url is not None and (
        facts is None or settings.chain_url.get_secret_value() != facts.url
    ):
        raise Refused("the faucet is of the local chain alone, and DML_CHAIN_URL names another")
    if facts is None:
        raise Refused(f"{home} has no local chain: start one with `dml up`")
    try:
        tokens = money.parse(amount)
        address = addresses.parse(to) if to.startswith("0x") else None
    except ValueError as error:
        raise Refused(f"{to} {amount}: {error}") from error
    if tokens == 0:
        raise Refused("an amount of 0 is nothing to give")
    asyncio.run(_give(settings, home, facts, tokens, address or to))
    return 0


async def _give(
    settings: Settings, home: Path, facts: LocalChainFacts, amount: MicroTokens, to: str
) -> None:
    async with chain_wiring.make_chain_client(chain_wiring.with_local_chain(settings)) as client:
        faucet = Faucet(Node(facts.url, client), facts)
        try:
            with locks.held(home / "faucet.lock"):  # Two at once would take the same nonce.
                if to.startswith("0x"):
                    await faucet.send(to, amount)
                else:
                    await faucet.pay_in(settings, to, amount)
        except FAULTS as error:
            raise Refused(f"the local chain at {facts.url} does not do it: {error}") from error
        except (SQLAlchemyError, OSError) as error:
            raise fitness.DatabaseAway(
                f"the database cannot be asked (does `dml up` run?): {fitness.reason_of(error)}"
            ) from error


class Faucet:
    """Who has all tokens in the beginning."""

    def __init__(self, node: Node, facts: LocalChainFacts) -> None:
        self._node, self._facts = node, facts
        self._began = time.monotonic()

    async def send(self, to: str, amount: MicroTokens) -> None:
        """Send tokens, and a coin for gas; to the vault, which takes none, tokens alone."""
        is_vault = to == self._facts.vault
        if not is_vault:
            await self._transact({"to": to, "value": COINS, "gas": 21_000})
        given = contract.call(_TRANSFER, to, amount)
        await self._transact({"to": self._facts.token, "data": given})
        what = "tokens are" if is_vault else "tokens and a coin for gas are"
        self._say(f"{money.render(amount)} {what} with {to}")

    async def pay_in(self, settings: Settings, email: str, amount: MicroTokens) -> None:
        """Pay into the vault in an account's name, and wait until the account has it."""
        engine = wiring.make_engine(settings, "dml faucet")
        try:
            async with wiring.make_sessions(engine)() as tx:
                found = await account_queries.find_user(tx, email.lower())
            if found is None:
                raise Refused(f"there is no account with the address {email}")
            await self._approve(amount)
            data = contract.deposit(amount, found.id)
            tx_hash = await self._transact({"to": self._facts.vault, "data": data})
            await self._await_credit(engine, tx_hash)
            self._say(f"{email} has {money.render(amount)} tokens more")
        finally:
            await engine.dispose()

    async def _approve(self, amount: int) -> None:
        """Let the vault take what we have, once for all."""
        ours, vault = self._facts.faucet.address, self._facts.vault
        answer = await self._node.call(self._facts.token, contract.call(_ALLOWANCE, ours, vault))
        if contract.read(["uint256"], answer)[0] < amount:
            everything = contract.call(contract.APPROVE, vault, 2**256 - 1)
            await self._transact({"to": self._facts.token, "data": everything})

    async def _transact(self, sent: Mapping[str, Any]) -> str:
        """Sign and send a transaction, and wait until it is in a block."""
        key, node = self._facts.faucet, self._node
        head = await node.block("latest")
        assert head is not None
        transaction = {
            "type": 2,
            "chainId": chain.CHAIN_ID,
            "nonce": quantity(await node.ask("eth_getTransactionCount", key.address, "pending")),
            "gas": GAS,
            "value": 0,
            "maxFeePerGas": 4 * head.base_fee + TIP,
            "maxPriorityFeePerGas": TIP,
            **sent,
        }
        signed = Account.sign_transaction(transaction, key.key)
        await node.send(bytes(signed.raw_transaction))
        tx_hash = "0x" + bytes(signed.hash).hex()
        deadline = time.monotonic() + WAIT_SECONDS
        while (receipt := await node.receipt(tx_hash)) is None:
            _require_before(deadline, f"{tx_hash} is in no block")
            await asyncio.sleep(LOOK_SECONDS)
        if not receipt.succeeded:
            raise Refused(f"{tx_hash} was reverted: has the faucet so many tokens?")
        self._say(f"{tx_hash} is in block {receipt.block_number}")
        return tx_hash

    async def _await_credit(self, engine: AsyncEngine, tx_hash: str) -> None:
        deadline, shown = time.monotonic() + WAIT_SECONDS, None
        ask = select(Deposit.state).where(Deposit.tx_hash == tx_hash)
        while shown != DepositState.CREDITED:
            async with engine.connect() as connection:
                state = await connection.scalar(ask)
            if state is not None and state != shown:
                self._say(f"the marketplace has {state} it")
                shown = state
            _require_before(
                deadline,
                f"{tx_hash} is not credited (does `dml up` run? see `dml chain status`)",
            )
            await asyncio.sleep(LOOK_SECONDS)

    def _say(self, text: str) -> None:
        sys.stdout.write(f"{time.monotonic() - self._began:5.1f} s  {text}\n")
        sys.stdout.flush()


def _require_before(deadline: float, what: str) -> None:
    if time.monotonic() > deadline:
        raise Refused(f"after {WAIT_SECONDS:.0f} s, {what}")
