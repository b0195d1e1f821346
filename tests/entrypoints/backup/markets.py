"""A marketplace to back up, and other homes to restore it in."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psycopg
from pydantic import SecretStr

from dml.core.db import connect
from dml.core.settings import Settings
from dml.entrypoints.backup import restoring
from dml.entrypoints.backup.key import BackupKey
from dml.entrypoints.backup.manifest import Manifest
from dml.entrypoints.backup.place import Place
from dml.entrypoints.backup.telling import SILENT
from dml.entrypoints.embedded import postgres
from dml.entrypoints.server import create_app
from tests.conftest import HOME
from tests.jobs.factories import Ordered
from tests.world import World


@dataclass(frozen=True)
class Market:
    """A marketplace of these tests alone, what was done in it, and a backup of it."""

    settings: Settings
    world: World
    job: Ordered
    place: Place
    key: BackupKey
    whole: Manifest
    folder: Path

    @property
    def opened(self) -> tuple[BackupKey, Manifest]:
        return self.key, self.whole


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[World]:
    assert settings.database_url is not None
    app = create_app(settings, connect(settings.database_url.get_secret_value(), name="test"))
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield World(app, client)


@contextmanager
def empty_database() -> Iterator[str]:
    name = f"dml_test_{os.getpid()}_restored"
    postgres.drop_database(HOME, name)
    try:
        yield postgres.create_database(HOME, name)
    finally:
        postgres.drop_database(HOME, name)


@contextmanager
def elsewhere(market: Market, home: Path) -> Iterator[Settings]:
    with empty_database() as url:
        yield market.settings.model_copy(update={"database_url": SecretStr(url), "home": home})


def url_of(settings: Settings) -> str:
    assert settings.database_url is not None
    return settings.database_url.get_secret_value()


async def restore(market: Market, settings: Settings, place: Place | None = None) -> None:
    place = place or market.place
    await restoring.restore(settings, url_of(settings), place, market.opened, SILENT)


def rows(settings: Settings, query: str) -> list[Any]:
    with psycopg.connect(url_of(settings)) as connection:
        return connection.execute(query.encode()).fetchall()
