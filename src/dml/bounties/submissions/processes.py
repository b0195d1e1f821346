"""What happens to submissions automatically: checks, scores, retries, and giving up.

Checks and scores are first tried with a short time limit; what exceeds it is done again with the
full limit.
Locks are taken in one order: bounty, entrant, submission.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, TypeAlias

from dml.accounts import sandbox_time
from dml.bounties import rules as bounty_rules
from dml.bounties.models import (
    Bounty,
    Enrollment,
    Record,
    Submission,
    SubmissionState,
    TestSetState,
)
from dml.bounties.submissions import (
    evaluating,
    queries as submission_queries,
    rules as submission_rules,
)
from dml.bounties.submissions.endings import TOO_LATE, end, give_up_id
from dml.bounties.submissions.evaluating import Best, Evaluation, Validation, Work
from dml.core import audit, nodes, processes as core_processes, worker
from dml.core.context import Context
from dml.core.ids import SubmissionId
from dml.core.processes import (
    LONG_EVALUATIONS,
    SCORES,
    VALIDATIONS,
    StepFailed,
    Steps,
    process,
)
from dml.scoring import names
from dml.scoring.names import MetricName

ELSEWHERE_SECONDS: Final = 1
_AN_INSTANT: Final = timedelta(microseconds=1)
_Process: TypeAlias = core_processes.Process[
    [SubmissionId, int, int]
]  # Its turn and how often it was deferred.


@dataclass(frozen=True, slots=True)
class Begun:
    """The work for a worker, or the reason why there is none."""

    outcome: str
    work: Work | None = None


@dataclass(frozen=True, slots=True)
class Concluded:
    """The outcome for a submission; `again` if another one became the best meanwhile."""

    outcome: str
    best: Best | None = None


async def start_validation(ctx: Context, submission: Submission) -> None:
    """Start a new submission's check, which its scoring follows, and the alarm that gives it up."""
    await _in_turn(ctx, submission, validate_quickly, 0)
    late = submission.created_at + submission_rules.END_WITHIN
    await core_processes.at(ctx, late, give_up_id(submission.id), give_up, submission.id)


@process("bounties.validate_quickly.v1", queue=VALIDATIONS)
async def validate_quickly(
    steps: Steps, submission_id: SubmissionId, turn: int, deferrals: int
) -> str:
    """As `validate`, with a short time limit; what exceeds it is checked again with the full."""
    begun = await steps.change(begin_validation, submission_id, turn, deferrals, quick=True)
    return await _validate(steps, begun, turn)


@process("bounties.validate.v1", queue=LONG_EVALUATIONS)
async def validate(steps: Steps, submission_id: SubmissionId, turn: int, deferrals: int) -> str:
    """Check a submitted file, which uses up no limit, and queue it for scoring."""
    begun = await steps.change(begin_validation, submission_id, turn, deferrals)
    return await _validate(steps, begun, turn)


@process("bounties.score_quickly.v1", queue=SCORES)
async def score_quickly(
    steps: Steps, submission_id: SubmissionId, turn: int, deferrals: int
) -> str:
    """As `score`, with a short time limit; what exceeds it is scored again with the full one."""
    begun = await steps.change(begin_evaluation, submission_id, turn, deferrals, quick=True)
    return await _score(steps, begun, turn)


@process("bounties.score.v1", queue=LONG_EVALUATIONS)
async def score(steps: Steps, submission_id: SubmissionId, turn: int, deferrals: int) -> str:
    """Score a submission against its entrant's best; again if that has changed meanwhile."""
    begun = await steps.change(begin_evaluation, submission_id, turn, deferrals)
    return await _score(steps, begun, turn)


async def _validate(steps: Steps, begun: Begun, turn: int) -> str:
    if begun.work is None:
        return begun.outcome
    try:
        found = await steps.call(evaluating.validate, begun.work)
    except StepFailed as failure:
        found = Validation(trouble=str(failure))
    return await steps.change(conclude_validation, begun.work, found, turn)


async def _score(steps: Steps, begun: Begun, turn: int) -> str:
    if begun.work is None:
        return begun.outcome
    work = begun.work
    while True:
        try:
            found = await steps.call(evaluating.evaluate, work)
        except StepFailed as failure:
            found = Evaluation(trouble=str(failure))
        concluded = await steps.change(conclude_evaluation, work, found, turn)
        if concluded.outcome != "again":
            return concluded.outcome
        work = replace(work, best=concluded.best)


@process("bounties.give_up_submission.v1")
async def give_up(steps: Steps, submission_id: SubmissionId, deferrals: int = 0) -> str:
    """End a submission that no worker could score in time. It does not count."""
    return await steps.change(fail_late, submission_id, deferrals)


async def begin_validation(
    ctx: Context, submission_id: SubmissionId, turn: int, deferrals: int, *, quick: bool = False
) -> Begun:
    """Return what this worker has to check, unless another one should do it."""
    submission = await submission_queries.lock_submission(ctx.tx, submission_id)
    if submission is None or submission.state is not SubmissionState.VALIDATING:
        return Begun("nothing to do")
    if await _is_for_another(ctx, submission, deferrals):
        await _start_again(ctx, submission, turn + 1, deferrals + 1, quick=quick)
        return Begun("elsewhere")
    return Begun("begun", await _work_of(ctx, submission, quick=quick))


async def conclude_validation(ctx: Context, work: Work, found: Validation, turn: int) -> str:
    """Queue a valid submission for scoring; end an invalid one, or a dry run.

    A second call changes nothing.
    """
    submission = await submission_queries.lock_submission(ctx.tx, work.submission_id)
    if submission is None:
        return "nothing to do"
    if found.trouble is None:
        await _charge(ctx, submission, work, found)
    if submission.state is not SubmissionState.VALIDATING:
        return "nothing to do"
    if found.trouble is not None:
        return await _try_again(ctx, submission, turn, work, found)
    if evaluating.is_cut_off(work, found):
        await _give_time(ctx, submission, turn)
    elif found.refusals:
        await end(ctx, submission, SubmissionState.FAILED, refusals=found.refusals)
    elif submission.dry_run:
        reason = "only checked: it is valid, and would be scored"
        await end(ctx, submission, SubmissionState.VALID, reason=reason)
    else:
        move = bounty_rules.move_submission(submission, SubmissionState.QUEUED)
        submission.queued_at = ctx.now
        submission.sealed_predictions = found.sealed_predictions
        audit.record(ctx, submission.reference, "validated", move)
        await _in_turn(ctx, submission, score_quickly, 0)
    return submission.state


async def begin_evaluation(
    ctx: Context, submission_id: SubmissionId, turn: int, deferrals: int, *, quick: bool = False
) -> Begun:
    """Return what this worker has to score, and against what, unless another one should do it."""
    submission = await submission_queries.lock_submission(ctx.tx, submission_id)
    if submission is None or submission.state is not SubmissionState.QUEUED:
        return Begun("nothing to do")
    if await _is_for_another(ctx, submission, deferrals):
        await _start_again(ctx, submission, turn + 1, deferrals + 1, quick=quick)
        return Begun("elsewhere")
    move = bounty_rules.move_submission(submission, SubmissionState.EVALUATING)
    submission.started_at = ctx.now
    submission.attempts += 1
    audit.record(ctx, submission.reference, "started", move)
    entrant = await ctx.tx.get_one(Enrollment, submission.enrollment_id)
    work = await _work_of(ctx, submission, quick=quick)
    return Begun("begun", replace(work, best=await _best_of(ctx, entrant)))


async def conclude_evaluation(ctx: Context, work: Work, found: Evaluation, turn: int) -> Concluded:
    """Score a submission once, and show what the Ladder shows.

    It was compared with its entrant's best: if that has changed meanwhile, it is scored again.
    A second call changes nothing.
    """
    bounty = await submission_queries.hold_bounty(ctx.tx, work.bounty_id)
    known = await ctx.tx.get_one(Submission, work.submission_id)
    entrant = await submission_queries.lock_enrollment(ctx.tx, known.enrollment_id)
    submission = await submission_queries.lock_submission(ctx.tx, work.submission_id)
    if submission is None:
        return Concluded("nothing to do")
    if found.trouble is None:
        await _charge(ctx, submission, work, found)
    if submission.state is not SubmissionState.EVALUATING:
        return Concluded("nothing to do")
    if not submission_rules.still_counts(bounty):
        await end(ctx, submission, SubmissionState.CANCELLED, reason=TOO_LATE)
        return Concluded(submission.state)
    if found.trouble is not None:
        return Concluded(await _try_again(ctx, submission, turn, work, found))
    if evaluating.is_cut_off(work, found):
        await _give_time(ctx, submission, turn)
        return Concluded(submission.state)
    if found.refusals:
        await end(ctx, submission, SubmissionState.FAILED, refusals=found.refusals)
        return Concluded(submission.state)
    best = await _best_of(ctx, entrant)
    if best != work.best:
        return Concluded("again", best)
    submission.metric = work.metric
    submission.predictions_sha256 = found.predictions_sha256 or None
    submission.commitment = found.commitment
    submission.sealed_salt = bytes.fromhex(found.sealed_salt) if found.sealed_salt else None
    submission.sealed_predictions = found.sealed_predictions
    submission.evaluation_seconds = found.seconds
    submission.improved = found.improved
    entrant.submissions += 1
    if found.score is not None:
        await _improve(ctx, bounty, entrant, submission, found.score)
    submission.shown_score = entrant.best_score
    await end(ctx, submission, SubmissionState.SCORED)
    return Concluded(submission.state)


async def fail_late(ctx: Context, submission_id: SubmissionId, deferrals: int) -> str:
    """Fail a submission that is still under way, by our own fault; or wait on if it is in a queue.

    Queues may be long when submissions close, and then nobody could submit again.
    """
    submission = await submission_queries.lock_submission(ctx.tx, submission_id)
    if submission is None or not submission_rules.is_under_way(submission):
        return submission.state if submission else "gone"
    before = await submission_queries.get_position(ctx.tx, submission)
    if submission_rules.is_waiting(submission, before, ctx.now):
        late, name = ctx.now + submission_rules.END_WITHIN, give_up_id(submission_id)
        await core_processes.at(
            ctx, late, f"{name}:{deferrals + 1}", give_up, submission_id, deferrals + 1
        )
        return "waiting"
    refusals = submission_rules.PLATFORM_FAILED
    await end(ctx, submission, SubmissionState.FAILED, refusals=refusals)
    return submission.state


async def _in_turn(ctx: Context, submission: Submission, what: _Process, turn: int) -> None:
    """Queue a submission until it is its user's turn."""
    due = await sandbox_time.take_turn(ctx, submission.submitter_id)
    submission.due_at = due
    process_id = _id(submission.id, what, turn)
    await core_processes.in_turn(ctx, due, process_id, what, submission.id, turn, 0)


async def _give_time(ctx: Context, submission: Submission, turn: int) -> None:
    """Queue what was cut off again, with the full time limit."""
    _put_back(ctx, submission, "takes_long")
    await _in_turn(ctx, submission, _process_for(submission, quick=False), turn)


async def _start_again(
    ctx: Context, submission: Submission, turn: int, deferrals: int, *, quick: bool
) -> None:
    """Queue a submission for another worker, ahead of others, since the fault was ours.

    Each turn is a process of its own.
    """
    what = _process_for(submission, quick=quick)
    when = ctx.now + timedelta(seconds=ELSEWHERE_SECONDS)
    process_id = _id(submission.id, what, turn)
    await core_processes.at(ctx, when, process_id, what, submission.id, turn, deferrals)


def _process_for(submission: Submission, *, quick: bool) -> _Process:
    """Return the next process for a waiting submission."""
    if submission.state is SubmissionState.VALIDATING:
        return validate_quickly if quick else validate
    return score_quickly if quick else score


def _put_back(
    ctx: Context, submission: Submission, why: str, facts: dict[str, Any] | None = None
) -> None:
    """Set a submission back to the state before the failed try."""
    move = None
    if submission.state is SubmissionState.EVALUATING:
        move = bounty_rules.move_submission(submission, SubmissionState.QUEUED)
    audit.record(ctx, submission.reference, why, move, facts=facts)


def _id(submission_id: SubmissionId, what: _Process, turn: int) -> str:
    return f"submission:{submission_id}:{what.name}:{turn}"


async def _charge(
    ctx: Context, submission: Submission, work: Work, found: Validation | Evaluation
) -> None:
    """Charge the submitter for the time. It counts as a timeout only if it had the full limit."""
    refusals = [] if evaluating.is_cut_off(work, found) else found.refusals
    await sandbox_time.charge(ctx, submission.submitter_id, found.seconds, refusals)


async def _is_for_another(ctx: Context, submission: Submission, deferrals: int) -> bool:
    """Whether this worker failed at it before, and another one is alive that did not."""
    failed = set(submission.failed_nodes)
    if worker.parts().node not in failed or deferrals >= submission_rules.DEFERRALS_MAX:
        return False
    alive = await nodes.alive(ctx.tx, "worker")
    return any(it.name not in failed for it in alive)


async def _try_again(
    ctx: Context, submission: Submission, turn: int, work: Work, found: Validation | Evaluation
) -> str:
    """Queue a submission again that the platform failed at; after several times, fail it.

    If it is the file at which a child breaks down, the second time is the last.
    """
    again = bool(submission.failed_nodes)
    submission.failed_nodes = [*submission.failed_nodes, worker.parts().node]
    facts = {"trouble": (found.trouble or "")[:500]}
    if found.against and again:
        await end(ctx, submission, SubmissionState.FAILED, refusals=found.against)
        audit.record(ctx, submission.reference, "given_up", facts=facts)
        await sandbox_time.charge(ctx, submission.submitter_id, found.seconds, found.against)
    elif len(submission.failed_nodes) >= submission_rules.ATTEMPTS_MAX:
        refusals = submission_rules.PLATFORM_FAILED
        await end(ctx, submission, SubmissionState.FAILED, refusals=refusals)
        audit.record(ctx, submission.reference, "given_up", facts=facts)
        await sandbox_time.charge(ctx, submission.submitter_id, 0, refusals)
    else:
        _put_back(ctx, submission, "put_back", facts)
        await _start_again(ctx, submission, turn + 1, 0, quick=work.seconds is not None)
    return submission.state


async def _work_of(ctx: Context, submission: Submission, *, quick: bool) -> Work:
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


async def _best_of(ctx: Context, entrant: Enrollment) -> Best | None:
    if entrant.best_submission_id is None:
        return None
    best = await ctx.tx.get_one(Submission, entrant.best_submission_id)
    assert best.sealed_predictions is not None
    return Best(best.id, best.sealed_predictions)


async def _improve(
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
