"""`dml admin profile`, of an API as `dml up` starts it: one that has hidden rich from structlog."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dml.core.context import Role
from dml.core.settings import Settings
from dml.entrypoints.embedded import free_ports
from tests.world import World

START_SECONDS = 60


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[tuple[str, int]]:
    """The URL of an API over the database of the tests, and its process."""
    port = free_ports.lasting("127.0.0.1")
    assert settings.database_url is not None
    assert settings.redis_url is not None
    environment = {
        "DML_DATABASE_URL": settings.database_url.get_secret_value(),
        "DML_REDIS_URL": settings.redis_url.get_secret_value(),
        "DML_HOME": str(settings.home),
        "DML_PORT": str(port),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "dml.entrypoints.api_process"), env=os.environ | environment
    )
    url = f"http://127.0.0.1:{port}"
    async with httpx2.AsyncClient() as client, asyncio.timeout(START_SECONDS):
        while True:
            try:
                await client.get(f"{url}/healthz")
                break
            except httpx2.TransportError:
                await asyncio.sleep(0.1)
    yield url, process.pid
    process.terminate()
    await process.wait()


async def test_it_waits_and_saves_or_says_why_not(
    world: World, api: tuple[str, int], tmp_path: Path
) -> None:
    url, pid = api
    admin = await world.person("admin", Role.ADMIN)

    async def dml(*arguments: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "dml.entrypoints.cli", "admin", *arguments, "--server", url),
            env=os.environ | {"DML_TOKEN": admin.token},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await process.communicate()
        return process.returncode or 0, out.decode(), errors.decode()

    async with asyncio.timeout(START_SECONDS):
        while True:
            found = [it["name"] for it in await _listed(dml) if f"-{pid}-" in it["name"]]
            if found:
                break
            await asyncio.sleep(0.1)
    named = ("profile", found[0], "--seconds", "1", "--to", str(tmp_path))
    code, out, errors = await dml(*named, "--kind", "memory", "--json")
    assert code == 0, errors
    files = [Path(it) for it in json.loads(out)["files"]]
    assert "What was held" in files[0].read_text()
    assert json.loads(files[1].read_text())["profiles"]
    assert files[0].stat().st_mode & 0o777 == 0o600
    code, _, errors = await dml("profile", "nobody")
    assert (code, "no process is called so" in errors) == (1, True)
    code, _, errors = await dml(*named, "--kind", "disk")
    assert (code, "cpu" in errors) == (1, True), errors


async def _listed(dml: Any) -> list[dict[str, Any]]:
    code, out, errors = await dml("processes", "--json")
    assert code == 0, errors
    found: list[dict[str, Any]] = json.loads(out)
    return found
