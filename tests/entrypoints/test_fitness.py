"""A PostgreSQL that we cannot work with is refused at every start, in one line."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import httpx2
import pytest
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from dml.core.db import connect
from dml.core.settings import Settings
from dml.entrypoints import fitness
from dml.entrypoints.embedded import accounts, postgres
from dml.entrypoints.embedded.servers import Endpoints
from dml.entrypoints.fitness import DatabaseFacts, Needs, fault_of
from dml.entrypoints.server import create_app
from dml.refused import ExitCode, Refused
from tests.conftest import HOME

FIT: Final = DatabaseFacts(180_001, "UTF8", is_read_only=False)
OLD: Final = Path("/usr/lib/postgresql/15/bin")
COMMANDS: Final = ("migrate", "server", "worker", "doctor")


@pytest.mark.parametrize("needs", Needs)
def test_what_is_needed_is_said_and_what_to_do(needs: Needs) -> None:
    assert fault_of(FIT, needs) is None
    assert fault_of(DatabaseFacts(190_000, "UTF8", is_read_only=False), needs) is None
    for version, named in ((170_006, "17.6"), (150_003, "15.3"), (90_624, "9.624")):
        fault = fault_of(DatabaseFacts(version, "UTF8", is_read_only=False), needs)
        assert fault is not None
        assert f"PostgreSQL {named}, and 18 or newer is needed" in fault
    for encoding in ("SQL_ASCII", "LATIN1", "EUC_JP"):
        fault = fault_of(DatabaseFacts(180_001, encoding, is_read_only=False), needs)
        assert fault is not None
        assert f"encoding is {encoding}" in fault
    standby = fault_of(DatabaseFacts(180_001, "UTF8", is_read_only=True), needs)
    assert (standby is None) == (needs is Needs.READ)
    many = fault_of(
        DatabaseFacts(180_001, "UTF8", False, tuple(f"read t{n}" for n in range(9))), needs
    )
    assert many is not None
    assert "read t4; and 4 more: let it own" in many
    assert "\n" not in many


def _run(command: str, url: str, home: Path) -> "subprocess.CompletedProcess[str]":
    variables = {
        "PATH": os.defpath,
        "DML_DATABASE_URL": url,
        "DML_REDIS_URL": "redis://127.0.0.1:1",
        "DML_HOME": str(home),
        "DML_PORT": "0",
    }
    dml = (sys.executable, "-m", "dml.entrypoints.cli", command)
    return subprocess.run(
        dml, env=variables, text=True, capture_output=True, check=False, timeout=100
    )


async def _require_refused(url: str, home: Path, says: str, *commands: str) -> None:
    runs = [asyncio.to_thread(_run, it, url, home) for it in commands]
    for ended in await asyncio.gather(*runs):
        assert ended.returncode in (ExitCode.NOT_DONE, ExitCode.NOT_REACHED), ended
        assert says in ended.stderr, ended
        lines = [it for it in ended.stderr.splitlines() if it.startswith("dml: ")]
        assert len(lines) == 1, ended
        assert "Traceback" not in ended.stderr


@pytest.mark.timeout(400)
async def test_a_database_without_an_encoding_is_refused(
    endpoints: Endpoints, tmp_path: Path
) -> None:
    name = f"dml_test_ascii_{os.getpid()}"
    create = (
        f'CREATE DATABASE "{name}" OWNER dml TEMPLATE template0 ENCODING SQL_ASCII '
        "LOCALE_PROVIDER libc LOCALE 'C'"
    )
    postgres.drop_database(HOME, name)
    postgres.run_sql(HOME, create)
    try:
        url = make_url(endpoints.postgres_socket).set(database=name)
        told = "encoding is SQL_ASCII, and has to be UTF8"
        await _require_refused(url.render_as_string(hide_password=False), tmp_path, told, *COMMANDS)
    finally:
        postgres.drop_database(HOME, name)


@pytest.fixture
def old_server() -> Iterator[str]:
    """A PostgreSQL 15 of this machine, where it has one."""
    if not (OLD / "postgres").exists():
        pytest.skip("this machine has no PostgreSQL 15")
    folder = Path(tempfile.mkdtemp(prefix="dml-old-", dir="/tmp"))
    account = accounts.choose()
    os.chown(folder, account.uid, account.gid)
    data = folder / "data"
    made = account.run([OLD / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"])
    assert made.returncode == 0, made.stderr
    ctl: list[str | Path] = [OLD / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    assert account.run([*ctl, "-o", options, "start"]).returncode == 0
    yield f"postgresql://postgres@/postgres?host={folder}"
    account.run([*ctl, "-m", "immediate", "stop"])
    shutil.rmtree(folder)


async def _require_unfit(url: str, says: str, *needs: Needs) -> None:
    """As above without the processes: that each command looks at all, that test says."""
    for it in needs:
        with pytest.raises(Refused, match=says):
            await fitness.require(url, it)


async def test_an_old_server_is_refused(old_server: str) -> None:
    await _require_unfit(old_server, r"this is PostgreSQL 15\.", *Needs)


@pytest.fixture
def role(endpoints: Endpoints) -> Iterator[str]:
    name = f"dml_test_role_{os.getpid()}"
    postgres.run_sql(HOME, f"CREATE ROLE {name} LOGIN PASSWORD 'secret'")
    yield name
    postgres.run_sql(HOME, f"DROP OWNED BY {name}; DROP ROLE {name}", database="postgres")


async def test_a_role_without_rights_is_refused(new_database: str, role: str) -> None:
    url = make_url(new_database)
    theirs = url.set(username=role, password="secret").render_as_string(hide_password=False)
    try:
        await _require_unfit(theirs, "the role may not", *Needs)
        for schema in ("public", "dbos"):
            grants = f"GRANT USAGE ON SCHEMA {schema} TO {role}; "
            grants += f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}"
            postgres.run_sql(HOME, grants, database=str(url.database))
        await fitness.require(theirs, Needs.READ)
        await _require_unfit(theirs, "the role may not", Needs.WORK, Needs.MIGRATE)
        wrong = url.set(password="wrong").render_as_string(hide_password=False)
        await _require_unfit(wrong, "does not let us in", *Needs)
        nowhere = url.set(database="dml_nowhere").render_as_string(hide_password=False)
        await _require_unfit(nowhere, "does not let us in", *Needs)
    finally:
        postgres.run_sql(HOME, f"DROP OWNED BY {role}", database=str(url.database))


async def test_a_server_that_is_away_is_waited_for_or_let_pass(tmp_path: Path) -> None:
    nowhere = f"postgresql://dml@/dml?host={tmp_path}"
    await fitness.require(nowhere, Needs.WORK)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await fitness.require(nowhere, Needs.WORK, patient=True)


@pytest.fixture
async def client(
    settings: Settings, new_database: str
) -> AsyncIterator[tuple[httpx2.AsyncClient, Settings]]:
    """An API over a database that no worker has seen yet."""
    own = settings.model_copy(update={"database_url": SecretStr(new_database)})
    assert own.database_url
    app = create_app(own, connect(own.database_url.get_secret_value(), name="test ready"))
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://test") as made,
    ):
        yield made, own


@pytest.mark.timeout(400)
async def test_without_a_worker_that_works_nobody_is_ready(
    client: tuple[httpx2.AsyncClient, Settings],
) -> None:
    api, settings = client

    async def until(status: int, seconds: int) -> None:
        for _ in range(seconds * 10):
            answer = await api.get("/readyz")
            if answer.status_code == status:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(answer.text)

    unready = await api.get("/readyz")
    assert (unready.status_code, unready.json()["database"]) == (503, "ok")
    assert settings.database_url
    assert settings.redis_url
    variables = {
        "DML_DATABASE_URL": settings.database_url.get_secret_value(),
        "DML_REDIS_URL": settings.redis_url.get_secret_value(),
        "DML_HOME": str(settings.home),
    }
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dml.entrypoints.cli", "worker", env=os.environ | variables
    )
    try:
        await until(200, 40)
        worker.send_signal(signal.SIGSTOP)
        await until(503, 20)
        assert "worker" in json.dumps((await api.get("/readyz")).json())
        worker.send_signal(signal.SIGCONT)
        await until(200, 20)
        worker.kill()  # Its last sign of life is good for ten seconds, its lock is gone.
        await until(503, 3)
    finally:
        with contextlib.suppress(ProcessLookupError):
            worker.kill()
        await worker.wait()
