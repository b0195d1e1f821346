"""Bytes as text that fits into addresses and headers: base64url without padding (RFC 4648, 5).

Read strictly: of each content there is one text, so that what was used, signed or remembered once
is not taken for something new when it is spelled another way. Python's own reader skips letters
that are none of the alphabet, takes those of the other one, and ignores what is left of the last.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode


def encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def decode(text: str) -> bytes:
    """Read what `encode` writes. ValueError where it is anything else."""
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if encode(raw) == text:
            return raw
    except ValueError:
        pass
    raise ValueError("must be base64url, without padding")
