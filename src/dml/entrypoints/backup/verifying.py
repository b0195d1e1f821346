"""Reading a backup: each byte of it, and what it holds, in words."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

import msgspec

from dml.core.settings import Settings
from dml.entrypoints.backup import home_files, manifest as manifests, postgres, together
from dml.entrypoints.backup.key import BackupKey, Damaged
from dml.entrypoints.backup.manifest import Contents, Manifest
from dml.entrypoints.backup.place import Place
from dml.entrypoints.backup.postgres import Server
from dml.entrypoints.backup.telling import Teller, as_bytes

CONTENTS_MAX: Final = 1024 * 1024
WORDS_MAX: Final = 5  # Files that are named one by one.
# What people ask about first, and what it is called.
COUNTED: Final = (
    ("users", "users"),
    ("ledger_transfers", "transfers"),
    ("algorithm_versions", "versions of models"),
    ("jobs", "jobs"),
    ("assignments", "assignments"),
    ("bounties", "bounties"),
)


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of a backup. `wrong`: what is not as it was written."""

    manifest: Manifest
    contents: Contents
    wrong: Sequence[str]


async def open_part(
    place: Place, key: BackupKey, manifest: Manifest, name: str
) -> AsyncIterator[bytes]:
    """Yield what a part holds. Damaged before its end where it is not what was written."""
    part = manifest.part(name)
    digest, size = hashlib.sha256(), 0

    async def measured() -> AsyncIterator[bytes]:
        nonlocal size
        async for chunk in place.get(manifests.path(manifest.name, name)):
            digest.update(chunk)
            size += len(chunk)
            yield chunk

    what = f"{manifest.name}/{name}"
    try:
        async for chunk in key.open(measured(), what):
            yield chunk
    except FileNotFoundError:
        raise Damaged(f"{what} is missing") from None
    if (size, digest.hexdigest()) != (part.size, part.sha256):
        raise Damaged(f"{what} is not the one of this backup")


async def open_file(place: Place, key: BackupKey, sha256: str) -> AsyncIterator[bytes]:
    """Yield an uploaded file. Damaged before its end where it is not that one."""
    name, digest = key.name(sha256), hashlib.sha256()
    try:
        async for chunk in key.open(place.get(manifests.path_of_file(name)), f"file/{name}"):
            digest.update(chunk)
            yield chunk
    except FileNotFoundError:
        raise Damaged(f"the file {sha256} is missing") from None
    if digest.hexdigest() != sha256:
        raise Damaged(f"the file {sha256} is another")


async def read_contents(place: Place, key: BackupKey, manifest: Manifest) -> Contents:
    content = b""
    async for chunk in open_part(place, key, manifest, manifests.CONTENTS):
        content += chunk
        if len(content) > CONTENTS_MAX:
            raise Damaged(f"the contents of backup {manifest.name} are too long")
    try:
        return msgspec.json.decode(content, type=Contents)
    except msgspec.MsgspecError as error:
        raise Damaged(f"the contents of backup {manifest.name} are damaged") from error


async def read_hashes(place: Place, key: BackupKey, manifest: Manifest) -> list[str]:
    """Return the SHA-256 of each uploaded file that a backup names, missing ones among them."""
    found, rest = list[str](), ""
    async for chunk in open_part(place, key, manifest, manifests.FILES):
        *lines, rest = (rest + chunk.decode("ascii")).split("\n")
        found += lines
    return found


async def verify(
    settings: Settings, place: Place, key: BackupKey, manifest: Manifest, teller: Teller
) -> Read:
    """Read all of a backup, the dump as a restore would. Refused where the dump is not whole."""
    contents = await read_contents(place, key, manifest)
    programs = postgres.choose(Server("", manifest.postgres, False), settings.postgres_programs)
    wrong, size = list[str](), 0

    async def dump() -> AsyncIterator[bytes]:
        nonlocal size
        async for chunk in open_part(place, key, manifest, manifests.DATABASE):
            size += len(chunk)
            teller.now(f"Database: {as_bytes(size)}")
            yield chunk

    await postgres.check(programs, dump())
    for part in contents.kept:
        async for _ in open_part(place, key, manifest, part):
            pass
    hashes, done = await read_hashes(place, key, manifest), 0

    async def read(sha256: str) -> None:
        nonlocal done
        try:
            async for _ in open_file(place, key, sha256):
                pass
        except Damaged as error:
            wrong.append(str(error))
        done += 1
        teller.now(f"Files: {done:,} of {len(hashes):,}")

    await together.each(hashes, read)
    known = manifest.missing  # They were missing when it was made: it says so.
    return Read(manifest, contents, sorted(wrong) if len(wrong) > known else ())


def told(manifest: Manifest) -> dict[str, Any]:
    """A backup as JSON, as far as anybody may know."""
    return {
        "name": manifest.name,
        "taken_at": manifest.taken_at.astimezone(UTC).isoformat(timespec="seconds"),
        "release": manifest.release,
        "schema": manifest.schema,
        "postgres": manifest.postgres,
        "files": manifest.files,
        "missing_files": manifest.missing,
        "bytes": manifest.size,
    }


def in_words(read: Read) -> list[str]:
    """Say what a backup holds: a line for each kind of thing."""
    it, rows = read.manifest, read.contents.rows
    counts = [f"{said} {rows.get(f'public.{table}', 0):,}" for table, said in COUNTED]
    database = it.part(manifests.DATABASE)
    lines = [
        f"Backup {it.name}, of {it.taken_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, made by "
        f"release {it.release} (schema {it.schema}, PostgreSQL {it.postgres})",
        f"Database: {sum(rows.values()):,} rows in {len(rows)} tables, {as_bytes(database.size)}: "
        + ", ".join(counts),
        f"Uploaded files: {it.files:,}, {as_bytes(it.files_size)}",
        *(f"{part}: {home_files.MEANINGS.get(part, 'a file')}" for part in read.contents.kept),
    ]
    if it.missing:
        lines.append(f"{it.missing:,} files that rows name were not there when it was made")
    absent = [part for part in list(home_files.MEANINGS)[:3] if part not in read.contents.kept]
    if absent:
        lines.append(f"It has no {', '.join(absent)}: keep a copy of your own")
    return lines
