"""PostgreSQL's own programs: what they dump, as of a snapshot, and how a dump comes back whole.

A dump is loaded in one transaction, which ends with what makes the rows fit for a new life: whoever
is killed half-way leaves an empty database behind (docs/decisions/0078).
"""

import asyncio
import contextlib
import os
import re
import shutil
import subprocess
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy.engine import make_url

from dml.entrypoints.embedded import wheels
from dml.entrypoints.fitness import DatabaseAway
from dml.refused import Refused

CHUNK_BYTES: Final = 1024 * 1024
TOLD_MAX: Final = 2_000  # Of what a program says when it fails.
PROGRAMS: Final = ("pg_dump", "pg_restore", "psql")
NO_PROGRAMS: Final = (
    "install PostgreSQL's client programs (Debian, Ubuntu: postgresql-client-{major}; Amazon "
    "Linux: postgresql{major}), or name their folder in DML_POSTGRES_PROGRAMS"
)
PATIENCE: Final = " ".join(
    f"-c {name}=0"
    for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
)
_OPTIONS: Final = (
    *("--format=custom", "--compress=1", "--no-password", "--lock-wait-timeout=60000"),
    *("--no-owner", "--no-privileges", "--no-comments", "--no-tablespaces"),
    *("--no-security-labels", "--no-publications", "--no-subscriptions"),
)
# What a restored marketplace must not believe: processes that are long gone, that vault and books
# agree, and that what no noisy answer has told yet was never told. Columns are made where the
# backup is of a release before them, whose jobs may have no answers either.
_NEW_LIFE: Final = b"""
RESET ALL;
ALTER TABLE vaults ADD COLUMN IF NOT EXISTS restored_at timestamptz;
UPDATE vaults SET restored_at = now();
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS restored_at timestamptz;
UPDATE jobs SET restored_at = now()
    WHERE ended_at IS NULL AND to_jsonb(jobs) ->> 'answers' = 'noisy';
DELETE FROM nodes;
COMMIT;
SET client_min_messages = error;
ANALYZE;
"""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a PostgreSQL is, its major version, and whether it is reached by TLS."""

    url: str
    major: int
    by_tls: bool


@dataclass(frozen=True, slots=True)
class Programs:
    """The folder of programs, and their major version."""

    folder: Path
    major: int
    knows_tls: bool = True

    def command(self, name: str, *options: str) -> list[str]:
        return [str(self.folder / name), *options]


def connect(database_url: str, name: str = "dml backup") -> psycopg.Connection[tuple[object, ...]]:
    """Return a connection that waits as long as it takes. Each statement commits."""
    url = make_url(database_url).set(drivername="postgresql")
    try:
        return psycopg.connect(
            url.render_as_string(hide_password=False),
            autocommit=True,
            connect_timeout=10,
            application_name=name,
            options=PATIENCE,
        )
    except psycopg.OperationalError as error:
        reason = str(error).strip().partition("\n")[0]
        raise DatabaseAway(f"the database cannot be asked: {reason}") from error


def look(database_url: str, connection: psycopg.Connection[tuple[object, ...]]) -> Server:
    """Say what is at the other end of a connection."""
    return Server(
        database_url, connection.info.server_version // 10_000, connection.pgconn.ssl_in_use
    )


def choose(server: Server, folder: Path | None) -> Programs:
    """Return programs that can work with a server, or refuse with how to get some."""
    for it in _candidates(folder):
        if fits(it, server):
            return it
    asks = f"PostgreSQL {server.major}{' by TLS' if server.by_tls else ''}"
    what = NO_PROGRAMS.format(major=server.major)
    raise Refused(f"there is no pg_dump here that can work with {asks}: {what}")


def fits(programs: Programs, server: Server) -> bool:
    """Whether they know a server of that version: an older pg_dump refuses a newer server."""
    return programs.major >= server.major and (programs.knows_tls or not server.by_tls)


def _candidates(folder: Path | None) -> Iterator[Programs]:
    """Yield what there is: what was named, else the wheel's own, then those of the PATH."""
    if folder is not None:
        yield _found(folder, knows_tls=True)
        return
    with contextlib.suppress(Refused):
        # The wheel is built without TLS.
        yield _found(wheels.own_programs(wheels.POSTGRES), knows_tls=False)
    if (found := shutil.which("pg_dump")) is not None:
        with contextlib.suppress(Refused):
            yield _found(Path(found).parent, knows_tls=True)


def _found(folder: Path, *, knows_tls: bool) -> Programs:
    for it in PROGRAMS:
        if not (folder / it).is_file():
            raise Refused(f"there is no {it} in {folder}: DML_POSTGRES_PROGRAMS")
    said = subprocess.run(  # noqa: S603 - our own command, never a shell's line
        [str(folder / "pg_dump"), "--version"], capture_output=True, text=True, check=False
    )
    version = re.search(r"(\d+)(\.|devel|beta|rc)", said.stdout)
    if said.returncode or version is None:
        raise Refused(f"{folder / 'pg_dump'} does not run here: {said.stderr.strip()}")
    return Programs(folder, int(version[1]), knows_tls)


async def dump(programs: Programs, server: Server, snapshot: str) -> AsyncIterator[bytes]:
    """Yield a dump of all that a snapshot sees. Refused before its end where it fails."""
    command = programs.command("pg_dump", *_OPTIONS, f"--snapshot={snapshot}", *_where(server))
    process = await asyncio.create_subprocess_exec(
        *command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=_environment(server)
    )
    told = asyncio.create_task(_read_all(process.stderr))
    try:
        assert process.stdout
        while chunk := await process.stdout.read(CHUNK_BYTES):
            yield chunk
        await _end_well(process, "pg_dump", await told)
    finally:
        await _end(process, told)


async def check(programs: Programs, chunks: AsyncIterator[bytes]) -> None:
    """Read all of a dump as a restore would, and do nothing with it."""
    process = await asyncio.create_subprocess_exec(
        *programs.command("pg_restore", "--file=/dev/null"),
        stdin=PIPE,
        stdout=DEVNULL,
        stderr=PIPE,
    )
    told = asyncio.create_task(_read_all(process.stderr))
    try:
        await _feed(process, chunks)
        await _end_well(process, "pg_restore", await told)
    finally:
        await _end(process, told)


async def load(programs: Programs, server: Server, chunks: AsyncIterator[bytes]) -> None:
    """Load a dump into an empty database: all of it, or nothing.

    `pg_restore` makes SQL of it, which goes straight to `psql`, between our BEGIN and COMMIT. Where
    either ends early, or we do, nobody says COMMIT.
    """
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb", buffering=0) as script:
        try:
            psql = await asyncio.create_subprocess_exec(
                *programs.command("psql", "--no-psqlrc", "--quiet", "--no-password"),
                *("--set=ON_ERROR_STOP=1", "--file=-", *_where(server)),
                stdin=reading,
                stdout=DEVNULL,
                stderr=PIPE,
                env=_environment(server),
            )
        finally:
            os.close(reading)
        refused = asyncio.create_task(_read_all(psql.stderr))
        try:
            with contextlib.suppress(BrokenPipeError):  # Its own words say why it ended.
                script.write(b"BEGIN;\n")
                await _restore(programs, script, chunks, psql)
                await asyncio.to_thread(script.write, _NEW_LIFE)
            script.close()
            await psql.wait()
            if psql.returncode:
                raise Refused(f"nothing was restored: {_last_line(await refused)}")
        finally:
            await _end(psql, refused)


async def _restore(
    programs: Programs, script: BinaryIO, chunks: AsyncIterator[bytes], psql: Process
) -> None:
    """Write a dump as SQL. BrokenPipeError where whom it is for has ended."""
    command = programs.command("pg_restore", "--file=-", "--no-owner", "--no-privileges")
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=script, stderr=PIPE)
    told = asyncio.create_task(_read_all(process.stderr))
    try:
        await _feed(process, chunks)
        said = await told
        if await process.wait():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(psql.wait(), 1)
                raise BrokenPipeError
            raise Refused(f"pg_restore failed: {_last_line(said)}")
    finally:
        await _end(process, told)


def _where(server: Server) -> Sequence[str]:
    """Which database, without the password: `ps` shows what is on a command line."""
    named = _named(server)
    named.pop("password", None)
    return ("--dbname", make_conninfo("", **named))


def _environment(server: Server) -> dict[str, str]:
    kept = {it: os.environ[it] for it in os.environ if it in ("HOME", "PATH") or it[:2] == "PG"}
    password = _named(server).get("password")
    return kept | {
        "LC_ALL": "C",
        "PGAPPNAME": "dml backup",
        "PGCONNECT_TIMEOUT": "10",
        "PGOPTIONS": PATIENCE,
        **({} if password is None else {"PGPASSWORD": str(password)}),
    }


def _named(server: Server) -> dict[str, str]:
    url = make_url(server.url).set(drivername="postgresql").render_as_string(hide_password=False)
    return {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}


async def _feed(process: Process, chunks: AsyncIterator[bytes]) -> None:
    """Give a process its input to the end. Where it ends before, its own words say why."""
    assert process.stdin
    try:
        async for chunk in chunks:
            process.stdin.write(chunk)
            await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        pass
    process.stdin.close()


async def _read_all(stream: asyncio.StreamReader | None) -> bytes:
    """Read what a process says to its end, and keep the end of it."""
    assert stream
    kept = b""
    while chunk := await stream.read(CHUNK_BYTES):
        kept = (kept + chunk)[-TOLD_MAX:]
    return kept


async def _end_well(process: Process, name: str, told: bytes) -> None:
    if await process.wait():
        raise Refused(f"{name} failed: {_last_line(told)}")


async def _end(process: Process, told: "asyncio.Task[bytes]") -> None:
    """See to it that a process is gone."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    await told


def _last_line(told: bytes) -> str:
    lines = [it.strip() for it in told.decode(errors="replace").splitlines() if it.strip()]
    errors = [it for it in lines if "error" in it.lower()]
    return (errors or lines or ["it said nothing"])[-1]
