"""What is sealed opens whole, or not at all: whatever was done to it."""

from collections.abc import AsyncIterator, Iterator

import pytest
from nacl.bindings import crypto_secretstream_xchacha20poly1305_HEADERBYTES as HEADER_BYTES

from dml.entrypoints.backup.key import (
    PIECE_BYTES,
    SEALED_BYTES,
    BackupKey,
    Damaged,
    WrongKey,
    sealed_size,
)
from dml.refused import Refused

KEY = BackupKey(b"k" * 32)
SIZES = [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES]


async def chunks(content: bytes, size: int = 300_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def sealed(content: bytes, what: str = "it") -> bytes:
    return b"".join([it async for it in KEY.seal(chunks(content), what)])


async def opened(
    content: bytes, what: str = "it", *, key: BackupKey = KEY, size: int = 99_999
) -> bytes:
    return b"".join([it async for it in key.open(chunks(content, size), what)])


def pattern(size: int) -> bytes:
    return bytes(range(251)) * (size // 251 + 1)


@pytest.mark.parametrize("size", SIZES)
async def test_what_was_sealed_opens_to_the_same(size: int) -> None:
    content = pattern(size)[:size]
    noise = await sealed(content)
    assert len(noise) == sealed_size(size)
    assert await opened(noise) == content
    assert await opened(noise, size=len(noise)) == content


def wrongs(noise: bytes) -> Iterator[bytes]:
    """Three pieces, cut off, altered, and put in another order."""
    header, body = noise[:HEADER_BYTES], noise[HEADER_BYTES:]
    first, second, last = body[:SEALED_BYTES], body[SEALED_BYTES : 2 * SEALED_BYTES], body[-100:]
    for at in (0, 10, HEADER_BYTES, HEADER_BYTES + 5, len(noise) - 1):
        yield noise[:at]
    yield header + first
    yield header + first + second
    yield header + second + first + body[2 * SEALED_BYTES :]
    yield header + first + body[2 * SEALED_BYTES :]
    yield noise + b"x"
    yield noise + last
    for at in (0, HEADER_BYTES + 1, SEALED_BYTES + HEADER_BYTES, len(noise) - 1):
        yield noise[:at] + bytes([noise[at] ^ 1]) + noise[at + 1 :]


async def test_whatever_is_done_to_it_is_noticed() -> None:
    noise = await sealed(pattern(2 * PIECE_BYTES + 500)[: 2 * PIECE_BYTES + 500])
    tried = 0
    for wrong in wrongs(noise):
        with pytest.raises(Damaged):
            await opened(wrong)
        tried += 1
    assert tried == 15
    with pytest.raises(Damaged):
        await opened(noise, "another")
    with pytest.raises(Damaged):
        await opened(noise, key=BackupKey(b"K" * 32))


async def test_a_place_knows_its_passphrase_and_no_other() -> None:
    key, kept = BackupKey.make("a passphrase of ours", operations=1, memory_bytes=8192)
    again = BackupKey.load("a passphrase of ours", kept, of="here")
    assert again.name("ab") == key.name("ab") != KEY.name("ab")
    assert again.sign(b"x") == key.sign(b"x")
    with pytest.raises(WrongKey, match="is not the key of here"):
        BackupKey.load("a passphrase of others", kept, of="here")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"format": 1', '"format": 2'),
        ('"memory_bytes": 8192', '"memory_bytes": 8192000000000'),
        ('"operations": 1', '"operations": 0'),
        ('"salt": "', '"salt": "zz'),
        ("{", "["),
    ],
)
def test_a_key_file_that_is_none_is_refused(before: str, after: str) -> None:
    _, kept = BackupKey.make("a passphrase of ours", operations=1, memory_bytes=8192)
    with pytest.raises(Refused, match=r"key\.json of here"):
        BackupKey.load(
            "a passphrase of ours", kept.replace(before.encode(), after.encode()), of="here"
        )
