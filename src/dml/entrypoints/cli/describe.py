"""The API's description, and the graph's schema, as files, made without a database."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from pydantic import SecretStr

from dml.core.db import connect
from dml.core.settings import Settings
from dml.entrypoints.server import create_app

NOWHERE: Final = "postgresql://nowhere/dml"


@contextmanager
def app_without_database() -> Iterator[FastAPI]:
    """The API without connections: it would connect when a request needs it. To inspect only."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(
            home=Path(home),
            database_url=SecretStr(NOWHERE),
            redis_url=SecretStr("redis://nowhere"),
        )
        yield create_app(settings, connect(NOWHERE, name="none"))


def openapi_json() -> str:
    """Return OpenAPI as JSON: the same code always gives the same text."""
    with app_without_database() as app:
        return json.dumps(app.openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def graphql_schema() -> str:
    """Return the schema of the graph, in GraphQL: the same code always gives the same text."""
    with app_without_database() as app:
        schema: str = app.state.graph.make().schema.as_str()
        return schema + "\n"
