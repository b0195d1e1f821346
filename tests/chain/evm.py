"""An EVM in this process, and calls made of plain integers: thousands of them a second."""

import re
from collections.abc import Sequence

from pyrevm import EVM, BlockEnv, CfgEnv, Env

from tests.chain.builds import build, selector

CHAIN_ID = 31337

Value = int | bytes | Sequence[tuple[int, ...]]
Log = tuple[object, ...]


class Reverted(Exception):
    """A call went back; `data` is what the contract said, empty where the gas ran out."""

    def __init__(self, data: bytes) -> None:
        errors = build("Vault").errors | build("testing/OddToken").errors
        self.data = data
        self.name = errors.get(data[:4], data.hex() or "nothing said")
        super().__init__(f"{self.name} {data[4:].hex()}")


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def encode(signature: str, *values: Value) -> bytes:
    """A call: integers for each fixed type, bytes for `bytes`, rows of integers for structs."""
    head: list[bytes] = []
    tail = b""
    for value in values:
        if isinstance(value, int):
            head.append(word(value))
            continue
        head.append(word(32 * len(values) + len(tail)))
        if isinstance(value, bytes):
            tail += word(len(value)) + value + b"\0" * (-len(value) % 32)
        else:
            rows = b"".join(word(field) for row in value for field in row)
            tail += word(len(value)) + rows
    return selector(signature) + b"".join(head) + tail


class Evm:
    """A chain of one block whose time is set by hand. Addresses are integers."""

    def __init__(self, now: int = 1_000_000_000) -> None:
        self._evm = EVM(env=Env(cfg=CfgEnv(chain_id=CHAIN_ID)), spec_id="CANCUN")
        self.at(now)

    def at(self, now: int) -> None:
        self._evm.set_block_env(BlockEnv(timestamp=now))

    def deploy(self, bytecode: bytes, *values: int, sender: int) -> int:
        try:
            address = self._evm.deploy(
                address_text(sender), bytecode + b"".join(word(value) for value in values)
            )
        except RuntimeError as error:
            raise _reverted(error) from None
        return int(address, 16)

    def call(self, sender: int, to: int, data: bytes, gas: int | None = None) -> bytes:
        """What the contract answers; its changes stay."""
        try:
            return self._evm.message_call(address_text(sender), address_text(to), data, gas=gas)
        except RuntimeError as error:
            raise _reverted(error) from None

    def number(self, to: int, signature: str, *values: Value) -> int:
        return int.from_bytes(self.call(1, to, encode(signature, *values))[:32], "big")

    def logs(self, of: int) -> list[Log]:
        """The last call's events as `(name, *values)`: integers, or bytes for `bytes`."""
        assert self._evm.result is not None
        logs = []
        for log in self._evm.result.logs:
            if int(log.address, 16) == of:
                topics, data = log.data
                logs.append(decode_log([bytes(topic) for topic in topics], bytes(data)))
        return logs


def decode_log(topics: list[bytes], data: bytes) -> Log:
    """One event of the vault."""
    abi = build("Vault").events[topics[0]]
    indexed = iter(topics[1:])
    offset = 0
    values: list[object] = []
    for field in abi["inputs"]:
        if field["indexed"]:
            raw = next(indexed)
        else:
            raw = data[offset : offset + 32]
            offset += 32
        value = int.from_bytes(raw, "big")
        if field["type"] == "bytes":
            length = int.from_bytes(data[value : value + 32], "big")
            values.append(data[value + 32 : value + 32 + length])
        else:
            values.append(value)
    return abi["name"], *values


def address_text(address: int) -> str:
    return f"0x{address:040x}"


def _reverted(error: RuntimeError) -> Reverted:
    said = re.search(r"output: 0x([0-9a-f]*)", str(error))
    return Reverted(bytes.fromhex(said.group(1)) if said else b"")
