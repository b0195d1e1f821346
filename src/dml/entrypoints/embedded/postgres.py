"""PostgreSQL: made, started, adopted, asked, stopped.

Over TCP, on 127.0.0.1 and a free port, only the application's role may connect, and only to its own
databases. It owns them and is no superuser.
"""

import contextlib
import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from dml.entrypoints.embedded import folders, free_ports, life, locks, places, wheels
from dml.entrypoints.embedded.locks import Process
from dml.entrypoints.embedded.places import Site
from dml.entrypoints.embedded.state import State
from dml.refused import Refused

APP: Final = "dml"  # The application's role, and its database.

HOST: Final = "127.0.0.1"

# Further databases are named dml_…; the quoted pattern matches the database's name.
_HBA: Final = f"""\
local  all                    all    scram-sha-256
host   "/^{APP}(_.*)?$"  {APP}  {HOST}/32  scram-sha-256
"""

# For a machine with little to spare: memory is taken as it is used, and few helpers run.
_SETTINGS: Final[dict[str, object]] = {
    "max_connections": 400,  # Eight APIs, four workers and a chain process may open 339.
    "shared_buffers": "96MB",
    "effective_cache_size": "512MB",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "15min",
    "random_page_cost": 1.1,
    "io_method": "sync",  # Three processes less; they read ahead in large tables on slow disks.
    "jit": "off",
    "log_lock_waits": "on",  # Who waits for a lock longer than the check for deadlocks takes.
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "cluster_name": APP,
}

_INITDB: Final = ("-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8", "--no-instructions")
_INITDB_LOCALE: Final = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
_PSQL: Final = ("-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-U", "postgres")

# For psql. CREATE DATABASE comes last: where the database exists, all before it was done.
_SETUP: Final = f"""\
SET log_min_error_statement = panic;  -- No password in the log, should this fail.
SELECT pg_advisory_lock(1);  -- The psql of a launcher that was killed may still be at it.
SELECT 'CREATE ROLE {APP}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP}') \\gexec
ALTER ROLE {APP} LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB PASSWORD '%s';
SELECT 'CREATE DATABASE {APP} OWNER {APP}'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{APP}') \\gexec
"""  # noqa: S608 - constants

# What only a superuser may add to a database. It finds models that answer alike faster, and nothing
# needs it: a database that was made before, or half made, does without (docs/decisions/0068).
_ADD_VECTORS: Final = """\
SELECT 'CREATE EXTENSION IF NOT EXISTS vector'
WHERE EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') \\gexec
"""

_WHO: Final = f"""\
SELECT current_setting('data_directory'), current_setting('dml.cluster_id', true),
       current_setting('port'), EXISTS (SELECT FROM pg_database WHERE datname = '{APP}');
"""  # noqa: S608 - constants


def url(state: State) -> str:
    """How the application connects over TCP."""
    return f"postgresql://{APP}:{state.app_password}@127.0.0.1:{state.port}/{APP}"


def socket_url(state: State, database: str = APP) -> str:
    """How the application connects over the socket; asyncpg, psycopg and SQLAlchemy read it."""
    where = f"host={quote(state.run, safe='')}&port={state.port}"
    return f"postgresql://{APP}:{state.app_password}@/{database}?{where}"


def process(home: str | Path) -> Process | None:
    """The server's first process. None where it does not run."""
    site = places.find(home)
    return _leader(site) if site else None


def run_sql(home: str | Path, script: str, *, database: str = "postgres") -> str:
    """What psql answers to a script as superuser: a line for each row, tabs between columns."""
    site = places.find(home)
    if site is None:
        raise Refused(f"no servers were ever started in {home}")
    answer = _psql(_programs(site), site, script, database)
    if answer.returncode:
        raise Refused(f"PostgreSQL refused: {answer.stderr.strip()}")
    return answer.stdout


def create_database(home: str | Path, name: str, *, template: str = "template1") -> str:
    """Make a further database that the application's role owns, and answer its socket URL."""
    _require_own_name(name)
    run_sql(home, f'CREATE DATABASE "{name}" OWNER {APP} TEMPLATE "{template}"')
    if template == "template1":  # Another one has it, if it is to.
        run_sql(home, _ADD_VECTORS, database=name)
    site = places.find(home)
    assert site is not None
    return socket_url(site.state, name)


def drop_database(home: str | Path, name: str) -> None:
    """Remove a further database, whoever is connected to it. One that is gone is fine."""
    _require_own_name(name)
    run_sql(home, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def start(site: Site, *, settings: Mapping[str, object], deadline: float) -> None:
    """Start the server, or adopt it where it runs, so that the application can connect."""
    programs = _programs(site)
    if not _data(site).exists():
        _initialise(programs, site)
    _require_version(site)
    _end_orphans(site)
    if not (site.run / f".s.PGSQL.{site.state.port}").exists():
        # A cleaner of /tmp took the socket, and only a new start brings it back.
        stop(site, timeout=60)

    def launch(lock: int) -> None:
        _launch(programs, site, lock, _SETTINGS | dict(settings))

    def problem() -> str:
        return _problem(programs, site)

    life.await_ready(
        _lock(site),
        start=launch,
        problem=problem,
        log=site.place / "postgres.log",
        deadline=deadline,
    )


def stop(site: Site, *, timeout: float) -> None:
    """Stop the server, if it runs, without waiting for its clients."""
    life.stop(_lock(site), signal.SIGINT, account=site.account, timeout=timeout)


def _programs(site: Site) -> Path:
    return wheels.programs(wheels.POSTGRES, site.place, site.account)


def _lock(site: Site) -> Path:
    return site.place / "postgres.lock"


def _data(site: Site) -> Path:
    return site.place / "postgres"


def _require_own_name(name: str) -> None:
    assert re.fullmatch(rf"{APP}_[a-z0-9_]{{1,59}}", name), f"not a name of ours: {name!r}"


def _require_version(site: Site) -> None:
    made_by = (_data(site) / "PG_VERSION").read_text().strip()
    installed = importlib.metadata.version(wheels.POSTGRES.name).split(".")[0]
    if made_by != installed:
        raise Refused(
            f"{_data(site)} was made by PostgreSQL {made_by}, and {installed} is installed: "
            f"dump it with {made_by} (pg_dump), and restore it into a new home"
        )


def _initialise(programs: Path, site: Site) -> None:
    """Make the cluster aside, then rename it: one killed half way leaves nothing that looks whole.

    initdb lives on when its launcher is killed, and would write into the next one's folder. So it
    holds the server's lock, and the next one waits for that.
    """
    new, password = site.place / "postgres.new", site.run / "password"
    while (lock := locks.claim(_lock(site))) is None:
        life.stop(_lock(site), signal.SIGTERM, account=site.account, timeout=30)
    try:
        shutil.rmtree(new, ignore_errors=True)
        folders.make_private(new, site.account)
        folders.write_private(
            password, site.state.superuser_password, uid=site.account.uid, gid=site.account.gid
        )
        made = site.account.run(
            [programs / "initdb", "-D", new, *_INITDB, *_INITDB_LOCALE, "--pwfile", password],
            keep_open=[lock],
        )
    finally:
        os.close(lock)
        password.unlink(missing_ok=True)
    if made.returncode:
        raise Refused(f"initdb failed in {site.place}:\n{made.stderr[-2000:]}")
    (new / "pg_hba.conf").write_text(_HBA)
    with (new / "postgresql.conf").open("a") as configuration:
        configuration.write(f"\ndml.cluster_id = '{site.state.cluster_id}'\n")
    new.rename(_data(site))


def _launch(programs: Path, site: Site, lock: int, settings: Mapping[str, object]) -> None:
    # The lock is ours, so nothing lives here: what lies about is stale, whatever its pid is by now.
    for stale in [_data(site) / "postmaster.pid", *site.run.glob(".s.PGSQL.*")]:
        stale.unlink(missing_ok=True)
    site.state.port = _free_port(site.state.port)
    site.save()
    folder = str(site.run).replace('"', '""')
    options = {
        **settings,
        "listen_addresses": HOST,
        "port": site.state.port,
        "unix_socket_directories": f'"{folder}"',
        "unix_socket_permissions": "0700",
        "password_encryption": "scram-sha-256",
    }
    flags = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
    program = life.Program(
        [programs / "postgres", "-D", _data(site), *flags],
        folder=_data(site),
        log=site.place / "postgres.log",
        account=site.account,
    )
    life.spawn(program, lock=lock)


def _problem(programs: Path, site: Site) -> str:
    """Why the application cannot connect yet. A server that is not ours is refused."""
    answer = _psql(programs, site, _WHO)
    if answer.returncode:
        return answer.stderr.strip() or "no answer"
    folder, cluster_id, port, has_database = answer.stdout.rstrip("\n").rsplit("\t", 3)
    is_ours = os.path.samefile(folder, _data(site)) and cluster_id == site.state.cluster_id
    if not is_ours or int(port) != site.state.port:
        raise Refused(
            f"the server in {site.run} is not ours: {folder}, cluster {cluster_id!r}, port {port}; "
            "stop it, or choose another DML_HOME"
        )
    if has_database == "f":
        # By standard input: `ps` shows what is on a command line.
        made = _psql(programs, site, _SETUP % site.state.app_password)
        if made.returncode:
            raise Refused(f"could not make the application's database: {made.stderr.strip()}")
        _psql(programs, site, _ADD_VECTORS, APP)
    return ""


def _psql(
    programs: Path, site: Site, script: str, database: str = "postgres"
) -> subprocess.CompletedProcess[str]:
    """Run a script as superuser. SCRAM proves each side to the other: no stranger passes."""
    state = site.state
    return site.account.run(
        [programs / "psql", *_PSQL, "-h", state.run, "-p", str(state.port), "-d", database],
        script=script,
        secrets={
            "PGPASSWORD": state.superuser_password,
            "PGREQUIREAUTH": "scram-sha-256",
            "PGCONNECT_TIMEOUT": "5",
        },
    )


def _leader(site: Site) -> Process | None:
    """The postmaster: the process that its pid file names, if it holds the lock."""
    with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
        pid = int((_data(site) / "postmaster.pid").read_text().split()[0])
        for holder in locks.holders(_lock(site), site.account):
            if holder.pid == pid:
                return holder
    return None


def _end_orphans(site: Site) -> None:
    """End what a killed postmaster left: a process that computes would not notice for long."""
    if locks.is_held(_lock(site)) and _leader(site) is None:
        for orphan in locks.heads(_lock(site), site.account):
            with contextlib.suppress(ProcessLookupError):
                os.kill(orphan.pid, signal.SIGQUIT)


def _free_port(preferred: int) -> int:
    if preferred and free_ports.is_free(HOST, preferred):
        return preferred
    try:
        return free_ports.lasting(HOST)
    except OSError as error:
        what = f"no TCP port is free on {HOST}: end something that listens"
        raise Refused(what) from error
