"""How an algorithm is tried: the sample comes in, waits for its turn, and goes with the answer."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from fastapi import Request

from dml.accounts import sandbox_time
from dml.algorithms import rules as algorithm_rules
from dml.algorithms.demos import queries, rules
from dml.algorithms.demos.booth import Booth, Took, Trial, Tried
from dml.algorithms.demos.rules import Guess
from dml.algorithms.models import Algorithm, Version
from dml.core.context import BeginFunction
from dml.core.ids import AlgorithmId, VersionId
from dml.core.spool import Spool
from dml.edge.bodies import stream_file
from dml.edge.http import Parts
from dml.edge.limits import count_try
from dml.edge.uploads import uploading

PHOTO: Final = "photo"
TENSOR: Final = "tensor"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which version to try; how many labels to tell; from which probability on one counts."""

    algorithm_id: AlgorithmId
    version_id: VersionId | None
    most_labels: int
    min_confidence: float


@dataclass(frozen=True, slots=True)
class Demo:
    """What a version made of a sample."""

    version: Version
    seen: bytes
    guesses: Sequence[Guess]
    is_certain: bool
    took: Took


async def try_on(
    server: Parts, begin: BeginFunction, request: Request, asked: Asked, kind: str
) -> Demo:
    """Try a version on the sample in the body of a request. It is charged to the actor's clock."""
    began = datetime.now(UTC)
    async with begin() as ctx:
        actor = ctx.actor
        await queries.get_triable(ctx.tx, actor, asked.algorithm_id, asked.version_id)
        await sandbox_time.require_room(ctx, actor.id)
    await count_try(server, f"demos:{actor.id}", server.settings.demos_a_minute)
    with Spool() as spool:
        async with uploading(server, actor, request, limit=rules.SAMPLE_BYTES_MAX):
            async for chunk in stream_file(request, limit=rules.SAMPLE_BYTES_MAX):
                await spool.write(chunk)
        async with begin(since=began) as ctx:  # It may have been recalled while the sample came.
            version, algorithm = await queries.get_triable(
                ctx.tx, actor, asked.algorithm_id, asked.version_id
            )
            await sandbox_time.take_turn(ctx, actor.id)
        took = Took()
        trial = Trial(
            input_spec=version.input_spec,
            label_count=len(algorithm.labels),
            kind=kind,
            today=began.date().isoformat(),
            read=spool.read,
            load=_loader(server, version.sha256),
        )
        try:
            tried = await _booth(server).run(trial, took)
        finally:
            an_hour = server.settings.sandbox_seconds_an_hour
            async with begin(since=began) as ctx:
                await sandbox_time.charge(ctx, actor.id, took.seconds, seconds_an_hour=an_hour)
    return _told(asked, version, algorithm, tried, took)


def _told(asked: Asked, version: Version, algorithm: Algorithm, tried: Tried, took: Took) -> Demo:
    guesses = rules.best(tried.shares, algorithm.labels, asked.most_labels)
    certain = rules.is_certain(max(tried.shares), asked.min_confidence)
    return Demo(version, tried.seen, guesses, certain, took)


def _booth(server: Parts) -> Booth:
    booth: Booth = server.booth
    return booth


def _loader(server: Parts, sha256: str) -> Callable[[], Awaitable[bytes]]:
    async def load() -> bytes:
        try:
            return await server.blobs.get(sha256)
        except FileNotFoundError:
            raise algorithm_rules.FileForgotten from None

    return load
