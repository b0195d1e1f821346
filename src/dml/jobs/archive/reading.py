"""Reading what was archived, without Arrow: the one body that a device's owner asks for.

A page of bodies is what Parquet calls a data page of version 1 with plain values: a header, then
one piece of gzip, in which each body comes after its length. What is found has the hash that the
database keeps, so that nobody is shown what did not leave their device. Arrow would cost every API
process 40 MB (docs/decisions/0010).
"""

import asyncio
import hashlib
import logging
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from dml.core.blobs import Blobs
from dml.jobs.queries import Kept, Work
from dml.jobs.rules import ArchiveUnreadable

log = logging.getLogger(__name__)
FIRST_CHAIN: Final = "00" * 32  # What comes before the first.
ARCHIVER_LOCK: Final = 7_331  # Of PostgreSQL: who archives holds it, so that one does at a time.
_GZIP: Final = (
    b"\x1f\x8b\x08"  # No header of a page holds these: see RFC 1952 and Thrift's compact.
)
_LENGTH_BYTES: Final = 4


def chained(before: str, sha256: str) -> str:
    """The hash that stands for a file and all that were written before it for the same job."""
    return hashlib.sha256(bytes.fromhex(before) + bytes.fromhex(sha256)).hexdigest()


def bodies(page: bytes) -> Iterator[bytes]:
    """Read a page as it lies in the file."""
    try:
        values = zlib.decompress(page[page.index(_GZIP) :], wbits=zlib.MAX_WBITS | 16)
    except (ValueError, zlib.error) as error:
        raise ArchiveUnreadable(problem="a page is no gzip") from error
    at = _LENGTH_BYTES + int.from_bytes(values[:_LENGTH_BYTES], "little")  # Who has a body.
    while at < len(values):
        end = at + _LENGTH_BYTES + int.from_bytes(values[at : at + _LENGTH_BYTES], "little")
        yield values[at + _LENGTH_BYTES : end]
        at = end


def find_body(page: bytes, sha256: bytes) -> bytes:
    """Return the body with this hash; ArchiveUnreadable where the page has none."""
    for body in bodies(page):
        if hashlib.sha256(body).digest() == sha256:
            return body
    raise ArchiveUnreadable(problem="a page does not hold a body that it should")


async def read_bodies(blobs: Blobs, works: Sequence[Work]) -> list[Work]:
    """Fill in the bodies that were archived, or refuse. O(bytes of a page) for each."""
    return await asyncio.gather(*(_fill_in(blobs, work) for work in works))


async def _fill_in(blobs: Blobs, work: Work) -> Work:
    return work if work.kept is None else replace(work, body=await _read(blobs, work.kept))


async def _read(blobs: Blobs, kept: Kept) -> bytes:
    try:
        page = await blobs.get_range(kept.file_sha256, kept.start, kept.end)
        return await asyncio.to_thread(find_body, page, kept.sha256)
    except FileNotFoundError as error:
        log.error("the archive %s is not in the blob store", kept.file_sha256)
        raise ArchiveUnreadable(problem="a file is not in the blob store") from error
    except ArchiveUnreadable:
        log.error("the archive %s was damaged", kept.file_sha256)
        raise
