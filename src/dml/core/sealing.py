"""Sealed files: everybody may seal, only a scorer may open (HPKE, RFC 9180, base mode).

The API holds the public half and so cannot read what it was given a moment ago; workers hold the
private one. Both are files, made at the first start where there are none. From whom what is sealed:
docs/decisions/0012.
"""

from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from dml.core.files import write_secret_once

_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class NotSealedForUs(Exception):
    """It was sealed under another key or for another purpose, or it was changed since."""


class Seal:
    """The public half: what can seal."""

    def __init__(self, key: X25519PublicKey) -> None:
        self._key = key

    @classmethod
    def load(cls, path: Path) -> "Seal":
        """Read the public key beside the private one at `path`, and make both where they lack."""
        if not _public(path).exists():
            Opener.load(path)
        return cls(X25519PublicKey.from_public_bytes(bytes.fromhex(_public(path).read_text())))

    def seal(self, content: bytes, purpose: str) -> bytes:
        """Return what only the private half opens, and only for this purpose: `test-set:<id>`."""
        return _SUITE.encrypt(content, self._key, purpose.encode())


class Opener(Seal):
    """The private half: what can open."""

    def __init__(self, key: X25519PrivateKey) -> None:
        super().__init__(key.public_key())
        self._private = key

    @classmethod
    def load(cls, path: Path) -> "Opener":
        """Read the key file, or make it, readable by its owner alone, where there is none."""
        if not path.exists():
            made = X25519PrivateKey.generate()
            write_secret_once(path, made.private_bytes_raw().hex())
        key = X25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text()))
        if not _public(path).exists():
            write_secret_once(_public(path), key.public_key().public_bytes_raw().hex())
        return cls(key)

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """Return what was sealed for this purpose, or raise NotSealedForUs."""
        try:
            return _SUITE.decrypt(sealed, self._private, purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise NotSealedForUs(purpose) from error


def _public(path: Path) -> Path:
    return path.with_name(f"{path.name}.public")
