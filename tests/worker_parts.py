"""What a worker's processes use, over the database and the blobs of an API under test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from dml.core.settings import Settings
from dml.core.worker import Sandbox, WorkerParts
from dml.edge.http import Parts
from dml.entrypoints import wiring
from dml.entrypoints.scorer import FileScorer
from dml.inference import runner
from dml.scoring.reader import Reader

PLACES: Final = 3  # More than one, for a test may read something beside a node of its own.


def make_parts(
    settings: Settings,
    parts: Parts,
    *,
    sandbox: Sandbox | None = None,
    reader: Reader | None = None,
    node: str = "worker-of-a-test",
) -> WorkerParts:
    """Parts whose sandbox and reader, where none are given, start only when they are used."""
    return WorkerParts(
        settings=settings,
        sessions=parts.sessions,
        blobs=parts.blobs,
        sandbox=sandbox or runner.Sandbox(),
        opener=wiring.make_opener(settings),
        scorer=FileScorer(reader or Reader()),
        node=node,
        scoring=asyncio.Semaphore(PLACES),
    )


@asynccontextmanager
async def nothing_read(parts: WorkerParts) -> AsyncIterator[None]:
    """Take every place, so that no file is read meanwhile."""
    async with AsyncExitStack() as places:
        for _ in range(PLACES):
            await places.enter_async_context(parts.scoring)
        yield
