"""What a worker's processes and loops may use beside their Context. The entrypoint provides it.

It is a global, because the engine calls processes by name: docs/decisions/0029.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.core.blobs import Blobs
from dml.core.sealing import Opener
from dml.core.settings import Settings
from dml.inference.behaviour import Behaviour
from dml.inference.passport import Passport
from dml.inference.signature import Reason, Signature
from dml.inference.spec import InputSpec
from dml.scoring.names import TableLayout
from dml.scoring.ranked import Ranked


class Sandbox(Protocol):
    """What tries a model. Not its class, whose imports would take the API a tenth of its start."""

    def examine(
        self,
        model: bytes | memoryview,
        spec: InputSpec,
        label_count: int,
        *,
        seconds: float | None = None,
    ) -> tuple[Signature, Passport | None]: ...

    def probe(
        self, model: bytes | memoryview, spec: InputSpec, label_count: int
    ) -> Behaviour | None: ...


class ScorerFailed(Exception):
    """The platform's fault, as far as is known: try again, best elsewhere.

    Where it fails in that way again, `reason` is what is said against the file; None where that
    can't be its fault.
    """

    def __init__(self, message: str, reason: Reason | None = None) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class PreparedTestSet:
    """A hidden test set that was read and split, as bytes, and what may be told of it."""

    test_set: bytes
    salt: bytes
    commitment: str
    rows: int
    public_rows: int
    classes: list[str] | None  # None where numbers are predicted.
    features: list[str]


class Scorer(Protocol):
    """What reads strangers' files and scores them. Blocking; nor its class, which needs numpy.

    Test sets and predictions go in and out as bytes, in their canonical form. A `format` is `csv`,
    `parquet` or `onnx`; `seconds` are what reading or running it may take where that is less than
    all that such a file may. Raises Refused where the file is at fault, else ScorerFailed.
    """

    def prepare(
        self,
        file: bytes,
        layout: TableLayout,
        *,
        metric: str,
        seconds: float | None = None,
    ) -> PreparedTestSet: ...

    def validate(
        self,
        file: bytes,
        *,
        format: str,
        metric: str,
        test_set: bytes,
        seconds: float | None = None,
    ) -> bytes | None: ...

    def predict(
        self,
        file: bytes,
        *,
        format: str,
        metric: str,
        test_set: bytes,
        seconds: float | None = None,
    ) -> bytes: ...

    def step(
        self, metric: str, test_set: bytes, best: bytes | None, new: bytes
    ) -> tuple[bool, float]:
        """Whether the new predictions beat the best ones on the public rows, and their score."""
        ...

    def rank(
        self,
        metric: str,
        test_set: bytes,
        entries: Mapping[str, bytes],
        salt: bytes,
        *,
        draws: int,
    ) -> list[Ranked]:
        """Rank predictions on the private rows; of equal ones the first in `entries` is first."""
        ...

    def agreements(self, metric: str, entries: Mapping[str, bytes]) -> list[tuple[str, str, float]]:
        """Find pairs of predictions that agree suspiciously well, the closest first."""
        ...


@dataclass(frozen=True)
class WorkerParts:
    settings: Settings
    sessions: async_sessionmaker[AsyncSession]
    blobs: Blobs
    sandbox: Sandbox
    opener: Opener
    scorer: Scorer
    node: str  # What this worker is called among the nodes.
    # As many places as sandbox and scorer have. Who waits for one holds neither a file in memory
    # nor one of the few threads.
    checking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    scoring: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))


_parts: WorkerParts | None = None


def provide(parts: WorkerParts) -> None:
    """Set what this worker's processes use. Called once, before the engine starts."""
    global _parts
    _parts = parts


def parts() -> WorkerParts:
    assert _parts is not None, "this is no worker"
    return _parts
