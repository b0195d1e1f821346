"""The use cases: announce a draft, and take that back."""

from dml.algorithms import queries, rules as algorithm_rules
from dml.algorithms.announcing import rules
from dml.algorithms.events import AlgorithmAnnounced, AlgorithmWithdrawn, seen_by
from dml.algorithms.models import Algorithm, AlgorithmState
from dml.core import events
from dml.core.context import Context
from dml.core.ids import AlgorithmId


async def announce(ctx: Context, algorithm_id: AlgorithmId) -> Algorithm:
    """Show everybody that an algorithm is coming. Nobody can order it yet."""
    algorithm = await queries.get_algorithm(ctx.tx, ctx.actor, algorithm_id, lock=True)
    algorithm_rules.require_developer(algorithm, ctx.actor)
    rules.require_draft(algorithm)
    await queries.hold_developer(ctx.tx, algorithm.developer_id)
    rules.require_room(await queries.count_announced(ctx.tx, algorithm.developer_id))
    move = algorithm_rules.move_algorithm(algorithm, AlgorithmState.ANNOUNCED, announced_at=ctx.now)
    algorithm.updated_at = ctx.now
    readers = [*seen_by(algorithm), events.EVERYONE]
    await events.record(ctx, AlgorithmAnnounced(algorithm.id), readers, move)
    return algorithm


async def withdraw(ctx: Context, algorithm_id: AlgorithmId) -> Algorithm:
    """Make a draft again of what was announced: only its developer and moderators see it."""
    algorithm = await queries.get_algorithm(ctx.tx, ctx.actor, algorithm_id, lock=True)
    algorithm_rules.require_developer(algorithm, ctx.actor)
    rules.require_announced(algorithm)
    move = algorithm_rules.move_algorithm(algorithm, AlgorithmState.DRAFT)
    algorithm.updated_at = ctx.now
    readers = [*seen_by(algorithm), events.EVERYONE]
    await events.record(ctx, AlgorithmWithdrawn(algorithm.id), readers, move)
    return algorithm
