"""Appeals end by themselves where what they are about is over."""

from typing import Final

from dml.algorithms.appeals import queries, rules
from dml.algorithms.appeals.models import Appeal, AppealState
from dml.algorithms.events import AlgorithmAppealSettled, VersionAppealSettled, seen_by
from dml.algorithms.models import Algorithm, Version
from dml.core import events
from dml.core.context import Context

DELETED: Final = "the version was deleted"
ARCHIVED: Final = "the algorithm was archived"
RESUMED: Final = "the algorithm was resumed"


async def settle_version(ctx: Context, algorithm: Algorithm, version: Version) -> None:
    """End what is open about a version that is deleted. The caller holds both."""
    for it in await queries.list_open(ctx.tx, algorithm.id):
        if it.version_id == version.id:
            await _settle(ctx, algorithm, it, DELETED)


async def settle_suspension(ctx: Context, algorithm: Algorithm) -> None:
    """End what is open about a suspension that is over. The caller holds the algorithm."""
    for it in await queries.list_open(ctx.tx, algorithm.id):
        if it.version_id is None:
            await _settle(ctx, algorithm, it, RESUMED)


async def settle_all(ctx: Context, algorithm: Algorithm) -> None:
    """End what is open about an algorithm that is archived. The caller holds it."""
    for it in await queries.list_open(ctx.tx, algorithm.id):
        await _settle(ctx, algorithm, it, ARCHIVED)


async def _settle(ctx: Context, algorithm: Algorithm, appeal: Appeal, why: str) -> None:
    rules.resolve(appeal, AppealState.SETTLED, ctx.actor, why, ctx.now)
    if appeal.version_id is None:
        settled: events.Event = AlgorithmAppealSettled(algorithm.id)
    else:
        settled = VersionAppealSettled(appeal.version_id, algorithm.id)
    readers = [*seen_by(algorithm), events.MODERATORS]
    await events.record(ctx, settled, readers, reason=why)
