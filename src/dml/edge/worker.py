"""What a worker's processes and loops may use beside their Context. The entrypoint provides it."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.core.blobs import Blobs
from dml.core.settings import Settings
from dml.inference.runner import Sandbox


@dataclass(frozen=True)
class WorkerParts:
    settings: Settings
    sessions: async_sessionmaker[AsyncSession]
    blobs: Blobs
    sandbox: Sandbox


_parts: WorkerParts | None = None


def provide(parts: WorkerParts) -> None:
    """Set what this worker's processes use. Called once, before the engine starts."""
    global _parts
    _parts = parts


def parts() -> WorkerParts:
    assert _parts is not None, "this is no worker"
    return _parts
