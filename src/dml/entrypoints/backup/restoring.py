"""Restoring a backup into an empty database, another home: whole, or nothing of the rows.

What could make it fail is looked at first. Keys and uploaded files come before the rows, so that
where there are rows, there is all that they name; who was cut off restores again. Rows come in one
transaction, which also has payouts wait until the chain was compared (`chain.comparison`).
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Final

import psycopg
from alembic.script import ScriptDirectory

from dml.core.blobs import Blobs
from dml.core.settings import Settings
from dml.entrypoints import migrate, shipped, wiring
from dml.entrypoints.backup import home_files, manifest as manifests, postgres, together, verifying
from dml.entrypoints.backup.key import BackupKey, Damaged
from dml.entrypoints.backup.manifest import Contents, Manifest
from dml.entrypoints.backup.place import Place, reaching
from dml.entrypoints.backup.postgres import Server
from dml.entrypoints.backup.telling import Teller, as_bytes
from dml.entrypoints.embedded import locks, places, servers
from dml.refused import Refused

FILE_MAX: Final = 2**40
_OTHERS: Final = """
    SELECT DISTINCT application_name FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'dml%'
    ORDER BY 1
"""
_ALIVE: Final = "SELECT name FROM nodes WHERE seen_at > now() - interval '10 seconds' ORDER BY 1"
# Whatever is no part of an extension.
_THERE: Final = """
    SELECT n.nspname || '.' || c.relname
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
      AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND NOT EXISTS (
          SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
            AND d.deptype = 'e')
    ORDER BY 1
"""


class Runs(Refused):
    """A marketplace runs where it was to be restored."""


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The database to restore into: the one that is set, or one of this home, started meanwhile."""
    home = places.absolute(settings.home)
    for name in ("supervisor", "up"):
        if locks.is_held(home / f"{name}.lock"):
            raise Runs(f"a marketplace runs in {home}: stop it (`dml down`), or choose another")
    if settings.database_url is not None:
        yield wiring.database_url(settings)
        return
    url = servers.start_postgres(home)
    try:
        yield url
    finally:
        servers.down(home)


def require_known(manifest: Manifest) -> None:
    """Refuse a schema that this release does not know."""
    scripts = ScriptDirectory(str(shipped.folder("migrations")))
    if manifest.schema not in {it.revision for it in scripts.walk_revisions()}:
        raise Refused(
            f"backup {manifest.name} was made by release {manifest.release} (schema "
            f"{manifest.schema}), which this release, {version('dml')}, does not know: install "
            f"{manifest.release} or a newer one"
        )


async def restore(
    settings: Settings, url: str, place: Place, opened: tuple[BackupKey, Manifest], teller: Teller
) -> Contents:
    """Put everything back, and bring the schema up to date."""
    key, manifest = opened
    require_known(manifest)
    with postgres.connect(url, "dml restore") as guard:
        guard.execute("SELECT pg_advisory_lock(%s)", (migrate.LOCK,))  # Nobody migrates meanwhile.
        _require_empty(guard)
        server = postgres.look(url, guard)
        _require_version(server, manifest)
        programs = postgres.choose(server, settings.postgres_programs)
        contents = await verifying.read_contents(place, key, manifest)
        await _put_keys(settings, place, opened, contents)
        await _put_files(wiring.make_blobs(settings), place, opened, teller)
        await postgres.load(programs, server, _dump(place, opened, teller))
    teller.now("Bringing the schema up to date")
    migrate.migrate(url)
    return contents


def _require_empty(guard: psycopg.Connection[tuple[object, ...]]) -> None:
    there = [str(row[0]) for row in guard.execute(_THERE).fetchall()]
    others = [str(row[0]) for row in guard.execute(_OTHERS).fetchall()]
    if "public.nodes" in there:
        others += [str(row[0]) for row in guard.execute(_ALIVE).fetchall()]
    if others:
        raise Runs(
            f"a marketplace runs on this database ({', '.join(others[:3])}): a backup is restored "
            "into an empty one (another DML_HOME or DML_DATABASE_URL)"
        )
    if there:
        raise Refused(
            f"this database is not empty: it holds {', '.join(there[:3])}"
            + (f" and {len(there) - 3} more" if len(there) > 3 else "")
            + ". A backup is restored into an empty one (another DML_HOME or DML_DATABASE_URL)"
        )


def _require_version(server: Server, manifest: Manifest) -> None:
    if server.major < manifest.postgres:
        raise Refused(
            f"backup {manifest.name} is of PostgreSQL {manifest.postgres}, and this is "
            f"{server.major}: name a newer one in DML_DATABASE_URL"
        )


async def _put_keys(
    settings: Settings, place: Place, opened: tuple[BackupKey, Manifest], contents: Contents
) -> None:
    key, manifest = opened
    known = {it.part: it for it in home_files.list_kept(settings)}
    for part in contents.kept:
        if part in known:  # A local chain is none of ours where another is set.
            content = verifying.open_part(place, key, manifest, part)
            await home_files.put_back(known[part], content)


async def _put_files(
    blobs: Blobs, place: Place, opened: tuple[BackupKey, Manifest], teller: Teller
) -> None:
    key, manifest = opened
    hashes, done, missing = await verifying.read_hashes(place, key, manifest), 0, list[str]()

    async def put(sha256: str) -> None:
        nonlocal done
        if not await blobs.has(sha256):
            try:
                with reaching("the blob store"):  # A full disk, say.
                    await blobs.put(verifying.open_file(place, key, sha256), limit=FILE_MAX)
            except Damaged as error:
                missing.append(str(error))
        done += 1
        teller.now(f"Files: {done:,} of {len(hashes):,}")

    await together.each(hashes, put)
    if len(missing) > manifest.missing:
        raise Damaged(f"{missing[0]}, and {len(missing) - 1} more: `dml backup verify` names all")


async def _dump(
    place: Place, opened: tuple[BackupKey, Manifest], teller: Teller
) -> AsyncIterator[bytes]:
    key, manifest = opened
    whole, size = manifest.part(manifests.DATABASE).size, 0
    async for chunk in verifying.open_part(place, key, manifest, manifests.DATABASE):
        size += len(chunk)
        teller.now(f"Database: {as_bytes(size)} of {as_bytes(whole)}")
        yield chunk
