"""Signed tokens: short-lived JWTs (RFC 7519) under Ed25519 keys that rotate (docs/decisions/0047).

The keys file is a private JWK set (RFC 7517), newest first. A key may say from when on it signs,
and until when it verifies (`core/key_file.py`): so a new one is known everywhere before it signs,
and an old one goes when its last token has expired. Each process looks every few seconds
whether the file has changed.
"""

import hmac
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization, OKPKey

from dml.core.files import write_secret_once
from dml.core.key_file import SIGNS_FROM, VERIFIES_UNTIL, new_key

log = logging.getLogger(__name__)

ALGORITHM: Final = "Ed25519"
ISSUER: Final = "dml"  # Where no other is set.
TOKEN_TYPE: Final = "JWT"
TOKEN_MAX: Final = 4_096  # Characters; ours have about 400.
KNOWN_MAX: Final = 4_096  # Tokens, about 4 MiB of them.
LOOK_SECONDS: Final = 5.0
AHEAD_SECONDS: Final = 60  # By so much another machine's clock may be ahead of ours.


class BadToken(Exception):
    """No token of ours, not for this audience, or no longer good."""


@dataclass(frozen=True, slots=True)
class _Key:
    key: OKPKey
    signs_from: float  # Unix seconds, as is the other.
    verifies_until: float


class Keys:
    def __init__(
        self, jwks: KeySetSerialization, *, issuer: str = ISSUER, file: Path | None = None
    ) -> None:
        """Take a private JWK set, newest key first. ValueError where it is none."""
        self._issuer, self._file = issuer, file
        self._seen, self._look_at = _version(file), time.monotonic() + LOOK_SECONDS
        self._generation = 0
        self._take(jwks)

    @classmethod
    def load(cls, path: Path, *, issuer: str = ISSUER) -> "Keys":
        """Read the keys file, or make it, readable by its owner alone, where there is none."""
        if not path.exists():
            write_secret_once(path, json.dumps({"keys": [new_key()]}))
        return cls(json.loads(path.read_text()), issuer=issuer, file=path)

    @property
    def issuer(self) -> str:
        return self._issuer

    @property
    def generation(self) -> int:
        """Another number whenever the keys have changed, for who remembers what they verified."""
        self._look()
        return self._generation

    def public(self, now: datetime) -> dict[str, Any]:
        """What `/.well-known/jwks.json` shows: each key that verifies, or will."""
        self._look()
        shown = [it.key for it in self._keys if now.timestamp() < it.verifies_until]
        return {"keys": [it.as_dict(private=False) for it in shown]}

    def sign(self, *, audience: str, now: datetime, seconds: int, **claims: str) -> str:
        """Return a token for `audience` that is good for `seconds`."""
        expires = now + timedelta(seconds=seconds)
        payload = {
            "iss": self._issuer,
            "aud": audience,
            "iat": int(now.timestamp()),
            "exp": int(expires.timestamp()),
            **claims,
        }
        key = self._signing(now.timestamp())
        return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, payload, key, algorithms=[ALGORITHM])

    def sign_document(self, said: bytes, *, kind: str, now: datetime) -> str:
        """Return a JWS (RFC 7515) of a document of this `kind`, its `typ`, which no token has."""
        assert kind != TOKEN_TYPE, "whoever reads tokens would take it for one"
        key = self._signing(now.timestamp())
        header = {"alg": ALGORITHM, "kid": key.kid, "typ": kind}
        return jws.serialize_compact(header, said, key, [ALGORITHM])

    def mac(self, purpose: str, said: bytes) -> bytes:
        """Return 32 bytes that prove that we said this, for this purpose."""
        return _mac(self._signing(time.time()), purpose, said)

    def is_mac(self, mac: bytes, purpose: str, said: bytes) -> bool:
        """Tell whether we said this, by any of the keys; of 16 bytes at least of its proof."""
        if len(mac) < 16:
            return False
        self._look()
        now = time.time()
        keys = [it.key for it in self._keys if now < it.verifies_until]
        return any(hmac.compare_digest(mac, _mac(it, purpose, said)[: len(mac)]) for it in keys)

    def verify(self, token: str, *, audience: str, now: datetime) -> Mapping[str, Any]:
        """Return the claims of a token of ours that is good at `now`, or raise BadToken."""
        if len(token) > TOKEN_MAX:
            raise BadToken
        self._look()
        claims, verifies_until = self._read(token)
        moment = now.timestamp()
        try:
            good = (
                claims["iss"] == self._issuer
                and claims["aud"] == audience
                and claims["iat"] <= moment + AHEAD_SECONDS
                and moment < claims["exp"]
                and moment < verifies_until
            )
        except (KeyError, TypeError) as error:
            raise BadToken from error
        if not good:
            raise BadToken
        return claims

    def _signing(self, now: float) -> OKPKey:
        """The newest key whose time has come."""
        self._look()
        return next((it.key for it in self._keys if it.signs_from <= now), self._keys[-1].key)

    def _take(self, jwks: KeySetSerialization) -> None:
        self._keys = _read_keys(jwks)
        until = {it.key.kid: it.verifies_until for it in self._keys}
        known = KeySet([it.key for it in self._keys])

        def read(token: str) -> tuple[Mapping[str, Any], float]:
            try:
                found = jwt.decode(token, known, algorithms=[ALGORITHM])
                if found.header["typ"] != TOKEN_TYPE:  # A document of ours, and no token.
                    raise BadToken
                return found.claims, until[found.header["kid"]]
            except (JoseError, KeyError, TypeError, ValueError) as error:
                raise BadToken from error

        # To check a signature takes 0.2 ms, and a token comes again and again until it expires.
        # What it says is looked at each time. A refusal is not remembered.
        self._read = lru_cache(KNOWN_MAX)(read)
        self._generation += 1

    def _look(self) -> None:
        """Read the file again where it has changed. One that can't be read changes nothing."""
        if self._file is None or time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_SECONDS
        version = _version(self._file)
        if version in (None, self._seen):
            return
        try:
            self._take(json.loads(self._file.read_text()))
            self._seen = version
        except (OSError, ValueError, JoseError) as error:
            log.error("%s can't be read, so the keys stay as they were: %s", self._file, error)


def _read_keys(jwks: KeySetSerialization) -> Sequence[_Key]:
    """Return the keys in their order. Whoever puts two of one `kid` there means the first."""
    plain = [
        {name: it for name, it in written.items() if name not in (SIGNS_FROM, VERIFIES_UNTIL)}
        for written in jwks["keys"]
    ]
    keys = KeySet.import_key_set({"keys": plain}).keys  # It checks what it is given.
    if len(keys) != len(plain) or not all(isinstance(it, OKPKey) for it in keys):
        raise ValueError("the keys file must hold Ed25519 keys")
    told = [cast(Mapping[str, Any], it) for it in jwks["keys"]]
    return [
        _Key(
            cast(OKPKey, key),
            float(it.get(SIGNS_FROM, "-inf")),
            float(it.get(VERIFIES_UNTIL, "inf")),
        )
        for key, it in zip(keys, told, strict=True)
    ]


def _version(file: Path | None) -> tuple[int, int] | None:
    """What tells one state of a file from another; None where there is none."""
    try:
        facts = file.stat() if file else None
    except OSError:
        return None
    return facts and (facts.st_mtime_ns, facts.st_ino)


def _mac(key: Any, purpose: str, said: bytes) -> bytes:
    secret: str = key.as_dict(private=True)["d"]
    derived = hmac.digest(secret.encode(), b"dml mac " + purpose.encode(), "sha256")
    return hmac.digest(derived, said, "sha256")
