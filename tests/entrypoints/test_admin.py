"""What the operator at the machine may do: the first admin, and a password that was lost."""

import asyncio
import json
import os
import sys

import httpx2
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from dml.core.db import connect
from dml.core.settings import Settings
from dml.entrypoints.cli.admin import FIRST_EMAIL
from dml.entrypoints.server import create_app


@pytest.fixture
def here(settings: Settings, new_database: str) -> Settings:
    """Settings of a marketplace without anybody in it."""
    return settings.model_copy(update={"database_url": SecretStr(new_database)})


async def dml(here: Settings, *arguments: str) -> tuple[int, str, str]:
    """Run the command line as a person does; answers exit code, output and errors."""
    assert here.database_url is not None
    environment = {
        "DML_DATABASE_URL": here.database_url.get_secret_value(),
        "DML_HOME": str(here.home),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "dml.entrypoints.cli", *arguments),
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    return process.returncode or 0, out.decode(), errors.decode()


async def sign_in(here: Settings, password: str) -> int:
    assert here.database_url is not None
    app = create_app(here, connect(here.database_url.get_secret_value(), name="test admin"))
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        body = {"email": FIRST_EMAIL, "password": password}
        return (await client.post("/v1/users/authenticate", json=body)).status_code


async def test_the_first_admin_is_made_once_and_a_lost_password_is_replaced(
    here: Settings,
) -> None:
    code, shown, _ = await dml(here, "admin", "ensure-first")
    email, password = shown.split()
    assert (code, email) == (0, FIRST_EMAIL)
    assert len(password) >= 12
    assert await sign_in(here, password) == 200
    assert await dml(here, "admin", "ensure-first") == (0, "", "")

    assert await dml(here, "admin", "ensure-first", "--json") == (0, "null\n", "")

    _, shown, _ = await dml(here, "admin", "reset-password")
    assert await sign_in(here, password) == 401
    assert await sign_in(here, shown.split()[1]) == 200
    _, shown, _ = await dml(here, "admin", "reset-password", "--json")
    assert await sign_in(here, json.loads(shown)["password"]) == 200


async def test_nobody_unknown_gets_a_password(here: Settings) -> None:
    code, shown, error = await dml(here, "admin", "reset-password", "nobody@example.org")
    assert (code, shown) == (1, "")
    assert error == "dml: there is no account with the address nobody@example.org\n"


async def test_a_lost_second_factor_is_removed_by_the_operator(here: Settings) -> None:
    _, shown, _ = await dml(here, "admin", "ensure-first")
    email, password = shown.split()
    assert here.database_url is not None
    engine = connect(here.database_url.get_secret_value(), name="test admin")
    async with engine.begin() as connection:
        enrolled = "INSERT INTO totp_factors SELECT id, '', now(), now(), 0, 0 FROM users"
        await connection.execute(text(enrolled))
    await engine.dispose()
    assert await sign_in(here, password) == 401
    code, shown, _ = await dml(here, "admin", "reset-factors", email, "--yes", "--json")
    assert (code, json.loads(shown)) == (0, {"email": email, "had_factor": True})
    assert await sign_in(here, password) == 200
    assert await dml(here, "admin", "reset-factors", email, "-y") == (0, "there was none\n", "")


async def test_settings_are_shown_with_their_meaning_and_no_secret(here: Settings) -> None:
    assert here.database_url is not None
    code, shown, _ = await dml(here, "settings")
    assert code == 0
    assert "DML_MIN_OWNERS" in shown
    assert here.database_url.get_secret_value() not in shown


async def test_a_setting_that_cannot_be_is_named_in_a_line(here: Settings) -> None:
    os.environ["DML_MIN_OWNERS"] = "one"
    try:
        code, _, error = await dml(here, "settings")
    finally:
        del os.environ["DML_MIN_OWNERS"]
    assert code == 1
    assert "DML_MIN_OWNERS" in error
    assert "Traceback" not in error
