"""The use cases: suspend, and resume."""

from dml.algorithms import queries, rules as algorithm_rules
from dml.algorithms.appeals import settling
from dml.algorithms.events import AlgorithmResumed, AlgorithmSuspended, seen_by
from dml.algorithms.models import Algorithm, AlgorithmState, SuspendedBy
from dml.algorithms.moderation.reasons import ReasonCode, ReviewDecision
from dml.algorithms.moderation.rules import told
from dml.algorithms.owning import require_not_own
from dml.algorithms.search import spelling
from dml.algorithms.suspending import rules
from dml.core import events
from dml.core.context import Context
from dml.core.ids import AlgorithmId


async def suspend(
    ctx: Context,
    algorithm_id: AlgorithmId,
    *,
    reason: str | None,
    code: ReasonCode | None = None,
) -> Algorithm:
    """Take an algorithm off the list for now: no new job runs it, no work of it is given out.

    Devices that have begun may still hand in, and are paid; its jobs wait, at most until their
    deadline. To end them at once, recall the version. What its developer suspended, a moderator may
    suspend, too: then its developer can't resume it.
    """
    algorithm = await queries.get_algorithm(ctx.tx, ctx.actor, algorithm_id, lock=True)
    suspended_by = rules.suspends_as(algorithm, ctx.actor)
    said = told(ReviewDecision.SUSPEND, code, reason)
    if rules.takes_over(algorithm, suspended_by):
        move = None
    else:
        move = algorithm_rules.move_algorithm(algorithm, AlgorithmState.SUSPENDED)
        await spelling.forget(ctx.tx, algorithm.id)
    algorithm.suspended_by, algorithm.suspended_by_id = suspended_by, ctx.actor.user_id
    algorithm.suspended_at = algorithm.updated_at = ctx.now
    algorithm.suspension_reason, algorithm.suspension_code = said, code
    suspended = AlgorithmSuspended(algorithm.id, reason_code=code)
    await events.record(ctx, suspended, seen_by(algorithm), move, reason=said)
    return algorithm


async def resume(ctx: Context, algorithm_id: AlgorithmId, *, reason: str) -> Algorithm:
    """List an algorithm again that was suspended, by those who may."""
    algorithm = await queries.get_algorithm(ctx.tx, ctx.actor, algorithm_id, lock=True)
    rules.require_may_resume(algorithm, ctx.actor)
    if algorithm.suspended_by is not SuspendedBy.DEVELOPER:
        await require_not_own(ctx, algorithm)
    await settling.settle_suspension(ctx, algorithm)
    return await restore(ctx, algorithm, reason=reason)


async def restore(ctx: Context, algorithm: Algorithm, *, reason: str) -> Algorithm:
    """Make of a suspended algorithm, which the caller holds, what it was: listed, or announced."""
    since = algorithm.announced_at
    if since is None or await queries.was_listed(ctx.tx, algorithm.id):
        move = algorithm_rules.move_algorithm(algorithm, AlgorithmState.LISTED)
    else:
        move = algorithm_rules.move_algorithm(
            algorithm, AlgorithmState.ANNOUNCED, announced_at=since
        )
    algorithm.updated_at = ctx.now
    await spelling.learn(ctx.tx, algorithm.id)
    readers = [*seen_by(algorithm), events.EVERYONE]
    await events.record(ctx, AlgorithmResumed(algorithm.id), readers, move, reason=reason)
    return algorithm
