"""The committed builds of the contracts, read as they are."""

import base64
import json
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from eth_typing import ABIError, ABIEvent
from eth_utils.abi import event_abi_to_log_topic, function_abi_to_4byte_selector
from eth_utils.crypto import keccak

ROOT = Path(__file__).parent.parent.parent
CONTRACTS = ROOT / "contracts"
BUILD = CONTRACTS / "build"


@dataclass(frozen=True)
class Build:
    """A compiled contract: what it understands, and its code."""

    name: str
    abi: list[dict[str, Any]]
    bytecode: bytes
    content: dict[str, Any]

    @property
    def errors(self) -> dict[bytes, str]:
        """The names of its errors by their first four bytes."""
        return {
            function_abi_to_4byte_selector(cast(ABIError, entry)): entry["name"]
            for entry in self.abi
            if entry["type"] == "error"
        }

    @property
    def events(self) -> dict[bytes, dict[str, Any]]:
        """Its events by their first topic."""
        return {
            event_abi_to_log_topic(cast(ABIEvent, entry)): entry
            for entry in self.abi
            if entry["type"] == "event"
        }


@cache
def build(name: str) -> Build:
    """One of `Vault`, `DevToken`, `testing/OddToken`, `testing/Intruder`."""
    content = json.loads((BUILD / f"{name}.json").read_text())
    bytecode = bytes.fromhex(content["bytecode"].removeprefix("0x"))
    return Build(content["contract"], content["abi"], bytecode, content)


@cache
def mutants() -> dict[str, bytes]:
    """Bytecode of vaults with one fault each, by what is wrong; files keep the difference only."""
    vault = build("Vault").bytecode
    packed = json.loads((BUILD / "testing/mutants.json").read_text())
    unpacked = {}
    for name, mutant in packed.items():
        unpack = zlib.decompressobj(zdict=vault)
        unpacked[name] = unpack.decompress(base64.b64decode(mutant["bytecode"])) + unpack.flush()
    return unpacked


@cache
def selector(signature: str) -> bytes:
    """The four bytes that name a function or an error."""
    return keccak(text=signature)[:4]
