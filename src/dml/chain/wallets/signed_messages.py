"""Messages by which somebody proves to control an address (EIP-4361), and their signatures. Pure.

A key signs by EIP-191; a contract is asked whether a signature is its own (EIP-1271). One pattern
parses messages, as strictly as the standard's grammar, so that no text has two readings. Tests
compare it with the usual library: docs/decisions/0016.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from dml.chain import addresses, ethereum
from dml.chain.node import contract
from dml.chain.node.contract import Garbled
from dml.chain.wallets.rules import Message, UnreadableMessage
from dml.core.wire import check_moment

IS_VALID_SIGNATURE: Final = "isValidSignature(bytes32,bytes)"
_KEY_SIGNATURE_BYTES: Final = 65
_COMPACT_BYTES: Final = 64  # EIP-2098: of s, which is less than 2^255, the first bit is v.

_URI: Final = r"[a-zA-Z][a-zA-Z0-9+.-]*:[\w.~:/?#\[\]@!$&'()*+,;=%-]*"
_TIME: Final = r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)"
_MESSAGE: Final = re.compile(
    r"(?:(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*)://)?"
    r"(?P<domain>[\w.~!$&'()*+,;=%:@\[\]-]+) wants you to sign in with your Ethereum account:\n"
    r"(?P<address>0x[0-9a-fA-F]{40})\n"
    r"\n"
    r"(?:(?P<statement>[\w.~:/?#\[\]@!$&'()*+,;= -]+)\n)?"
    r"\n"
    rf"URI: (?P<uri>{_URI})\n"
    r"Version: (?P<version>\d+)\n"
    r"Chain ID: (?P<chain_id>\d{1,18})\n"
    r"Nonce: (?P<nonce>[a-zA-Z0-9]{8,})\n"
    rf"Issued At: (?P<issued_at>{_TIME})"
    rf"(?:\nExpiration Time: (?P<expires_at>{_TIME}))?"
    rf"(?:\nNot Before: (?P<not_before>{_TIME}))?"
    r"(?:\nRequest ID: (?P<request_id>[\w.~:@!$&'()*+,;=%-]*))?"
    rf"(?P<resources>\nResources:(?:\n- {_URI})*)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to be signed. `origin` is the site's, as a browser names it."""

    origin: str
    address: str
    statement: str
    chain_id: int
    nonce: str
    issued_at: datetime
    expires_at: datetime

    def as_text(self) -> str:
        return (
            f"{urlsplit(self.origin).netloc} wants you to sign in with your Ethereum account:\n"
            f"{self.address}\n\n"
            f"{self.statement}\n\n"
            f"URI: {self.origin}\n"
            "Version: 1\n"
            f"Chain ID: {self.chain_id}\n"
            f"Nonce: {self.nonce}\n"
            f"Issued At: {_time(self.issued_at)}\n"
            f"Expiration Time: {_time(self.expires_at)}"
        )


def read(text: str) -> Message:
    """Read a message, or refuse: its form, its checksum, its times."""
    found = _MESSAGE.fullmatch(text)
    if found is None:
        raise UnreadableMessage(because="it lacks a line, or has one too many")
    try:
        return Message(
            scheme=found["scheme"],
            domain=found["domain"],
            address=addresses.parse(found["address"]),
            statement=found["statement"],
            uri=_uri(found["uri"]),
            version=found["version"],
            chain_id=int(found["chain_id"]),
            nonce=found["nonce"],
            issued_at=_moment(found["issued_at"]),
            expires_at=_moment(found["expires_at"]) if found["expires_at"] else None,
            not_before=_moment(found["not_before"]) if found["not_before"] else None,
            request_id=found["request_id"],
            resources=tuple((found["resources"] or "").split("\n- ")[1:]),
        )
    except (ValueError, OverflowError) as error:
        raise UnreadableMessage(because=str(error)) from error


def digest(text: str) -> bytes:
    """Return the digest to sign (EIP-191), which can never be that of a transaction."""
    content = text.encode()
    return ethereum.keccak(b"\x19Ethereum Signed Message:\n%d" % len(content) + content)


def signer_of(signed: bytes, signature: bytes) -> str | None:
    """Return the address whose key made this signature; None if there is none."""
    if len(signature) == _COMPACT_BYTES:
        s = bytes([signature[32] & 0x7F]) + signature[33:]
        return ethereum.signer_of(signed, signature[:32] + s + bytes([signature[32] >> 7]))
    if len(signature) != _KEY_SIGNATURE_BYTES:
        return None
    v = signature[64] - 27 if signature[64] >= 27 else signature[64]  # Wallets write both.
    return ethereum.signer_of(signed, signature[:64] + bytes([v]))


def question(signed: bytes, signature: bytes) -> bytes:
    """Encode the call that asks a contract whether this signature is its own."""
    return contract.call(IS_VALID_SIGNATURE, signed, signature)


def says_yes(answer: bytes) -> bool:
    """Whether a contract's answer is the value that means yes."""
    try:
        (word,) = contract.read(["bytes4"], answer)
    except Garbled:
        return False  # It is no wallet: an address without code answers nothing.
    return bool(word == contract.selector(IS_VALID_SIGNATURE))


def _uri(text: str) -> str:
    urlsplit(text)  # ValueError for an invalid host, which the pattern lets pass.
    return text


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: str) -> datetime:
    return check_moment(datetime.fromisoformat(text.upper()))
