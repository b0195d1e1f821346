"""Nonces that nobody keeps: each says when it expires and for which device, under a key of ours.

So whoever asks for nonces in a device's name, as a stranger can, displaces none of them. Only one
that was used is recorded, until it expires.
"""

import secrets
from datetime import UTC, datetime
from typing import Final

from dml.core import base64url
from dml.core.ids import DeviceId
from dml.core.tokens import Keys

_PURPOSE: Final = "device nonce"
_SAID: Final = 24  # Bytes: 8 of when it expires, in microseconds, and 16 of chance.
_LENGTH: Final = _SAID + 24  # And 24 of the proof: 64 characters.


def make(keys: Keys, device_id: DeviceId, expires_at: datetime) -> str:
    """Return something new for this device to sign."""
    moment = int(expires_at.timestamp() * 1_000_000)
    said = moment.to_bytes(8, "big") + secrets.token_bytes(16)
    return base64url.encode(said + _proof(keys, device_id, said))


def read(keys: Keys, device_id: DeviceId, nonce: str) -> datetime | None:
    """Return when it expires, of a nonce that we made for this device; else None."""
    try:
        # In its one spelling alone: else it could come in another once it was used.
        raw = base64url.decode(nonce)
    except ValueError:
        return None
    said, proof = raw[:_SAID], raw[_SAID:]
    if len(raw) != _LENGTH:
        return None
    if not keys.is_mac(proof, _PURPOSE, device_id.bytes + said):
        return None
    return datetime.fromtimestamp(int.from_bytes(said[:8], "big") / 1_000_000, UTC)


def _proof(keys: Keys, device_id: DeviceId, said: bytes) -> bytes:
    return keys.mac(_PURPOSE, device_id.bytes + said)[: _LENGTH - _SAID]
