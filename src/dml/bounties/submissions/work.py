"""What a worker is given of a submission, and what becomes of its score."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from dml.accounts import sandbox_time
from dml.bounties.models import (
    Bounty,
    Enrollment,
    Record,
    Submission,
    TestSetState,
)
from dml.bounties.submissions import queries as submission_queries, rules as submission_rules
from dml.bounties.submissions.evaluating import Best, Work
from dml.core import nodes, worker
from dml.core.context import Context
from dml.scoring import names
from dml.scoring.names import MetricName

_AN_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Begun:
    """The work for a worker, or the reason why there is none."""

    outcome: str
    work: Work | None = None


async def is_for_another(ctx: Context, submission: Submission, deferrals: int) -> bool:
    """Whether this worker failed at it before, and another one is alive that did not."""
    failed = set(submission.failed_nodes)
    if worker.parts().node not in failed or deferrals >= submission_rules.DEFERRALS_MAX:
        return False
    alive = await nodes.alive(ctx.tx, "worker")
    return any(it.name not in failed for it in alive)


async def work_of(ctx: Context, submission: Submission, *, quick: bool) -> Work:
    """Return what is to be evaluated, but for the best so far."""
    bounty = await ctx.tx.get_one(Bounty, submission.bounty_id)
    test_set = await submission_queries.find_test_set(ctx.tx, submission.bounty_id)
    assert test_set is not None, "a bounty that takes submissions has a test set"
    assert test_set.state is TestSetState.CHECKED
    assert test_set.prepared is not None
    return Work(
        bounty_id=bounty.id,
        submission_id=submission.id,
        sha256=submission.sha256,
        kind=submission.kind,
        metric=submission_rules.require_judged_by_metric(bounty),
        prepared=test_set.prepared,
        predictions=submission.sealed_predictions,
        keeps=not submission.dry_run,
        seconds=sandbox_time.QUICK_SECONDS if quick else None,
    )


async def best_of(ctx: Context, entrant: Enrollment) -> Best | None:
    """Return an entrant's best submission so far, if there is one."""
    if entrant.best_submission_id is None:
        return None
    best = await ctx.tx.get_one(Submission, entrant.best_submission_id)
    assert best.sealed_predictions is not None
    return Best(best.id, best.sealed_predictions)


async def improve(
    ctx: Context, bounty: Bounty, entrant: Enrollment, submission: Submission, shown: float
) -> None:
    """Make a submission its entrant's best, and record it if it is the best of all."""
    key = names.key(MetricName(bounty.metric or ""), shown)
    rival = await submission_queries.get_best_key(ctx.tx, bounty.id, but=entrant.id)
    own = entrant.best_key
    entrant.best_submission_id, entrant.best_score = submission.id, shown
    entrant.best_key, entrant.best_at = key, submission.created_at
    if all(before is None or key < before for before in (rival, own)):
        last = await submission_queries.get_last_record_at(ctx.tx, bounty.id)
        at = ctx.now if last is None else max(ctx.now, last + _AN_INSTANT)
        ctx.tx.add(Record(bounty_id=bounty.id, at=at, enrollment_id=entrant.id, score=shown))
