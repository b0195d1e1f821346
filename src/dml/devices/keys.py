"""Public keys of devices: points of Ed25519 (RFC 8032), as 32 bytes.

The library checks a key only when it is used, and some not at all: under a point of low order,
such as zero, a signature that anybody can write holds for every message. So a key is looked at
here before it is kept (docs/decisions/0018).
"""

from typing import Final

from nacl.bindings import crypto_core_ed25519_is_valid_point

from dml.core import base64url

KEY_BYTES: Final = 32


def decode_key(text: str) -> bytes:
    """Read a key in base64url. ValueError where it is no key that a device can sign under."""
    try:
        raw = base64url.decode(text.rstrip("="))  # Many libraries write padding.
    except ValueError:
        raise ValueError("must be base64url") from None
    check_key(raw)
    return raw


def encode_key(raw: bytes) -> str:
    return base64url.encode(raw)


def check_key(raw: bytes) -> None:
    """Refuse (ValueError) what is no point of the curve's group of large order, as a key is."""
    if len(raw) != KEY_BYTES:
        raise ValueError(f"must be {KEY_BYTES} bytes, a raw Ed25519 public key")
    if not crypto_core_ed25519_is_valid_point(raw):
        raise ValueError("must be a public key of Ed25519: a point, and none of low order")
