"""Nonces that nobody keeps: each says when it expires, under a key of ours.

A stranger who asks for a million of them leaves nothing behind. One that was used is recorded until
it expires.
"""

import secrets
from datetime import UTC, datetime
from typing import Final

from dml.core.tokens import Keys

_PURPOSE: Final = "wallet sign-in"
_SAID: Final = 16  # Bytes: 5 of when it expires, in seconds, and 11 of chance.
_LENGTH: Final = _SAID + 16  # And 16 of the proof.


def make(keys: Keys, expires_at: datetime) -> str:
    """Return something new to sign: 64 digits, as EIP-4361 takes letters and digits alone."""
    said = int(expires_at.timestamp()).to_bytes(5, "big") + secrets.token_bytes(11)
    return (said + keys.mac(_PURPOSE, said)[: _LENGTH - _SAID]).hex()


def read(keys: Keys, nonce: str) -> datetime | None:
    """Return when it expires, of a nonce that we made; else None."""
    try:
        raw = bytes.fromhex(nonce)
    except ValueError:
        return None
    # In its one spelling alone: else it could come in another once it was used.
    if len(raw) != _LENGTH or raw.hex() != nonce:
        return None
    if not keys.is_mac(raw[_SAID:], _PURPOSE, raw[:_SAID]):
        return None
    return datetime.fromtimestamp(int.from_bytes(raw[:5], "big"), UTC)
