"""Secrets and codes: how they are made, and how one is recognised. No database."""

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from dml.accounts.factors import rules
from dml.core.deferred import deferred
from dml.core.ids import UserId
from dml.core.sealing import Opener, Seal

if TYPE_CHECKING:
    import pyotp
else:
    pyotp = deferred("pyotp")

DIGITS: Final = 6
_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no i, l, o or u.
_READ_AS: Final = str.maketrans({"i": "1", "l": "1", "o": "0", "-": None, " ": None})
_GROUPS, _GROUP = 4, 6  # 120 bits: enough that a digest alone is kept (NIST SP 800-63B, 3.1.2.2).


def purpose_of(user_id: UserId) -> str:
    """Say what a secret is sealed for."""
    return f"totp:{user_id}"


def new_secret() -> str:
    """Return a new secret: 160 bits in base32, as RFC 4226 recommends."""
    return pyotp.random_base32()


def uri(secret: str, *, account: str, issuer: str) -> str:
    """Return what authenticator apps read, mostly as a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def issuer_of(base: str) -> str:
    """Return what an app calls this marketplace, which is reached at that URL."""
    return f"DML Marketplace ({urlsplit(base).hostname})"


def seal(key: Seal, user_id: UserId, secret: str) -> bytes:
    return key.seal(secret.encode(), purpose_of(user_id))


def open_secret(key: Opener, user_id: UserId, sealed: bytes) -> str:
    """Return a secret. NotSealedForUs where it was sealed under another key."""
    return key.open(sealed, purpose_of(user_id)).decode()


def find_step(secret: str, typed: str, now: datetime) -> int | None:
    """Return the step whose code was typed, of those that count or are over; else None."""
    code = "".join(typed.split())
    if len(code) != DIGITS or not (code.isascii() and code.isdigit()):
        return None
    totp = pyotp.TOTP(secret)
    for step in rules.steps_looked_at(now):
        if hmac.compare_digest(totp.generate_otp(step), code):
            return step
    return None


def new_recovery_codes() -> list[str]:
    """Return new recovery codes, as they are shown."""

    def group() -> str:
        return "".join(secrets.choice(_LETTERS) for _ in range(_GROUP))

    return ["-".join(group() for _ in range(_GROUPS)) for _ in range(rules.RECOVERY_CODES)]


def digest_of(user_id: UserId, recovery_code: str) -> bytes:
    """Return what is kept of a recovery code, however it was typed."""
    plain = recovery_code.lower().translate(_READ_AS)
    return hashlib.sha256(f"{user_id}:{plain}".encode()).digest()
