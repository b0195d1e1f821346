"""The chain as a wallet sees it: a node, keys of one's own, and transactions that these sign."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Self

import httpx2
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount
from eth_account.types import TransactionDictType
from eth_typing import HexStr

from demo import command
from demo.children import Failed
from demo.market import Market

WAIT_SECONDS: Final = 60
LOOK_SECONDS: Final = 0.1
UNITS: Final = 10**6  # Of the token in one token.
_GAS: Final = 300_000
_TIP: Final = 10**9
_BALANCE: Final = "0x70a08231"  # balanceOf(address)


@dataclass
class Node:
    """A node of the chain, which anybody may ask, and the contracts that are on it."""

    client: httpx2.AsyncClient
    chain_id: int
    token: str
    vault: str

    @classmethod
    async def find(cls, market: Market, client: httpx2.AsyncClient, log: Path) -> Self:
        """Ask the operator's command line where it is, and the API what is there."""
        shown = await command.run(
            ["chain", "status", "--json"], log, codes=(0, 1), DML_HOME=str(market.home)
        )
        client.base_url = httpx2.URL(f"http://{json.loads(shown)['nodes'][0]['node']}")
        give_up_at = time.monotonic() + WAIT_SECONDS
        path = f"{market.url}/v1/payments/chain"
        while not (answer := await client.get(path)).is_success:
            if time.monotonic() > give_up_at:
                raise Failed(f"the vault is not reached after {WAIT_SECONDS} s: {answer.text}")
            await asyncio.sleep(LOOK_SECONDS)
        found = answer.json()
        return cls(client, found["chain_id"], found["token"]["address"], found["vault"])

    async def ask(self, method: str, *params: Any) -> Any:
        """Return the result of one call."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        try:
            answer = (await self.client.post("/", json=body)).json()
        except (httpx2.HTTPError, ValueError) as error:
            raise Failed(f"the chain: {method}: {type(error).__name__} {error}") from error
        if "error" in answer:
            raise Failed(f"the chain: {method}: {answer['error'].get('message')}")
        return answer["result"]

    async def tokens(self, address: str) -> Decimal:
        """What an address holds, in tokens."""
        call = {"to": self.token, "data": f"{_BALANCE}{address[2:]:0>64}"}
        return Decimal(int(await self.ask("eth_call", call, "latest"), 16)) / UNITS


@dataclass
class Wallet:
    """A key that nobody else has."""

    node: Node
    key: LocalAccount = field(default_factory=lambda: Account.create())
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _sent: int = 0

    @property
    def address(self) -> str:
        return str(self.key.address)

    def sign(self, text: str) -> str:
        """Sign a text, as wallets do (EIP-191)."""
        return "0x" + bytes(self.key.sign_message(encode_defunct(text=text)).signature).hex()

    async def send(self, transaction: Mapping[str, str]) -> None:
        """Sign and send a transaction, and wait until a block holds it."""
        async with self._turn:  # Each has the next number.
            head = await self.node.ask("eth_getBlockByNumber", "latest", False)
            whole: TransactionDictType = {
                "type": 2,
                "chainId": self.node.chain_id,
                "nonce": self._sent,
                "gas": _GAS,
                "maxFeePerGas": 4 * int(head["baseFeePerGas"], 16) + _TIP,
                "maxPriorityFeePerGas": _TIP,
                "to": HexStr(transaction["to"]),
                "value": 0,
                "data": HexStr(transaction["data"]),
            }
            signed = self.key.sign_transaction(whole)
            raw = "0x" + bytes(signed.raw_transaction).hex()
            tx_hash = await self.node.ask("eth_sendRawTransaction", raw)
            self._sent += 1
        give_up_at = time.monotonic() + WAIT_SECONDS
        while (receipt := await self.node.ask("eth_getTransactionReceipt", tx_hash)) is None:
            if time.monotonic() > give_up_at:
                raise Failed(f"{tx_hash} is in no block after {WAIT_SECONDS} s")
            await asyncio.sleep(LOOK_SECONDS)
        if int(receipt["status"], 16) != 1:
            raise Failed(f"{tx_hash} was reverted")
