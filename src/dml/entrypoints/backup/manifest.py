"""What a backup says of itself, in the clear and signed: it comes last, and makes it a backup."""

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from dml.entrypoints.backup.key import BackupKey, Damaged
from dml.entrypoints.backup.place import Place
from dml.refused import Refused

FORMAT: Final = 1
FOLDER: Final = "backups"
KEY_FILE: Final = "key.json"
DATABASE: Final = "database"  # What pg_dump wrote.
FILES: Final = "files"  # The SHA-256 of each uploaded file, one a line.
CONTENTS: Final = "contents"  # How many rows each table has, and what else there is to say.


class Part(msgspec.Struct, frozen=True):
    """A file of a backup, encrypted: its size, and the hash of all its bytes."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """A whole backup. `files`: how many uploaded files it names, `files_size` their sizes here."""

    name: str
    taken_at: datetime
    release: str
    schema: str
    postgres: int
    parts: tuple[Part, ...]
    files: int
    files_size: int
    missing: int  # Files that rows named and that were not there, or not as they should be.
    signature: str = ""
    format: int = FORMAT

    def part(self, name: str) -> Part:
        """One of its parts. Damaged where it has none of that name."""
        for it in self.parts:
            if it.name == name:
                return it
        raise Damaged(f"backup {self.name} has no {name}")

    @property
    def size(self) -> int:
        return sum(it.size for it in self.parts) + self.files_size


class Contents(msgspec.Struct, frozen=True):
    """What only the holder of the key learns: rows by table, and kept files of the home."""

    rows: dict[str, int]
    kept: tuple[str, ...]


def path(name: str, part: str) -> str:
    return f"{FOLDER}/{name}/{part}"


def path_of_file(name: str) -> str:
    return f"files/{name[:2]}/{name}"


async def write(place: Place, key: BackupKey, manifest: Manifest) -> None:
    """Make a backup of what was put there."""
    signed = msgspec.structs.replace(manifest, signature=_signature(key, manifest))
    content = msgspec.json.format(msgspec.json.encode(signed), indent=1)
    await place.put_whole(path(manifest.name, "manifest.json"), content)


async def read(place: Place, name: str, key: BackupKey | None = None) -> Manifest:
    """Return what a backup says. With a key, it is known to be what we wrote.

    FileNotFoundError where it is none: it was cut off, or is being made.
    """
    content = await place.get_whole(path(name, "manifest.json"))
    try:
        version = msgspec.json.decode(content, type=_Version)
        if version.format > FORMAT:
            raise Refused(f"backup {name} was made by a newer release: install that")
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.MsgspecError as error:
        raise Damaged(f"the manifest of backup {name} is damaged: {error}") from error
    if manifest.name != name:
        raise Damaged(f"the manifest of backup {name} is that of {manifest.name}")
    if key and not hmac.compare_digest(manifest.signature, _signature(key, manifest)):
        raise Damaged(f"the manifest of backup {name} was altered")
    return manifest


async def list_names(place: Place) -> list[str]:
    """Return the names of all backups and of what was cut off, oldest first."""
    return [it.rpartition("/")[2] for it in await place.list_folders(FOLDER)]


async def list_whole(place: Place, key: BackupKey | None = None) -> list[Manifest]:
    """Return all backups, oldest first. What has no manifest is none.

    With a key, Damaged where one is not as it was written; without, such a one is left out.
    """
    found = list[Manifest]()
    for name in await list_names(place):
        try:
            found.append(await read(place, name, key))
        except FileNotFoundError:
            continue
        except Damaged:
            if key is not None:
                raise
    return found


async def find(place: Place, key: BackupKey, name: str | None) -> Manifest:
    """Return a backup by its name, or the newest one."""
    names: Sequence[str] = await list_names(place)
    if name is not None:
        if name not in names:
            raise Refused(f"there is no backup {name} in {place.said}: `dml backup list` names all")
        names = [name]
    for it in reversed(names):
        try:
            return await read(place, it, key)
        except FileNotFoundError:
            continue
    if name is not None:
        raise Refused(f"backup {name} was cut off before its end, or is being made: it is none")
    raise Refused(f"there is no whole backup in {place.said}")


async def open_key(place: Place, passphrase: str) -> BackupKey:
    """Make the key of a place that has backups."""
    try:
        kept = await place.get_whole(KEY_FILE)
    except FileNotFoundError:
        raise Refused(f"there are no backups in {place.said}: it has no {KEY_FILE}") from None
    return BackupKey.load(passphrase, kept, of=place.said)


async def prepare_key(place: Place, passphrase: str) -> BackupKey:
    """Make the key of a place, and the place itself where it is new."""
    try:
        return await open_key(place, passphrase)
    except Refused:
        if await list_names(place):
            raise
        key, kept = BackupKey.make(passphrase)
        if await place.put_new(KEY_FILE, kept):
            return key
        return await open_key(place, passphrase)  # Somebody else was first, or it is another's.


def now_named(now: datetime, chance: str) -> str:
    """The name of a backup that begins now: in the order of time, and no other's."""
    moment = now.astimezone(UTC).isoformat(timespec="milliseconds")
    return f"{moment[:23].replace('-', '').replace(':', '')}Z-{chance}"


class _Version(msgspec.Struct):
    format: int


def _signature(key: BackupKey, manifest: Manifest) -> str:
    return key.sign(msgspec.json.encode(msgspec.structs.replace(manifest, signature="")))
