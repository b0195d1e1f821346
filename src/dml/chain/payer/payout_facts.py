"""What the payer asks a node: whether the vault can pay, what it has paid, why it refused."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dml.chain.ethereum import checksummed
from dml.chain.models import SignedTransaction, Vault
from dml.chain.node import contract
from dml.chain.node.contract import Payout
from dml.chain.node.endpoints import Chosen
from dml.chain.node.rpc import Node, NodeRefused, number, read_data
from dml.core import money
from dml.core.money import MicroTokens

REVERTED: Final = "the transaction was reverted"
RESTORED: Final = (
    "the books were restored from a backup, and wait until all that the vault ever paid is final "
    "and compared with them"
)
_WORD: Final = 256  # Numbers in one word of the vault's storage.


@dataclass(frozen=True, slots=True)
class VaultFacts:
    """The vault and the payer's account at the head of the chain."""

    is_paused: bool
    payout_key: str
    daily: MicroTokens
    available: MicroTokens  # What can be paid now, by limit and balance.
    coins: int  # Of the payer, in wei, for gas.
    tip: int
    nonce: int  # The payer's transactions that are mined.

    def hindrance(self, vault: Vault, signer: str) -> str | None:
        """Say why nothing may be signed or sent."""
        if vault.halted_at is not None:
            return "the chain is not read any further"
        if vault.difference is not None:
            return "chain and books differ"
        if vault.restored_at is not None:
            return RESTORED
        if self.is_paused:
            return "payouts are paused by the vault's guardian"
        if self.payout_key != signer:
            return f"the vault's payout key is {self.payout_key}, not the signer {signer}"
        return None


async def ask(chosen: Chosen, vault: Vault, signer: str) -> VaultFacts:
    """Ask a node for all these facts at once."""
    node, at = chosen.node, chosen.head.number

    async def read(to: str, call: bytes, *kinds: str) -> Any:
        return contract.read(kinds, await node.call(to, call, at=at))[0]

    own, balance = vault.address, contract.call("balanceOf(address)", vault.address)
    answers = await asyncio.gather(
        read(own, contract.call("paused()"), "bool"),
        read(own, contract.call("payoutKey()"), "address"),
        read(own, contract.call("limit()"), "uint64"),
        read(own, contract.call("available()"), "uint64"),
        read(vault.token, balance, "uint256"),
    )
    paused, key, daily, available, units = answers
    coins, tip, nonce = await asyncio.gather(node.coins(signer), _tip(node), node.nonce(signer, at))
    return VaultFacts(
        is_paused=paused,
        payout_key=checksummed(key),
        daily=_amount(daily),
        available=min(_amount(available), _amount(units // vault.scale)),
        coins=coins,
        tip=tip,
        nonce=nonce,
    )


async def find_paid(
    node: Node, vault: Vault, numbers: Collection[int], *, at: int
) -> frozenset[int]:
    """Return which of the numbers the vault has paid by a block."""
    words = sorted({it // _WORD for it in numbers})
    answers = await asyncio.gather(
        *(node.call(vault.address, contract.call("paid(uint256)", it), at=at) for it in words)
    )
    bits = {
        word: int(contract.read(["uint256"], answer)[0])
        for word, answer in zip(words, answers, strict=True)
    }
    return frozenset(it for it in numbers if bits[it // _WORD] >> it % _WORD & 1)


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What a final block says of a batch: paid numbers, and each sender's mined transactions."""

    paid: frozenset[int]
    nonces: Mapping[str, int]


async def ask_outcome(
    node: Node, vault: Vault, numbers: Collection[int], senders: Collection[str], *, at: int
) -> BatchOutcome:
    counts = await asyncio.gather(*(node.nonce(it, at) for it in senders))
    paid = await find_paid(node, vault, numbers, at=at)
    return BatchOutcome(paid, dict(zip(senders, counts, strict=True)))


async def find_reverted(
    node: Node,
    vault: Vault,
    transactions: Sequence[SignedTransaction],
    payouts: Sequence[Payout],
    *,
    up_to: int,
) -> str | None:
    """Say why one of these transactions was reverted as a whole. None: none of them was.

    It is simulated again after its own block, so a reason that had passed by then is not found.
    """
    for it in reversed(transactions):
        receipt = await node.receipt(it.hash)
        if receipt is None or receipt.block_number > up_to or receipt.succeeded:
            continue
        asked = {
            "from": it.sender,
            "to": vault.address,
            "gas": hex(it.gas),
            "data": "0x" + contract.pay_out(payouts).hex(),
        }
        try:
            read_data(await node.ask("eth_call", asked, number(receipt.block_number)))
        except NodeRefused as error:
            if error.data:
                return contract.explain(error.data)
        return REVERTED
    return None


async def is_known(node: Node, tx_hash: str) -> bool:
    """Whether a node has a transaction, mined or not."""
    return await node.ask("eth_getTransactionByHash", tx_hash) is not None


async def _tip(node: Node) -> int:
    """Return the tip that the node suggests; 0 where it does not know this method."""
    try:
        return await node.tip()
    except NodeRefused:
        return 0


def _amount(value: int) -> MicroTokens:
    return MicroTokens(min(value, money.MAX))
