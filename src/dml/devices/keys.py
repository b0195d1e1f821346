"""Public keys of devices: points of Ed25519 (RFC 8032), as 32 bytes.

The library checks a key only when it is used, and some not at all: under a point of low order,
such as zero, a signature that anybody can write holds for every message. So a key is looked at
here before it is kept.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

KEY_BYTES: Final = 32
_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_ONE: Final = pow(2, (_P - 1) // 4, _P)
_NEUTRAL: Final = (0, 1)


def decode_key(text: str) -> bytes:
    """Read a key in base64url. ValueError where it is no key that a device can sign under."""
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise ValueError("must be base64url") from None
    if encode_key(raw) != text.rstrip("="):
        raise ValueError("must be base64url")
    check_key(raw)
    return raw


def encode_key(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def check_key(raw: bytes) -> None:
    """Refuse (ValueError) what is no point of the curve, or one of low order."""
    if len(raw) != KEY_BYTES:
        raise ValueError(f"must be {KEY_BYTES} bytes, a raw Ed25519 public key")
    point = _decompress(raw)
    if point is None:
        raise ValueError("must be a point of Ed25519")
    for _ in range(3):  # Times 8, the cofactor.
        point = _double(*point)
    if point == _NEUTRAL:
        raise ValueError("must not be a point of low order")


def _decompress(raw: bytes) -> tuple[int, int] | None:
    """Find the point with this y, and this sign of x (RFC 8032, 5.1.3)."""
    number = int.from_bytes(raw, "little")
    y, odd = number & (2**255 - 1), number >> 255
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * _ROOT_OF_MINUS_ONE % _P
    if x * x % _P != square or (x == 0 and odd):
        return None
    return (x if x % 2 == odd else _P - x, y)


def _double(x: int, y: int) -> tuple[int, int]:
    bent = _D * x * x * y * y % _P
    return (
        2 * x * y * pow(1 + bent, -1, _P) % _P,
        (y * y + x * x) * pow(1 - bent, -1, _P) % _P,
    )
