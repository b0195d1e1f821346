"""The use cases: appeal, and decide about an appeal."""

from datetime import datetime

from dml.algorithms import queries as algorithm_queries, rules as algorithm_rules, service
from dml.algorithms.appeals import queries, rules
from dml.algorithms.appeals.models import Appeal, AppealState
from dml.algorithms.appeals.rules import Decided
from dml.algorithms.events import (
    AlgorithmAppealed,
    AlgorithmAppealOverturned,
    AlgorithmAppealUpheld,
    VersionAppealed,
    VersionAppealOverturned,
    VersionAppealUpheld,
    seen_by,
)
from dml.algorithms.models import Algorithm, Version
from dml.algorithms.owning import require_not_own
from dml.algorithms.suspending import service as suspending
from dml.core import events
from dml.core.context import Context
from dml.core.ids import AlgorithmId, AppealId, VersionId, new_id


async def appeal_version(
    ctx: Context,
    algorithm_id: AlgorithmId,
    version_id: VersionId,
    *,
    text: str,
    kept_since: datetime,
) -> Appeal:
    """Ask another moderator to look at why a version was rejected, or recalled.

    What was turned down before `kept_since` has no file any more, which could be approved.
    """
    version, algorithm = await algorithm_queries.get_version(
        ctx.tx, ctx.actor, algorithm_id, version_id, lock=True
    )
    algorithm_rules.require_developer(algorithm, ctx.actor)
    algorithm_rules.require_not_archived(algorithm)
    decided = rules.decision_about(version)
    algorithm_rules.require_file_kept(version, kept_since + rules.BEFORE_ITS_FILE_GOES)
    return await _appeal(ctx, algorithm, version, decided, text)


async def appeal_suspension(ctx: Context, algorithm_id: AlgorithmId, *, text: str) -> Appeal:
    """Ask another moderator to look at why an algorithm was suspended."""
    algorithm = await algorithm_queries.get_algorithm(ctx.tx, ctx.actor, algorithm_id, lock=True)
    algorithm_rules.require_developer(algorithm, ctx.actor)
    return await _appeal(ctx, algorithm, None, rules.suspension_of(algorithm), text)


async def uphold(ctx: Context, appeal_id: AppealId, *, reason: str) -> Appeal:
    """Find that the first moderator was right. What was decided stays."""
    appeal, algorithm, _ = await _hold(ctx, appeal_id)
    rules.resolve(appeal, AppealState.UPHELD, ctx.actor, reason, ctx.now)
    upheld: events.Event = AlgorithmAppealUpheld(algorithm.id)
    if appeal.version_id is not None:
        upheld = VersionAppealUpheld(appeal.version_id, algorithm.id)
    readers = [*seen_by(algorithm), events.MODERATORS]
    await events.record(ctx, upheld, readers, reason=reason)
    return appeal


async def overturn(ctx: Context, appeal_id: AppealId, *, reason: str) -> Appeal:
    """Find that the first moderator was wrong, and take the decision back at once.

    A version is approved, as this moderator's own review; a suspended algorithm is what it was.
    """
    appeal, algorithm, version = await _hold(ctx, appeal_id)
    rules.resolve(appeal, AppealState.OVERTURNED, ctx.actor, reason, ctx.now)
    overturned: events.Event = AlgorithmAppealOverturned(algorithm.id)
    if version is not None:
        overturned = VersionAppealOverturned(version.id, algorithm.id)
    readers = [*seen_by(algorithm), events.MODERATORS]
    await events.record(ctx, overturned, readers, reason=reason)
    if version is None:
        await suspending.restore(ctx, algorithm, reason=reason)
    else:
        await service.accept(ctx, algorithm, version, reason=reason, code=None)
    return appeal


async def _appeal(
    ctx: Context, algorithm: Algorithm, version: Version | None, decided: Decided, text: str
) -> Appeal:
    version_id = None if version is None else version.id
    if await queries.was_appealed(ctx.tx, algorithm.id, version_id, decided.at):
        raise rules.AppealedAlready
    appeal = Appeal(
        id=AppealId(new_id()),
        algorithm_id=algorithm.id,
        version_id=version_id,
        decision=decided.decision,
        decided_at=decided.at,
        decided_by=decided.by,
        decided_reason=decided.reason,
        decided_code=decided.code,
        text=text,
        state=AppealState.OPEN,
        created_at=ctx.now,
    )
    ctx.tx.add(appeal)
    await ctx.tx.flush()
    appealed: events.Event = AlgorithmAppealed(algorithm.id)
    if version is not None:
        appealed = VersionAppealed(version.id, algorithm.id)
    readers = [*seen_by(algorithm), events.MODERATORS]
    await events.record(ctx, appealed, readers, reason=text)
    return appeal


async def _hold(ctx: Context, appeal_id: AppealId) -> tuple[Appeal, Algorithm, Version | None]:
    """Hold an open appeal and what it is about, for a moderator who may decide about it."""
    known = await queries.get_appeal(ctx.tx, ctx.actor, appeal_id)
    version: Version | None = None
    if known.version_id is None:
        algorithm = await algorithm_queries.get_algorithm(
            ctx.tx, ctx.actor, known.algorithm_id, lock=True
        )
    else:
        version, algorithm = await algorithm_queries.get_version(
            ctx.tx, ctx.actor, known.algorithm_id, known.version_id, lock=True
        )
    appeal = await queries.get_appeal(ctx.tx, ctx.actor, appeal_id, lock=True)
    rules.require_open(appeal)
    rules.require_another(appeal, ctx.actor)
    await require_not_own(ctx, algorithm, version)
    return appeal, algorithm, version
