"""What encrypts a backup: a key made of a passphrase, and streams that only open unchanged.

A stream is libsodium's secretstream (XChaCha20-Poly1305): pieces of a MiB, each bound to its place,
the last of them marked as the last. One that is cut off, altered, or put in another's place does
not open. The name of what it holds is part of what is authenticated.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator
from typing import Final, Self

from nacl import pwhash
from nacl.bindings import (
    crypto_secretstream_xchacha20poly1305_ABYTES as ADDED_BYTES,
    crypto_secretstream_xchacha20poly1305_HEADERBYTES as HEADER_BYTES,
    crypto_secretstream_xchacha20poly1305_init_pull as begin_opening,
    crypto_secretstream_xchacha20poly1305_init_push as begin_sealing,
    crypto_secretstream_xchacha20poly1305_pull as open_piece,
    crypto_secretstream_xchacha20poly1305_push as seal_piece,
    crypto_secretstream_xchacha20poly1305_state as StreamState,
    crypto_secretstream_xchacha20poly1305_TAG_FINAL as LAST,
    crypto_secretstream_xchacha20poly1305_TAG_MESSAGE as NOT_LAST,
)
from nacl.exceptions import CryptoError

from dml.refused import Refused

PIECE_BYTES: Final = 1024 * 1024
SEALED_BYTES: Final = PIECE_BYTES + ADDED_BYTES
OPERATIONS: Final = 3
MEMORY_BYTES: Final = 256 * 1024 * 1024
MEMORY_BYTES_MAX: Final = 1024 * 1024 * 1024  # A file that asks for more is none of ours.
OPERATIONS_MAX: Final = 16
FORMAT: Final = 1


class WrongKey(Refused):
    """The passphrase is not the one of this place."""


class Damaged(Refused):
    """What was read is not what was written."""


class BackupKey:
    """The key of a place: it seals and opens streams, and signs."""

    def __init__(self, secret: bytes) -> None:
        self._streams = _derived(secret, b"streams")
        self._names = _derived(secret, b"names")
        self._signing = _derived(secret, b"signing")

    @classmethod
    def make(
        cls, passphrase: str, *, operations: int = OPERATIONS, memory_bytes: int = MEMORY_BYTES
    ) -> tuple[Self, bytes]:
        """Make the key of a new place. Return it, and what the place has to keep of it."""
        salt = secrets.token_bytes(pwhash.argon2id.SALTBYTES)
        key = cls(_stretched(passphrase, salt, operations, memory_bytes))
        kept = {
            "format": FORMAT,
            "derivation": "argon2id",
            "salt": salt.hex(),
            "operations": operations,
            "memory_bytes": memory_bytes,
            "check": key.sign(b"check"),
        }
        return key, json.dumps(kept, indent=1).encode()

    @classmethod
    def load(cls, passphrase: str, kept: bytes, *, of: str) -> Self:
        """Make the key of a place again, or refuse the passphrase."""
        try:
            said = json.loads(kept)
            salt, check = bytes.fromhex(said["salt"]), str(said["check"])
            operations, memory = int(said["operations"]), int(said["memory_bytes"])
            known = said["format"] == FORMAT and said["derivation"] == "argon2id"
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(f"the key.json of {of} is damaged: put back a copy of it") from error
        if not known:
            raise Refused(f"the key.json of {of} was written by a newer release: install that")
        if not (1 <= operations <= OPERATIONS_MAX and 8192 <= memory <= MEMORY_BYTES_MAX):
            raise Damaged(f"the key.json of {of} is damaged: put back a copy of it")
        key = cls(_stretched(passphrase, salt, operations, memory))
        if not hmac.compare_digest(check, key.sign(b"check")):
            raise WrongKey(
                f"DML_BACKUP_KEY is not the key of {of}: set the one that its backups were made "
                "with, or choose another place for a new key"
            )
        return key

    def sign(self, content: bytes) -> str:
        """What only a holder of the key can say of these bytes."""
        return hashlib.blake2b(content, key=self._signing, digest_size=32).hexdigest()

    def name(self, sha256: str) -> str:
        """The name of an uploaded file, from which nobody without the key learns which it is."""
        return hashlib.blake2b(sha256.encode(), key=self._names, digest_size=32).hexdigest()

    async def seal(self, content: AsyncIterator[bytes], what: str) -> AsyncIterator[bytes]:
        """Encrypt a stream, which `open` opens only under the same name."""
        state, rest, bound = StreamState(), bytearray(), what.encode()
        yield begin_sealing(state, self._streams)
        async for chunk in content:
            rest += chunk
            while len(rest) > PIECE_BYTES:
                yield seal_piece(state, bytes(rest[:PIECE_BYTES]), bound, NOT_LAST)
                del rest[:PIECE_BYTES]
        yield seal_piece(state, bytes(rest), bound, LAST)

    async def open(self, sealed: AsyncIterator[bytes], what: str) -> AsyncIterator[bytes]:
        """Decrypt a stream. Damaged as soon as it is not what was sealed under this name.

        Only when this has come to its end was it all of it.
        """
        state, rest, bound = StreamState(), bytearray(), what.encode()
        has_begun, is_over = False, False
        async for chunk in sealed:
            rest += chunk
            if not has_begun and len(rest) >= HEADER_BYTES:
                begin_opening(state, bytes(rest[:HEADER_BYTES]), self._streams)
                del rest[:HEADER_BYTES]
                has_begun = True
            while has_begun and len(rest) > SEALED_BYTES:
                piece, is_over = _opened(state, bytes(rest[:SEALED_BYTES]), bound, what)
                if is_over:
                    raise Damaged(f"{what} goes on after its end")
                yield piece
                del rest[:SEALED_BYTES]
        if not has_begun or len(rest) < ADDED_BYTES:
            raise Damaged(f"{what} is cut off")
        piece, is_over = _opened(state, bytes(rest), bound, what)
        if not is_over:
            raise Damaged(f"{what} is cut off")
        yield piece


def sealed_size(size: int) -> int:
    """How many bytes a stream of so many bytes takes once it is sealed."""
    pieces = max(1, -(-size // PIECE_BYTES))
    return HEADER_BYTES + size + pieces * ADDED_BYTES


def _opened(state: StreamState, piece: bytes, bound: bytes, what: str) -> tuple[bytes, bool]:
    try:
        content, tag = open_piece(state, piece, bound)
    except CryptoError as error:
        raise Damaged(f"{what} was altered, or is cut off") from error
    return content, tag == LAST


def _stretched(passphrase: str, salt: bytes, operations: int, memory_bytes: int) -> bytes:
    return pwhash.argon2id.kdf(
        32, passphrase.encode(), salt, opslimit=operations, memlimit=memory_bytes
    )


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return hashlib.blake2b(key=secret, person=purpose, digest_size=32).digest()
