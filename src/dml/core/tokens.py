"""Signed tokens: short-lived JWTs (RFC 7519) under Ed25519 keys that rotate.

The first private key of the set signs; every key of it verifies, so that a new key is put in
front and an old one removed when its last token has expired.
"""

import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization, OKPKey

from dml.core.files import write_secret_once

ALGORITHM: Final = "Ed25519"
TOKEN_MAX: Final = 4_096  # Characters; ours have about 400.
KNOWN_MAX: Final = 4_096  # Tokens, about 4 MiB of them.


class BadToken(Exception):
    """No token of ours, not for this audience, or no longer good."""


class Keys:
    def __init__(self, jwks: KeySetSerialization) -> None:
        """Take a private JWK set, newest key first. ValueError where it is none."""
        self._keys = KeySet.import_key_set(jwks)  # It checks what it is given.
        if not self._keys.keys or not all(isinstance(it, OKPKey) for it in self._keys.keys):
            raise ValueError("the keys file must hold Ed25519 keys")
        self._signing = self._keys.keys[0]
        # To check a signature takes 0.2 ms, and a token comes again and again until it expires.
        # What it says is looked at each time. A refusal is not remembered.
        self._read = lru_cache(KNOWN_MAX)(self._read_signed)

    @classmethod
    def load(cls, path: Path) -> "Keys":
        """Read the keys file, or make it, readable by its owner alone, where there is none."""
        if not path.exists():
            key = OKPKey.generate_key("Ed25519", private=True, auto_kid=True)
            write_secret_once(path, json.dumps({"keys": [key.as_dict(private=True)]}))
        return cls(json.loads(path.read_text()))

    def public(self) -> dict[str, Any]:
        """What `/.well-known/jwks.json` shows."""
        return {"keys": [it.as_dict(private=False) for it in self._keys.keys]}

    def sign(self, *, audience: str, now: datetime, seconds: int, **claims: str) -> str:
        """Return a token for `audience` that is good for `seconds`."""
        expires = now + timedelta(seconds=seconds)
        payload = {
            "aud": audience,
            "iat": int(now.timestamp()),
            "exp": int(expires.timestamp()),
            **claims,
        }
        header = {"alg": ALGORITHM, "kid": self._signing.kid}
        return jwt.encode(header, payload, self._signing, algorithms=[ALGORITHM])

    def mac(self, purpose: str, said: bytes) -> bytes:
        """Return 32 bytes that prove that we said this, for this purpose."""
        return _mac(self._signing, purpose, said)

    def is_mac(self, mac: bytes, purpose: str, said: bytes) -> bool:
        """Tell whether we said this, by any of the keys; of 16 bytes at least of its proof."""
        if len(mac) < 16:
            return False
        made = (_mac(it, purpose, said)[: len(mac)] for it in self._keys.keys)
        return any(hmac.compare_digest(mac, it) for it in made)

    def verify(self, token: str, *, audience: str, now: datetime) -> Mapping[str, Any]:
        """Return the claims of a token of ours that is good at `now`, or raise BadToken."""
        if len(token) > TOKEN_MAX:
            raise BadToken
        claims = self._read(token)
        try:
            good = claims["aud"] == audience and now.timestamp() < claims["exp"]
        except (KeyError, TypeError) as error:
            raise BadToken from error
        if not good:
            raise BadToken
        return claims

    def _read_signed(self, token: str) -> Mapping[str, Any]:
        try:
            return jwt.decode(token, self._keys, algorithms=[ALGORITHM]).claims
        except (JoseError, KeyError, TypeError, ValueError) as error:
            raise BadToken from error


def _mac(key: Any, purpose: str, said: bytes) -> bytes:
    secret: str = key.as_dict(private=True)["d"]
    derived = hmac.digest(secret.encode(), b"dml mac " + purpose.encode(), "sha256")
    return hmac.digest(derived, said, "sha256")
