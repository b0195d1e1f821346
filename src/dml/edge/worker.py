"""What a worker's processes and loops may use beside their Context. The entrypoint provides it."""

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.core.blobs import Blobs
from dml.core.settings import Settings
from dml.inference.signature import Signature
from dml.inference.spec import InputSpec


class Sandbox(Protocol):
    """What tries a model. Not its class, whose imports would take the API a tenth of its start."""

    def check(self, model: bytes, spec: InputSpec, label_count: int) -> Signature: ...


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
