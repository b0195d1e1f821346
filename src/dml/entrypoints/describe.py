"""The API's description as a file, made without a database."""

import json
import tempfile
from pathlib import Path

from dml.core.db import connect
from dml.core.settings import Settings
from dml.entrypoints.server import create_app


def openapi_json() -> str:
    """Return OpenAPI as JSON, always with the same text for the same code."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(
            home=Path(home),
            database_url="postgresql://nowhere/dml",
            redis_url="redis://nowhere",
        )
        app = create_app(settings, connect("postgresql://nowhere/dml", name="none"))
        return json.dumps(app.openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
