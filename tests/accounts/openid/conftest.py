"""A real OpenID provider (npm's oidc-provider), shared by the tests of these files."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest
from pydantic import SecretStr

from dml.accounts.openid.late import Openid
from dml.accounts.openid.providers import from_settings
from tests.accounts.openid.browser import APP, Browser
from tests.world import World

ROOT: Final = Path(__file__).parents[3]


@pytest.fixture(scope="package")
async def issuer() -> AsyncIterator[str]:
    script = Path(__file__).with_name("provider.mjs")
    process = await asyncio.create_subprocess_exec(
        *(ROOT / ".venv/bin/node", script, ROOT / ".venv/openid"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    yield json.loads(await process.stdout.readline())["issuer"]
    process.stdin.close()  # With it, it ends.
    await process.wait()


@pytest.fixture
def real(world: World, issuer: str) -> Iterator[Openid]:
    """Have the API know this provider, and no other."""
    set_up = world.parts.settings.model_copy(
        update={
            "openid_issuer": issuer,
            "openid_client_id": "market",
            "openid_client_secret": SecretStr("a-secret-of-the-tests"),
            "openid_return_to": [APP],
            "openid_to_loopback": True,
        }
    )
    before = world.app.state.openid
    world.app.state.openid = Openid(from_settings(set_up), set_up)
    yield world.app.state.openid
    world.app.state.openid = before


@pytest.fixture
def browser(world: World, real: Openid) -> Browser:
    return Browser(world)
