"""One node of the chain, asked by JSON-RPC over HTTP. The form of every answer is checked.

A call returns a value of the right type, or raises: `NodeAway` (no answer, or too late),
`NodeRefused` (an error, which may be the answer: a call that reverts), `Garbled`.

Why not web3.py: docs/decisions/0016.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from dml.chain.ethereum import checksummed
from dml.chain.node.contract import Garbled, Log
from dml.core.deferred import deferred

if TYPE_CHECKING:
    import httpx2
else:
    httpx2 = deferred("httpx2")

ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
_QUANTITY: Final = re.compile(r"0x[0-9a-fA-F]{1,64}", re.ASCII)
_DATA: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*", re.ASCII)
_HASH: Final = re.compile(r"0x[0-9a-f]{64}", re.ASCII)
_REVERTED: Final = 3  # The error code of geth and most others for a revert.

Tag: TypeAlias = Literal["latest", "finalized", "pending"]


class NodeAway(Exception):
    """There was no answer, or it was too late or too long."""


class NodeRefused(Exception):
    """The node answered with an error. `data` is the revert data of a call, or empty."""

    def __init__(self, code: int, message: str, data: bytes) -> None:
        super().__init__(f"{_quoted(message, 300)} ({code})")
        self.code, self.message, self.data = code, message, data

    @property
    def is_reverted(self) -> bool:
        """Whether the contract reverted the call (else the node refused the request)."""
        return self.code == _REVERTED or bool(self.data) or "revert" in self.message.lower()


FAULTS: Final = (NodeAway, NodeRefused, Garbled)


@dataclass(frozen=True, slots=True)
class BlockHead:
    number: int
    hash: str
    parent_hash: str
    timestamp: int
    base_fee: int  # Wei for a unit of gas; 0 on chains before EIP-1559.


@dataclass(frozen=True, slots=True)
class Receipt:
    tx_hash: str
    block_number: int
    block_hash: str
    succeeded: bool
    gas_used: int


class Node:
    """A node at a URL. `name` is the URL without what may be secret."""

    def __init__(
        self, url: str, client: "httpx2.AsyncClient", *, timeout_seconds: float = 10
    ) -> None:
        self._url, self._client, self._timeout = url, client, timeout_seconds
        parts = urlsplit(url)
        self.name = f"{parts.hostname}:{parts.port or parts.scheme}"
        self._count = 0

    async def chain_id(self) -> int:
        return quantity(await self.ask("eth_chainId"))

    async def block(self, which: int | Tag) -> BlockHead | None:
        """Return a block by its number or tag. None if the node does not have it."""
        found = await self.ask("eth_getBlockByNumber", number(which), False)
        return None if found is None else _block(found, which)

    async def logs(
        self,
        address: str,
        topics: Sequence[bytes],
        *,
        block_hash: str | None = None,
        first: int = 0,
        last: int = 0,
    ) -> list[Log]:
        """Return an address's logs with any of these topics, of one block or of a range, in order.

        Garbled if the node returns one that does not belong there.
        """
        where = (
            {"blockHash": block_hash}
            if block_hash is not None
            else {"fromBlock": hex(first), "toBlock": hex(last)}
        )
        criteria = {"address": address, "topics": [["0x" + it.hex() for it in topics]], **where}
        found = await self.ask("eth_getLogs", criteria)
        if not isinstance(found, list):
            raise Garbled("eth_getLogs: no list")
        logs = [_log(it) for it in found]
        for it in logs:
            inside = it.block_hash == block_hash if block_hash else first <= it.block_number <= last
            if it.address != address or not inside or it.topics[:1] not in [(t,) for t in topics]:
                raise Garbled(f"eth_getLogs: a log that was not asked for, in {it.tx_hash}")
        logs.sort(key=lambda it: (it.block_number, it.log_index))
        if len({(it.block_hash, it.log_index) for it in logs}) < len(logs):
            raise Garbled("eth_getLogs: a log twice")
        return logs

    async def call(self, to: str, data: bytes, at: int | Tag = "latest") -> bytes:
        """Call a contract, and return the data it returns. NodeRefused if it reverts."""
        return read_data(await self.ask("eth_call", {"to": to, "data": _hex(data)}, number(at)))

    async def try_out(self, code: bytes, *, sender: str, at: int | Tag = "latest") -> bytes:
        """Run the code that makes a contract, and return what it returns. Nothing is kept of it."""
        return read_data(
            await self.ask("eth_call", {"from": sender, "data": _hex(code)}, number(at))
        )

    async def code(self, address: str, at: int | Tag = "latest") -> bytes:
        """Return a contract's code; nothing where there is none."""
        return read_data(await self.ask("eth_getCode", address, number(at)))

    async def estimate_gas(self, sender: str, to: str, data: bytes) -> int:
        asked = {"from": sender, "to": to, "data": _hex(data)}
        return quantity(await self.ask("eth_estimateGas", asked))

    async def nonce(self, address: str, at: int | Tag) -> int:
        """Return how many transactions this address has had mined by then."""
        return quantity(await self.ask("eth_getTransactionCount", address, number(at)))

    async def coins(self, address: str) -> int:
        """Return the wei that an address has, to pay gas with."""
        return quantity(await self.ask("eth_getBalance", address, "latest"))

    async def tip(self) -> int:
        """Return the priority fee that the node suggests, in wei."""
        return quantity(await self.ask("eth_maxPriorityFeePerGas"))

    async def receipt(self, tx_hash: str) -> Receipt | None:
        found = await self.ask("eth_getTransactionReceipt", tx_hash)
        return None if found is None else _receipt(found, tx_hash)

    async def send(self, raw: bytes) -> None:
        """Send a signed transaction. NodeRefused also if the node knows it already."""
        await self.ask("eth_sendRawTransaction", _hex(raw))

    async def ask(self, method: str, *params: object) -> Any:
        """Return the result of one call, of any kind."""
        self._count += 1
        asked = {"jsonrpc": "2.0", "id": self._count, "method": method, "params": params}
        body = await self._post(msgspec.json.encode(asked))
        try:
            answer = msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise Garbled(f"{method}: no JSON") from error
        if not isinstance(answer, dict):
            raise Garbled(f"{method}: no object")
        if isinstance(answer.get("error"), dict):
            raise _refusal(answer["error"])
        if "result" not in answer or answer.get("error") is not None:
            raise Garbled(f"{method}: neither result nor error")
        return answer["result"]

    async def _post(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json"}
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._client.stream("POST", self._url, content=body, headers=headers) as response,
            ):
                read = bytearray()
                async for part in response.aiter_bytes():
                    read += part
                    if len(read) > ANSWER_BYTES_MAX:
                        raise NodeAway("the answer is too long")
                # Some nodes send JSON-RPC errors with an HTTP error status.
                if response.status_code >= 400 and not read.lstrip().startswith(b"{"):
                    raise NodeAway(f"HTTP {response.status_code}")
                return bytes(read)
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError) as error:
            raise NodeAway(str(error) or type(error).__name__) from error


def quantity(value: object) -> int:
    if not (isinstance(value, str) and _QUANTITY.fullmatch(value)):
        raise Garbled(f"no quantity: {_quoted(value)}")
    return int(value, 16)


def read_data(value: object) -> bytes:
    if not (isinstance(value, str) and _DATA.fullmatch(value)):
        raise Garbled(f"no data: {_quoted(value)}")
    return bytes.fromhex(value[2:])


def number(which: int | Tag) -> str:
    return hex(which) if isinstance(which, int) else which


def _quoted(value: object, most: int = 80) -> str:
    """Return a node's own text so that it can be stored: PostgreSQL takes no zero bytes."""
    return "".join(it for it in str(value)[:most] if it.isprintable())


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _hash(value: object) -> str:
    if not (isinstance(value, str) and _HASH.fullmatch(value.lower())):
        raise Garbled(f"no hash: {_quoted(value)}")
    return value.lower()


def _fields(found: object, *names: str) -> list[Any]:
    if not isinstance(found, dict) or any(name not in found for name in names):
        raise Garbled(f"lacks one of {', '.join(names)}")
    return [found[name] for name in names]


def _block(found: object, which: int | Tag) -> BlockHead:
    height, itself, parent, time = _fields(found, "number", "hash", "parentHash", "timestamp")
    assert isinstance(found, dict)
    fee = found.get("baseFeePerGas")
    block = BlockHead(
        _small(height),
        _hash(itself),
        _hash(parent),
        _small(time),
        0 if fee is None else _small(fee),
    )
    if isinstance(which, int) and block.number != which:
        raise Garbled(f"block {block.number} in the place of {which}")
    return block


def _log(found: object) -> Log:
    address, topics, data, height, block, tx, index = _fields(
        found,
        "address",
        "topics",
        "data",
        "blockNumber",
        "blockHash",
        "transactionHash",
        "logIndex",
    )
    if not isinstance(topics, list) or len(topics) > 4:
        raise Garbled("a log without topics")
    if not (isinstance(address, str) and re.fullmatch("0x[0-9a-fA-F]{40}", address)):
        raise Garbled("a log without an address")
    return Log(
        address=checksummed(address),
        topics=tuple(bytes.fromhex(_hash(it)[2:]) for it in topics),
        data=read_data(data),
        block_number=_small(height),
        block_hash=_hash(block),
        tx_hash=_hash(tx),
        log_index=_index(index),
    )


def _receipt(found: object, tx_hash: str) -> Receipt:
    tx, height, block, status, gas = _fields(
        found, "transactionHash", "blockNumber", "blockHash", "status", "gasUsed"
    )
    receipt = Receipt(_hash(tx), _small(height), _hash(block), quantity(status) == 1, _small(gas))
    if receipt.tx_hash != tx_hash:
        raise Garbled(f"the receipt of {receipt.tx_hash} in the place of {tx_hash}")
    return receipt


def _small(value: object) -> int:
    """Read a quantity that fits a BIGINT: a height, a time, a fee."""
    found = quantity(value)
    if found >= 2**63:
        raise Garbled(f"no such number: {found}")
    return found


def _index(value: object) -> int:
    found = quantity(value)
    if found >= 2**31:
        raise Garbled(f"no such index: {found}")
    return found


def _refusal(error: dict[str, Any]) -> NodeRefused:
    code, message, data = error.get("code"), error.get("message"), error.get("data")
    said = bytes.fromhex(data[2:]) if isinstance(data, str) and _DATA.fullmatch(data) else b""
    return NodeRefused(code if isinstance(code, int) else 0, str(message), said)
