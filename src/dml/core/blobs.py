"""Where uploaded files are kept: in a local folder, or in a bucket of S3 or of what speaks as it.

A blob is stored under its SHA-256, so that it never changes and the same file is kept once.
"""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from uuid import uuid4

from obstore.store import LocalStore, ObjectStore, S3Store

from dml.core.quarantine import (
    LISTED_AT_ONCE,
    PART_BYTES,
    PART_BYTES_HERE,
    PARTS_AT_ONCE,
    Quarantine,
)

if TYPE_CHECKING:
    from obstore import GetOptions  # Which are there for type checkers alone.
    from obstore.store import ClientConfig, S3Config

# A whole answer may take as long as its reader does, who may be at the end of a slow line.
WHOLE_SECONDS: Final = 6 * 3_600
READ_SECONDS: Final = 30
RETRIES: Final = 3  # Who waits for us has less patience than the client's own ten.


class BlobTooLarge(Exception):
    """The stream went on beyond the limit. Nothing was kept."""


class Stored:
    def __init__(self, sha256: str, size: int) -> None:
        self.sha256 = sha256
        self.size = size


class Incoming(Stored):
    """A file that came in whole, under a name of its own: nobody else can need it yet."""

    def __init__(self, sha256: str, size: int, path: str) -> None:
        super().__init__(sha256, size)
        self.path = path


class Blobs:
    def __init__(self, store: ObjectStore, *, folder: Path | None = None) -> None:
        self._store = store
        self._folder = folder  # Where the store is one of this machine.
        self.quarantine = Quarantine(store, folder=folder)

    @classmethod
    def in_folder(cls, folder: Path) -> "Blobs":
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(LocalStore(str(folder)), folder=folder)

    @classmethod
    def in_bucket(cls, url: str, *, region: str | None, endpoint: str | None) -> "Blobs":
        """Return those in `s3://bucket/prefix`.

        Who we are there, the environment says as for every program of AWS (AWS_ACCESS_KEY_ID …),
        or the machine's role does.
        """
        parts, config = urlsplit(url), _config(region, endpoint)
        options: ClientConfig = {
            "allow_http": (endpoint or "").startswith("http://"),
            "timeout": timedelta(seconds=WHOLE_SECONDS),
            "read_timeout": timedelta(seconds=READ_SECONDS),
        }
        store = S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            config=config,
            client_options=options,
            retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=READ_SECONDS)},
        )
        return cls(store)

    async def put(self, stream: AsyncIterator[bytes], *, limit: int) -> Stored:
        """Keep what `stream` yields, in constant memory; BlobTooLarge beyond `limit` bytes."""
        incoming = await self.take_in(stream, limit=limit)
        await self.publish(incoming)
        return incoming

    async def take_in(self, stream: AsyncIterator[bytes], *, limit: int) -> Incoming:
        """As `put`, but it is not among the blobs until `publish`."""
        incoming, digest, size = f"incoming/{uuid4().hex}", hashlib.sha256(), 0

        async def measured() -> AsyncIterator[bytes]:
            nonlocal size
            async for chunk in stream:
                size += len(chunk)
                if size > limit:
                    raise BlobTooLarge
                digest.update(chunk)
                yield chunk

        # An aborted upload leaves nothing: obstore publishes the object when the stream ends.
        await self._store.put_async(
            incoming,
            measured(),
            chunk_size=PART_BYTES if self._folder is None else PART_BYTES_HERE,
            max_concurrency=PARTS_AT_ONCE,
            use_multipart=True,
        )
        return Incoming(digest.hexdigest(), size, incoming)

    async def publish(self, incoming: Incoming) -> None:
        """Keep a file that came in, from now on under its hash."""
        await self._store.rename_async(incoming.path, _path(incoming.sha256))

    @asynccontextmanager
    async def unless_kept(self, incoming: Incoming) -> AsyncIterator[None]:
        """Delete a file that came in at the end of the block, unless that published it."""
        try:
            yield
        finally:
            with contextlib.suppress(FileNotFoundError):
                await self._store.delete_async(incoming.path)

    async def get_incoming(self, incoming: Incoming) -> bytes:
        """Return all of a file that came in and is not among the blobs."""
        result = await self._store.get_async(incoming.path)
        return bytes(await result.bytes_async())

    async def keep(self, content: bytes) -> Stored:
        """Keep these bytes. They outlive a loss of power, too, once this returns."""
        sha256 = hashlib.sha256(content).hexdigest()
        await self._store.put_async(_path(sha256), content)
        if self._folder is not None:
            await asyncio.to_thread(_write_through, self._folder, _path(sha256))
        return Stored(sha256, len(content))

    async def get(self, sha256: str) -> bytes:
        """Return the whole blob. FileNotFoundError where there is none."""
        result = await self._store.get_async(_path(sha256))
        return bytes(await result.bytes_async())

    async def view(self, sha256: str) -> memoryview:
        """Return the whole blob as the store gave it, and no copy of that: for large ones."""
        result = await self._store.get_async(_path(sha256))
        return memoryview(await result.bytes_async())

    async def get_range(self, sha256: str, start: int, end: int) -> bytes:
        """Return the bytes from `start` to before `end`. FileNotFoundError as in `get`."""
        return bytes(await self._store.get_range_async(_path(sha256), start=start, end=end))

    async def get_size(self, sha256: str) -> int:
        """Return how many bytes a blob has. FileNotFoundError where there is none."""
        return int((await self._store.head_async(_path(sha256)))["size"])

    async def has(self, sha256: str) -> bool:
        """Whether a blob is there, or was put aside and may yet be put back."""
        for path in (_path(sha256), _condemned(sha256), _path(sha256)):  # It may move meanwhile.
            with contextlib.suppress(FileNotFoundError):
                await self._store.head_async(path)
                return True
        return False

    async def stream(
        self, sha256: str, part: tuple[int, int] | None = None
    ) -> AsyncIterator[bytes]:
        """Begin to read a blob, or a part of it, from a byte to before another.

        FileNotFoundError where there is none.
        """
        options: GetOptions = {} if part is None else {"range": part}
        result = await self._store.get_async(_path(sha256), options=options)

        async def chunks() -> AsyncIterator[bytes]:
            async for chunk in result.stream(min_chunk_size=256 * 1024):
                yield bytes(chunk)

        return chunks()

    async def list_old(self, before: datetime) -> AsyncIterator[list[str]]:
        """Yield the blobs that were kept before a moment, some at a time."""
        async for some in self._store.list("sha256/", chunk_size=LISTED_AT_ONCE):
            yield [_name(it["path"]) for it in some if it["last_modified"] < before]

    async def list_condemned(self) -> list[str]:
        """Return what `condemn` put aside and nobody has decided about."""
        listed = self._store.list("condemned/", chunk_size=LISTED_AT_ONCE)
        return [_name(it["path"]) async for some in listed for it in some]

    async def condemn(self, sha256: str, before: datetime) -> bool:
        """Put a blob aside. False, and nothing is done, if it was kept again since `before`.

        To move it is one act in a folder: whoever keeps the same content afterwards makes a new
        blob, and whoever did so a moment before is seen by its age, and it is put back. A bucket
        copies and deletes, and the copy is young: there its age is asked first.
        """
        if self._folder is None:
            return await self._condemn_in_bucket(sha256, before)
        try:
            await self._store.rename_async(_path(sha256), _condemned(sha256))
            aside = await self._store.head_async(_condemned(sha256))
        except FileNotFoundError:  # Somebody else was first.
            return False
        if aside["last_modified"] < before:
            return True
        await self.restore(sha256)
        return False

    async def _condemn_in_bucket(self, sha256: str, before: datetime) -> bool:
        with contextlib.suppress(FileNotFoundError):
            if (await self._store.head_async(_path(sha256)))["last_modified"] < before:
                await self._store.rename_async(_path(sha256), _condemned(sha256))
                return True
        return False

    async def restore(self, sha256: str) -> None:
        """Put back what was put aside."""
        with contextlib.suppress(FileNotFoundError):
            await self._store.rename_async(_condemned(sha256), _path(sha256))

    async def delete(self, sha256: str) -> None:
        """Delete what was put aside, for good."""
        with contextlib.suppress(FileNotFoundError):
            await self._store.delete_async(_condemned(sha256))

    async def forget(self, sha256: str) -> None:
        """Delete a blob at once. The caller knows that nothing names it, nor is about to."""
        with contextlib.suppress(FileNotFoundError):
            await self._store.delete_async(_path(sha256))

    async def forget_cut_off(self, before: datetime) -> int:
        """Delete what uploads left that were killed with their process. Return how many."""
        if self._folder is not None:
            return await asyncio.to_thread(_forget_files, self._folder / "incoming", before)
        # What had not come whole, the bucket's own rule for unfinished uploads deletes.
        done = 0
        async for some in self._store.list("incoming/", chunk_size=LISTED_AT_ONCE):
            for it in some:
                if it["last_modified"] < before:
                    await self._store.delete_async(it["path"])
                    done += 1
        return done


def _path(sha256: str) -> str:
    return f"sha256/{sha256[:2]}/{sha256}"


def _condemned(sha256: str) -> str:
    return f"condemned/{sha256}"


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _config(region: str | None, endpoint: str | None) -> "S3Config":
    config: S3Config = {}
    if region is not None:
        config["region"] = region
    if endpoint is not None:
        config["endpoint"] = endpoint
    return config


def _forget_files(folder: Path, before: datetime) -> int:
    """Delete the files in a folder that nobody has written to since."""
    done = 0
    for file in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if file.stat().st_mtime < before.timestamp():
                file.unlink()
                done += 1
    return done


def _write_through(folder: Path, path: str) -> None:
    """Have the disk hold a file, and the names that lead to it."""
    file = folder / path
    for place in (file, *(it for it in file.parents if it.is_relative_to(folder))):
        opened = os.open(place, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
