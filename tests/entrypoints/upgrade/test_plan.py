"""`dml upgrade --plan` against databases that are empty, behind, as they should be, and ahead."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from alembic import command
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from dml.core.db import SCHEMA_REVISION
from dml.entrypoints import migrate
from dml.entrypoints.embedded import postgres
from dml.entrypoints.embedded.servers import Endpoints
from dml.entrypoints.upgrade import planning
from dml.release import release
from tests.conftest import HOME

Plan = Callable[..., tuple[bool, dict[str, Any]]]


@pytest.fixture
def empty(endpoints: Endpoints) -> Iterator[str]:
    name = f"dml_to_upgrade_{os.getpid()}"
    postgres.drop_database(HOME, name)
    yield postgres.create_database(HOME, name)
    postgres.drop_database(HOME, name)


async def dml(url: str, *arguments: str, **more: str) -> tuple[int, str, str]:
    """Run the command as a person does; answers exit code, output and errors."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dml.entrypoints.cli", "upgrade", *arguments),
        env=os.environ | {"DML_DATABASE_URL": url, "COLUMNS": "200"} | more,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    return process.returncode or 0, out.decode(), errors.decode()


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Make the plan for a database: whether there is something to do, and what scripts read."""

    def look(url: str, **more: str) -> tuple[bool, dict[str, Any]]:
        for name, value in ({"DML_DATABASE_URL": url} | more).items():
            monkeypatch.setenv(name, value)
        made = planning.plan()
        return bool(made.steps), json.loads(made.as_json())

    return look


def at_revision(url: str, revision: str) -> None:
    """Bring an empty database up to here, as an older release would have."""
    database = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with database.connect() as connection:
        command.upgrade(migrate.config(connection), revision)
        connection.commit()
    database.dispose()


async def test_an_empty_database_and_then_one_that_is_behind(empty: str, plan: Plan) -> None:
    is_due, told = plan(empty)
    assert (is_due, told["database"]["revision"]) == (True, None)
    assert told["migrations"][0]["revision"] == "0001"
    assert [it["do"] for it in told["steps"]] == ["dml migrate", "dml doctor"]
    await asyncio.to_thread(at_revision, empty, "0044")
    is_due, told = plan(empty)
    assert (is_due, told["database"]["revision"]) == (True, "0044")
    first = told["migrations"][0]
    assert (first["revision"], first["stage"]) == ("0045", "expand")
    assert first["locks"][0]["table"] == "vaults"
    assert [it["do"] for it in told["steps"]] == ["dml backup PLACE", "dml migrate", "dml doctor"]
    code, shown, _ = await dml(empty, "--plan")
    assert code == 1
    assert "reads and writes of vaults" in shown
    assert "1. dml backup PLACE" in shown
    assert (plan(empty))[1] == told  # It changed nothing.


def test_nothing_to_do_then_processes_of_another_release(new_database: str, plan: Plan) -> None:
    is_due, told = plan(new_database)
    assert (is_due, told["steps"], told["migrations"]) == (False, [], [])
    assert told["database"]["revision"] == told["revision"] == SCHEMA_REVISION
    _say_alive(new_database, release(), "0.0.9")
    is_due, told = plan(new_database)
    running = {it["release"]: it["count"] for it in told["database"]["running"]}
    assert running == {release(): 1, "0.0.9": 1}
    assert (is_due, [it["do"] for it in told["steps"]]) == (True, ["dml restart", "dml doctor"])


def test_a_newer_database_and_settings_that_stop_the_start(new_database: str, plan: Plan) -> None:
    is_due, told = plan(new_database, DML_MODEL_LIMIT_BYTE="1", DML_PUBLIC_URL="http://a.b")
    assert is_due
    assert "do you mean DML_MODEL_LIMIT_BYTES" in told["settings"][0]
    assert [it["do"] for it in told["steps"]] == told["settings"]
    assert len(told["settings"]) > 1  # What is unsafe where strangers can reach it.
    _execute(new_database, "UPDATE alembic_version SET version_num = '9999'")
    is_due, told = plan(new_database)
    assert (is_due, told["database"]["is_newer"], told["migrations"]) == (True, True, [])
    *_, step = told["steps"]  # Behind those of the settings.
    assert "9999" in step["why"]


async def test_it_only_plans_and_says_whom_it_cannot_ask() -> None:
    code, _, errors = await dml("postgresql://nobody@127.0.0.1:1/none", "--plan")
    assert code == 3
    assert "cannot be asked" in errors
    code, _, errors = await dml("postgresql://nobody@127.0.0.1:1/none")
    assert code == 2
    assert "--plan" in errors


def _say_alive(url: str, *releases: str) -> None:
    for it in releases:
        _execute(
            url,
            "INSERT INTO nodes (name, kind, seen_at, facts) "
            f"VALUES ('api-{it}', 'api', now(), '{{\"release\": \"{it}\"}}')",
        )


def _execute(url: str, sql: str) -> None:
    database = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with database.begin() as connection:
        connection.exec_driver_sql(sql)
    database.dispose()
