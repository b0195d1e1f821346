"""A restore: rows a second, against PostgreSQL's own programs and against COPY of the same rows.

Each round restores the same backup into an empty database three ways, in turns: `dml restore` (what
the command does, but for the doctor at its end), `pg_restore` alone, of the same dump in the clear,
and COPY alone, of the two large tables into new ones that have neither key nor index.
"""

import asyncio
import io
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

import psycopg
from pydantic import SecretStr

from benchmarks.device_path import Say
from benchmarks.figures import Figure, compared, only_told
from benchmarks.market import Market, opened
from dml.core.settings import Settings
from dml.entrypoints.backup import making, manifest as manifests, postgres, restoring
from dml.entrypoints.backup.key import BackupKey
from dml.entrypoints.backup.manifest import Manifest
from dml.entrypoints.backup.place import Place
from dml.entrypoints.backup.telling import SILENT
from dml.entrypoints.embedded import postgres as embedded

RESULTS: Final = 200_000
PASSPHRASE: Final = "a passphrase of a benchmark"
_ALONE: Final = ("--no-owner", "--single-transaction")
TABLES: Final = ("assignments", "results")
_FILL: Final = """
    WITH made AS (
        INSERT INTO assignments (id, job_id, device_id, owner_id, bucket, slot, state, tries,
            lease_expires_at, created_at)
        SELECT uuidv7(), uuidv7(), uuidv7(), uuidv7(), n %% 8, 0, 'accepted', 1, now(), now()
        FROM generate_series(1, %s) n RETURNING id
    )
    INSERT INTO results (assignment_id, body, received_at)
    SELECT id, decode(repeat(md5(id::text) || md5('x' || id::text), 14), 'hex')
        || convert_to(repeat('{"cat": 1}', 45), 'UTF8'), now() FROM made
"""


def restore(home: Path, rounds: int, say: Say, *, results: int = RESULTS) -> list[Figure]:
    """Rows a second of a restore, how long it took, and what a backup of it takes."""
    with opened(home, "restore") as market:
        with psycopg.connect(market.url) as connection:
            connection.execute(_FILL, (results,))
        folder = home / "restore-backups"
        began = time.perf_counter()
        place, key, whole = asyncio.run(_back_up(market.settings, folder))
        made = time.perf_counter() - began
        say(
            f"restore: a backup of {results:,} results is made in {made:.1f} s, "
            f"{whole.size:,} bytes"
        )
        try:
            return _compare(market, (place, key, whole), rounds, say, rows=2 * results, made=made)
        finally:
            shutil.rmtree(folder)


async def _back_up(settings: Settings, folder: Path) -> tuple[Place, BackupKey, Manifest]:
    place = Place.at(str(folder), make=True)
    key = await manifests.prepare_key(place, PASSPHRASE)
    whole, _ = await making.make(settings, place, key, SILENT)
    return place, key, whole


def _compare(
    market: Market,
    backup: tuple[Place, BackupKey, Manifest],
    rounds: int,
    say: Say,
    *,
    rows: int,
    made: float,
) -> list[Figure]:
    place, key, whole = backup
    dump = market.home / "restore.dump"
    asyncio.run(_dump(market, dump))
    copied = _copy_out(market.url)

    def ours(url: str) -> None:
        elsewhere = {
            "database_url": SecretStr(url),
            "home": market.home / f"restored-{secrets.token_hex(4)}",
        }
        settings = market.settings.model_copy(update=elsewhere)
        asyncio.run(restoring.restore(settings, url, place, (key, whole), SILENT))
        shutil.rmtree(settings.home)

    def alone(url: str) -> None:
        with postgres.connect(url) as connection:
            programs = postgres.choose(postgres.look(url, connection), None)
        subprocess.run(
            programs.command("pg_restore", *_ALONE, f"--dbname={url}", str(dump)), check=True
        )

    def copy(url: str) -> None:
        _copy_in(url, market.url, copied)

    ways: dict[str, Callable[[str], None]] = {"ours": ours, "pg_restore": alone, "copy": copy}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            seconds[name].append(_timed(market.home, way))
    took = {name: median(them) for name, them in seconds.items()}
    say("restore: " + ", ".join(f"{name} {it:.1f} s" for name, it in took.items()))
    rates = {name: rows / it for name, it in took.items()}
    dump.unlink()
    return [
        compared("restore_vs_pg_restore", rates["ours"], rates["pg_restore"], "≥ 0.7", "rows/s"),
        compared("restore_vs_copy", rates["ours"], rates["copy"], "", "rows/s"),
        only_told("restore_minutes", took["ours"] / 60, "min"),
        only_told("backup_rows", rows / made, "rows/s"),
    ]


def _timed(home: Path, way: Callable[[str], None]) -> float:
    name = f"dml_restore_{secrets.token_hex(4)}"
    url = embedded.create_database(home, name)
    try:
        began = time.perf_counter()
        way(url)
        return time.perf_counter() - began
    finally:
        embedded.drop_database(home, name)


async def _dump(market: Market, path: Path) -> None:
    with postgres.connect(market.url) as connection:
        server = postgres.look(market.url, connection)
        programs = postgres.choose(server, None)
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row
        with path.open("wb") as file:
            async for chunk in postgres.dump(programs, server, str(row[0])):
                file.write(chunk)


def _copy_out(url: str) -> dict[str, bytes]:
    """What COPY writes of each table: in memory, so that only PostgreSQL's disk is measured."""
    found = dict[str, bytes]()
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        for table in TABLES:
            held = io.BytesIO()
            with cursor.copy(f"COPY {table} TO STDOUT".encode()) as copy:
                for data in copy:
                    held.write(data)
            found[table] = held.getvalue()
    return found


def _copy_in(url: str, like: str, copied: dict[str, bytes]) -> None:
    columns = dict[str, str]()
    with psycopg.connect(like) as connection:
        for table in TABLES:
            row = connection.execute(
                "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' "
                "ORDER BY attnum) FROM pg_attribute WHERE attrelid = to_regclass(%s) "
                "AND attnum > 0 AND NOT attisdropped",
                (table,),
            ).fetchone()
            assert row
            columns[table] = row[0]
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"CREATE TABLE {table} ({columns[table]})".encode())
            with cursor.copy(f"COPY {table} FROM STDIN".encode()) as copy:
                copy.write(copied[table])
