"""Making a backup, while the marketplace runs and works.

One snapshot of PostgreSQL says what belongs to it. Files that it names stay until they are copied,
since nothing is deleted meanwhile; keys and the local chain are copied after it, so that they are
never older than the rows. The manifest comes last.
"""

import hashlib
import logging
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec
import psycopg
from psycopg import sql
from sqlalchemy.dialects import postgresql

from dml.core.blobs import Blobs
from dml.core.settings import Settings
from dml.entrypoints import collector, wiring
from dml.entrypoints.backup import home_files, keeping, manifest as manifests, postgres, together
from dml.entrypoints.backup.key import BackupKey
from dml.entrypoints.backup.manifest import Contents, Manifest, Part
from dml.entrypoints.backup.place import Place
from dml.entrypoints.backup.postgres import Programs, Server
from dml.entrypoints.backup.telling import Teller, as_bytes
from dml.refused import Refused

log = logging.getLogger("dml.backup")
ONE_LOCK: Final = 0x646D6C_6261636B  # Who makes a backup of this database holds it.
READ_BYTES: Final = 1024 * 1024
_TABLES: Final = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname <> 'information_schema'
      AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1, 2
"""


class AnotherIsMade(Refused):
    """Somebody makes a backup of this database right now."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a snapshot says of a marketplace, and its name for others who look through it."""

    snapshot: str
    schema: str
    rows: dict[str, int]
    files: Sequence[str]


@dataclass(slots=True)
class Made:
    """What has come into a backup so far."""

    parts: list[Part] = field(default_factory=list)
    new_files: int = 0
    files_size: int = 0
    missing: list[str] = field(default_factory=list)


class _Wrong(Exception):
    """A file is not what its name says."""


class Backup:
    """One backup that is being made."""

    def __init__(self, place: Place, key: BackupKey, name: str, teller: Teller) -> None:
        self.name = name
        self._place, self._key, self._teller = place, key, teller
        self.made = Made()

    async def put(self, part: str, content: AsyncIterator[bytes], said: str) -> None:
        """Encrypt a part on its way to the place."""
        digest, size = hashlib.sha256(), 0

        async def measured() -> AsyncIterator[bytes]:
            nonlocal size
            async for chunk in self._key.seal(content, f"{self.name}/{part}"):
                digest.update(chunk)
                size += len(chunk)
                self._teller.now(f"{said}: {as_bytes(size)}")
                yield chunk

        await self._place.put(manifests.path(self.name, part), measured())
        self.made.parts.append(Part(part, size, digest.hexdigest()))

    async def copy_files(self, blobs: Blobs, hashes: Sequence[str]) -> None:
        """Copy the uploaded files that the place has not yet, a few at a time."""
        there = {
            name.rpartition("/")[2]: size
            async for some in self._place.list_files("files")
            for name, size in some
        }
        done = 0

        async def copy(sha256: str) -> None:
            nonlocal done
            name = self._key.name(sha256)
            if (size := there.get(name)) is not None:
                self.made.files_size += size
            else:
                await self._copy(blobs, sha256, name)
            done += 1
            self._teller.now(f"Files: {done:,} of {len(hashes):,}")

        await together.each(hashes, copy)

    async def _copy(self, blobs: Blobs, sha256: str, name: str) -> None:
        """Copy a file, unless it is not there or not what its name says: then it is noted."""
        size = 0

        async def measured() -> AsyncIterator[bytes]:
            nonlocal size
            async for chunk in self._key.seal(_checked(blobs, sha256), f"file/{name}"):
                size += len(chunk)
                yield chunk

        try:
            await self._place.put(manifests.path_of_file(name), measured())
        except (FileNotFoundError, _Wrong):
            self.made.missing.append(sha256)
            return
        self.made.files_size += size
        self.made.new_files += 1

    async def finish(self, facts: Facts, server: Server, taken_at: datetime) -> Manifest:
        """Say that it is whole."""
        made = self.made
        whole = Manifest(
            name=self.name,
            taken_at=taken_at,
            release=version("dml"),
            schema=facts.schema,
            postgres=server.major,
            parts=tuple(made.parts),
            files=len(facts.files) - len(made.missing),
            files_size=made.files_size,
            missing=len(made.missing),
        )
        await manifests.write(self._place, self._key, whole)
        return whole


async def make(
    settings: Settings, place: Place, key: BackupKey, teller: Teller, *, keep: int | None = None
) -> tuple[Manifest, Made]:
    """Make a backup, and keep so many of the place's, or all of them.

    Refused where another is made of this database now.
    """
    url, now = wiring.database_url(settings), datetime.now(UTC)
    blobs = wiring.make_blobs(settings)
    with postgres.connect(url) as guard:
        server = postgres.look(url, guard)
        programs = postgres.choose(server, settings.postgres_programs)
        _take_turn(guard, teller)
        backup = Backup(place, key, manifests.now_named(now, secrets.token_hex(3)), teller)
        try:
            facts = await _put_database(backup, settings, server, programs)
            await backup.put(manifests.FILES, _lines(facts.files), "List of files")
            await backup.copy_files(blobs, facts.files)
            kept = await _put_home(backup, settings)
            contents = msgspec.json.encode(Contents(facts.rows, tuple(kept)))
            await backup.put(manifests.CONTENTS, _once(contents), "Contents")
            whole = await backup.finish(facts, server, now)
        except BaseException:  # Whatever cut it off: without a manifest it is none.
            await _give_up(place, backup.name)
            raise
        if keep is not None:
            try:
                await keeping.remove_old(place, key, keep)
            except Refused as error:  # It is made all the same.
                log.error("old backups in %s were not removed: %s", place.said, error)
        return whole, backup.made


async def _put_database(
    backup: Backup, settings: Settings, server: Server, programs: Programs
) -> Facts:
    with _snapshot(server.url, settings) as facts:
        content = postgres.dump(programs, server, facts.snapshot)
        await backup.put(manifests.DATABASE, content, "Database")
    return facts


async def _put_home(backup: Backup, settings: Settings) -> list[str]:
    kept = list[str]()
    for it in home_files.list_kept(settings):
        if it.path.exists():
            await backup.put(it.part, _read(it.path), it.part)
            kept.append(it.part)
    return kept


async def _give_up(place: Place, name: str) -> None:
    """Take away what was cut off, if that can be done."""
    try:
        await place.delete_below(f"{manifests.FOLDER}/{name}")
    except (Refused, OSError):
        return  # The next backup tries again.


def _take_turn(guard: psycopg.Connection[tuple[object, ...]], teller: Teller) -> None:
    """Be the only one, and have nothing deleted that rows name, until the connection ends."""
    row = guard.execute("SELECT pg_try_advisory_lock(%s)", (ONE_LOCK,)).fetchone()
    if not (row and row[0]):
        raise AnotherIsMade("another backup of this database is being made: wait for its end")
    teller.now("Waiting until no file is deleted")
    guard.execute("SELECT pg_advisory_lock(%s)", (collector.FILES_LOCK,))


@contextmanager
def _snapshot(database_url: str, settings: Settings) -> Iterator[Facts]:
    """See one moment, until the block ends, and read what it says of itself."""
    with postgres.connect(database_url) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except psycopg.errors.UndefinedTable:
            revision = None
        if revision is None:
            raise Refused("there is no marketplace in this database yet: dml migrate")
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row
        rows = {
            f"{schema}.{table}": _count(connection, str(schema), str(table))
            for schema, table in connection.execute(_TABLES).fetchall()
        }
        yield Facts(str(row[0]), str(revision[0]), rows, _named_files(connection, settings))


def _count(connection: psycopg.Connection[tuple[object, ...]], schema: str, table: str) -> int:
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
    row = connection.execute(query).fetchone()
    assert row
    return int(str(row[0]))


def _named_files(
    connection: psycopg.Connection[tuple[object, ...]], settings: Settings
) -> list[str]:
    """Return the hashes of all files that rows name, as the collector keeps them."""
    since = datetime.now(UTC) - timedelta(days=settings.keep_refused_versions_days)
    dialect = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call] # it has no types
    query = str(collector.ALL_NAMED.compile(dialect=dialect))
    rows = connection.execute(query.encode(), {"refused_since": since}).fetchall()
    return [str(it[0]) for it in rows]


async def _checked(blobs: Blobs, sha256: str) -> AsyncIterator[bytes]:
    digest = hashlib.sha256()
    async for chunk in await blobs.stream(sha256):
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != sha256:
        raise _Wrong(sha256)


async def _lines(hashes: Sequence[str]) -> AsyncIterator[bytes]:
    for start in range(0, len(hashes), 10_000):
        yield "".join(f"{it}\n" for it in hashes[start : start + 10_000]).encode()


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _read(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(READ_BYTES):
            yield chunk
