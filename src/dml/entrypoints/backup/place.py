"""Where backups lie: a folder, or whatever else obstore reaches by a URL.

What is put is there whole or not at all; in a folder it also outlives a loss of power.
"""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Final, Self

from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from dml.refused import ExitCode, Refused

PART_BYTES: Final = 8 * 1024 * 1024  # A store in the cloud takes no part below 5 MiB.
PARTS_AT_ONCE: Final = 2
LISTED_AT_ONCE: Final = 1_000
READ_BYTES: Final = 1024 * 1024
WHOLE_MAX: Final = 1024 * 1024  # The largest file that is read at once.


class PlaceAway(Refused):
    """The place cannot be read or written now."""

    exit_code = ExitCode.NOT_REACHED


class Place:
    """A place of backups. Names within it have slashes, as paths do."""

    def __init__(self, store: ObjectStore, said: str, *, folder: Path | None = None) -> None:
        self._store, self._folder = store, folder
        self.said = said

    @classmethod
    def at(cls, where: str, *, make: bool = False) -> Self:
        """The place that a person names: a folder, which we may make, or a URL."""
        if "://" in where:
            try:
                return cls(from_url(where), where.partition("?")[0])
            except (BaseError, ValueError) as error:
                raise Refused(f"{where} is no place for backups: {_reason(error)}") from error
        folder = Path(where).expanduser().resolve()
        if make:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not folder.is_dir():
            raise Refused(f"there is no folder {folder}")
        return cls(LocalStore(str(folder)), str(folder), folder=folder)

    async def put(self, name: str, content: AsyncIterator[bytes]) -> None:
        """Keep a stream, in constant memory. Nothing has this name until it has ended."""
        with reaching(self.said):
            await self._store.put_async(
                name,
                content,
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
                use_multipart=True,
            )
        await self._write_through(name)

    async def put_whole(self, name: str, content: bytes) -> None:
        with reaching(self.said):
            await self._store.put_async(name, content)
        await self._write_through(name)

    async def put_new(self, name: str, content: bytes) -> bool:
        """Keep these bytes unless something has that name. Whether they were kept."""
        try:
            with reaching(self.said):
                await self._store.put_async(name, content, mode="create")
        except FileExistsError:
            return False
        await self._write_through(name)
        return True

    async def get(self, name: str) -> AsyncIterator[bytes]:
        """Yield a file from its start to its end. FileNotFoundError where there is none."""
        with reaching(self.said):
            found = await self._store.get_async(name)
            async for chunk in found.stream(min_chunk_size=READ_BYTES):
                yield bytes(chunk)

    async def get_whole(self, name: str) -> bytes:
        """Return a small file. FileNotFoundError where there is none."""
        with reaching(self.said):
            found = await self._store.get_async(name)
            if found.meta["size"] > WHOLE_MAX:
                raise Refused(f"{name} in {self.said} is too large: it is none of ours")
            return bytes(await found.bytes_async())

    async def list_files(self, below: str) -> AsyncIterator[list[tuple[str, int]]]:
        """Yield names and sizes of all files below a name, some at a time."""
        with reaching(self.said):
            async for some in self._store.list(f"{below}/", chunk_size=LISTED_AT_ONCE):
                yield [(str(it["path"]), int(it["size"])) for it in some]

    async def list_folders(self, below: str) -> list[str]:
        """Return the names right below a name that have something below them."""
        with reaching(self.said):
            listed = await self._store.list_with_delimiter_async(f"{below}/")
            return sorted(str(it).rstrip("/") for it in listed["common_prefixes"])

    async def delete(self, names: Iterable[str]) -> None:
        """Delete files. What is gone is fine."""
        with reaching(self.said):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    await self._store.delete_async(name)

    async def delete_below(self, name: str) -> None:
        """Delete all below a name, and what was cut off on its way there."""
        async for some in self.list_files(name):
            await self.delete([it for it, _ in some])
        if self._folder is not None:
            with contextlib.suppress(FileNotFoundError):
                await asyncio.to_thread(shutil.rmtree, self._folder / name)

    async def _write_through(self, name: str) -> None:
        if self._folder is not None:
            await asyncio.to_thread(_write_through, self._folder, name)


@contextlib.contextmanager
def reaching(said: str) -> Iterator[None]:
    """Say in one line what a store does not do."""
    try:
        yield
    except AlreadyExistsError as error:
        raise FileExistsError from error
    except BaseError as error:
        raise PlaceAway(f"{said}: {_reason(error)}") from error


def _write_through(folder: Path, name: str) -> None:
    """Have the disk hold a file, and the names that lead to it."""
    file = folder / name
    for it in (file, *(above for above in file.parents if above.is_relative_to(folder))):
        opened = os.open(it, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _reason(error: BaseException) -> str:
    """What is wrong, of an error whose text goes on with where in the store's code."""
    text = str(error).strip().partition("\n\n")[0]
    return " ".join(text.split())[:400]
