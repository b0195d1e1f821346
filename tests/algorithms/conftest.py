"""A worker's parts beside the API: the same blobs and database, and a sandbox for all tests."""

from collections.abc import Iterator

import pytest

from dml.core import worker
from dml.core.settings import Settings
from dml.core.worker import WorkerParts
from dml.inference.runner import Allowance, Sandbox
from tests.worker_parts import make_parts
from tests.world import World


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Allowance(seconds=1, item_seconds=0.1)) as sandbox:
        yield sandbox


@pytest.fixture
def worker_parts(world: World, settings: Settings, sandbox: Sandbox) -> WorkerParts:
    """What processes use that are run here, without the engine."""
    parts = make_parts(settings, world.parts, sandbox=sandbox)
    worker.provide(parts)
    return parts
