from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from dml.entrypoints.cli.describe import app_without_database


@pytest.fixture(scope="module")
def app() -> Iterator[FastAPI]:
    with app_without_database() as made:
        yield made
