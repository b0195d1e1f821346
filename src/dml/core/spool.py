"""Where a secret file waits until it has come whole: on disk, under a key that only we have.

Who sends slowly holds a file of the system and a piece in memory, so a thousand of them keep nobody
waiting. The key is drawn for one file and is in this process's memory alone, and the file has no
name: what is on disk is noise to everybody, and gone with the process, whatever kills it.
"""

import asyncio
import tempfile
from typing import BinaryIO, Final, Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PIECE_BYTES: Final = 256 * 1024
_TAG_BYTES: Final = 16


class Spool:
    """One file that is written from its start to its end, and then read once."""

    def __init__(self) -> None:
        self._cipher = AESGCM(AESGCM.generate_key(256))
        self._file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._piece = bytearray()
        self._sizes: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    async def write(self, chunk: bytes) -> None:
        """Add to the end."""
        self._piece += chunk
        if len(self._piece) >= PIECE_BYTES:
            await asyncio.to_thread(self._put_down)

    def read(self) -> bytes:
        """Return the whole. Blocking, and of as much memory as it has bytes."""
        self._put_down()
        self._file.seek(0)
        whole = bytearray()
        for number, size in enumerate(self._sizes):
            whole += self._cipher.decrypt(_nonce(number), self._file.read(size + _TAG_BYTES), None)
        return bytes(whole)

    def _put_down(self) -> None:
        """Write the piece. Its number is its nonce: the key is for this file alone."""
        if not self._piece:
            return
        sealed = self._cipher.encrypt(_nonce(len(self._sizes)), bytes(self._piece), None)
        self._file.write(sealed)
        self._sizes.append(len(self._piece))
        self._piece.clear()


def _nonce(number: int) -> bytes:
    return number.to_bytes(12)
