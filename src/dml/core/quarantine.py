"""Where parts of a file wait until all of it is there and was checked (docs/decisions/0067).

In the store of the blobs, so that any process goes on with what another began, and apart from them:
nothing here is ever read but to be checked, or deleted.
"""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import obstore
from obstore.store import ObjectStore, S3Store

PART_BYTES: Final = 8 * 1024 * 1024  # A store in the cloud takes no part below 5 MiB.
PART_BYTES_HERE: Final = 128 * 1024  # So little an upload holds that stalls.
PARTS_AT_ONCE: Final = 2
LISTED_AT_ONCE: Final = 1_000
_ROOT: Final = "quarantine"


class Quarantine:
    """The objects of each upload, by its id and by names of its own."""

    def __init__(self, store: ObjectStore, *, folder: Path | None = None) -> None:
        self._store = store
        self._folder = None if folder is None else folder / _ROOT

    async def put(self, upload_id: UUID, name: str, stream: AsyncIterator[bytes]) -> None:
        """Keep what `stream` yields, once it ends well; nothing where it raises."""
        await self._store.put_async(
            _path(upload_id, name),
            stream,
            chunk_size=PART_BYTES if self._folder is None else PART_BYTES_HERE,
            max_concurrency=PARTS_AT_ONCE,
            use_multipart=True,
        )

    async def read(self, upload_id: UUID, names: Sequence[str]) -> AsyncIterator[bytes]:
        """Yield these objects, one behind the other. FileNotFoundError where one is gone."""
        for name in names:
            found = await self._store.get_async(_path(upload_id, name))
            async for chunk in found.stream(min_chunk_size=256 * 1024):
                yield bytes(chunk)

    async def find_size(self, upload_id: UUID, name: str) -> int | None:
        """Return how many bytes an object has; None where there is none."""
        try:
            return int((await self._store.head_async(_path(upload_id, name)))["size"])
        except FileNotFoundError:
            return None

    async def sign_put(self, upload_id: UUID, name: str, *, seconds: int) -> str | None:
        """Return a URL to which anybody may `PUT` this object for a while.

        None where the store is a folder. What is put there can be of any size.
        """
        if not isinstance(self._store, S3Store):
            return None
        path = _path(upload_id, name)
        return await obstore.sign_async(self._store, "PUT", path, timedelta(seconds=seconds))

    async def forget(self, upload_id: UUID) -> None:
        """Delete all of an upload, also what a killed process had begun to write."""
        if self._folder is not None:
            place = self._folder / str(upload_id)
            await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)
            return
        listed = self._store.list(f"{_ROOT}/{upload_id}/", chunk_size=LISTED_AT_ONCE)
        async for some in listed:
            for it in some:
                with contextlib.suppress(FileNotFoundError):
                    await self._store.delete_async(it["path"])

    async def list_uploads(self) -> AsyncIterator[set[UUID]]:
        """Yield the ids of uploads of which something is there, some at a time."""
        if self._folder is not None:
            here = await asyncio.to_thread(lambda folder: [*folder.glob("*")], self._folder)
            for start in range(0, len(here), LISTED_AT_ONCE):
                yield {UUID(it.name) for it in here[start : start + LISTED_AT_ONCE]}
            return
        async for some in self._store.list(f"{_ROOT}/", chunk_size=LISTED_AT_ONCE):
            yield {UUID(it["path"].split("/")[1]) for it in some}


def _path(upload_id: UUID, name: str) -> str:
    return f"{_ROOT}/{upload_id}/{name}"
