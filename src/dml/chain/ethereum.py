"""Ethereum's hashes, addresses, encodings and signatures. Its libraries load when first used."""

from collections.abc import Sequence
from typing import Any

from dml.core.deferred import deferred

eth_abi, eth_keys, eth_utils = deferred("eth_abi"), deferred("eth_keys"), deferred("eth_utils")


def keccak(data: bytes) -> bytes:
    return bytes(eth_utils.keccak(data))


def selector(signature: str) -> bytes:
    """The four bytes that name a function or an error, `paid(uint256)`."""
    return bytes(eth_utils.function_signature_to_4byte_selector(signature))


def topic(event: str) -> bytes:
    """The first topic of an event's logs, `PaidOut(uint64,address,uint64)`."""
    return bytes(eth_utils.event_signature_to_log_topic(event))


def arguments(signature: str) -> list[str]:
    """The types of a function's arguments: of `name(a,(b,c)[])` they are `a` and `(b,c)[]`."""
    types = signature[signature.index("(") :]
    if types == "()":  # The library knows no tuple without members.
        return []
    return [it.to_type_str() for it in eth_abi.grammar.parse(types).components]


def checksummed(address: str | bytes) -> str:
    """Write an address as EIP-55 does."""
    return str(eth_utils.to_checksum_address(address))


def encode(kinds: Sequence[str], values: Sequence[object]) -> bytes:
    """Encode values of the ABI's types: `encode(["uint64", "bytes"], [7, b""])`."""
    return bytes(eth_abi.encode(kinds, values))


def decode(kinds: Sequence[str], data: bytes) -> tuple[Any, ...]:
    """Decode values of the ABI's types. ValueError if the bytes do not encode such."""
    try:
        return tuple(eth_abi.decode(kinds, data))
    except (eth_abi.exceptions.DecodingError, OverflowError) as error:
        raise ValueError(str(error)) from error


def address_of(key: bytes) -> str:
    """Return the address that a private key signs for."""
    return str(eth_keys.keys.PrivateKey(key).public_key.to_checksum_address())


def signer_of(digest: bytes, signature: bytes) -> str | None:
    """Return the address whose key made a signature (r, s, and v from 0); None if none did."""
    try:
        made = eth_keys.keys.Signature(signature)
        return str(made.recover_public_key_from_msg_hash(digest).to_checksum_address())
    except (eth_keys.exceptions.BadSignature, eth_utils.ValidationError):
        return None
