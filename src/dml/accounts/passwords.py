"""Passwords: hashed by argon2id, off the event loop, a few at a time.

A hash takes 64 MiB and tens of milliseconds by design, so a flood of sign-ins waits here and
neither starves the loop nor the memory. Never call these inside a transaction: whoever waits
would hold a connection.
"""

import asyncio
from functools import cache
from typing import Final

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

LENGTH_MIN: Final = 8
LENGTH_MAX: Final = 256

_hasher: Final = PasswordHash([Argon2Hasher()])
_places: asyncio.Semaphore | None = None


def allow_at_once(count: int) -> None:
    """Set how many passwords are hashed at the same time. Called once, by an entrypoint."""
    global _places
    _places = asyncio.Semaphore(count)


async def hash_password(password: str) -> str:
    async with _place():
        return await asyncio.to_thread(_hasher.hash, password)


async def is_right(password: str, password_hash: str | None) -> bool:
    """Tell whether the password is right. No account (None) takes as long as a wrong password."""
    async with _place():
        right = await asyncio.to_thread(_hasher.verify, password, password_hash or _nobodys_hash())
    return right and password_hash is not None


def _place() -> asyncio.Semaphore:
    global _places
    if _places is None:
        _places = asyncio.Semaphore(2)
    return _places


@cache
def _nobodys_hash() -> str:
    return _hasher.hash("nobody has this password")
