"""What happens to submissions automatically: checks, scores, retries, and giving up.

Checks and scores are first tried with a short time limit; what exceeds it is done again with the
full limit.
Locks are taken in one order: bounty, entrant, submission.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, TypeAlias

from dml.accounts import sandbox_time
from dml.bounties import queries, rules as bounty_rules
from dml.bounties.events import (
    SubmissionEvent,
    SubmissionGivenUp,
    SubmissionPutBack,
    SubmissionStarted,
    SubmissionTakesLong,
    SubmissionValidated,
)
from dml.bounties.models import (
    Enrollment,
    Submission,
    SubmissionState,
)
from dml.bounties.submissions import (
    evaluating,
    queries as submission_queries,
    rules as submission_rules,
)
from dml.bounties.submissions.endings import TOO_LATE, end, give_up_id, record
from dml.bounties.submissions.evaluating import Best, Evaluation, Validation, Work
from dml.bounties.submissions.work import Begun, best_of, improve, is_for_another, work_of
from dml.core import processes as core_processes, worker
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

ELSEWHERE_SECONDS: Final = 1
# Of a submission, with its turn and how often it was deferred.
_Process: TypeAlias = core_processes.Process[[SubmissionId, int, int]]


@dataclass(frozen=True, slots=True)
class Concluded:
    """The outcome for a submission; `again` if another one became the best meanwhile."""

    outcome: str
    best: Best | None = None


async def start_validation(ctx: Context, submission: Submission) -> None:
    """Start a new submission's check, which its scoring follows, and the alarm that gives it up."""
    await _in_turn(ctx, submission, check, 0)
    late = submission.created_at + submission_rules.END_WITHIN
    await core_processes.at(ctx, late, give_up_id(submission.id), give_up, submission.id)


@process("bounties.validate_quickly.v2", queue=VALIDATIONS)
async def check(steps: Steps, submission_id: SubmissionId, turn: int, deferrals: int) -> str:
    """As `validate`, with a short time limit; what exceeds it is checked again with the full.

    A table is scored at once, which needs no sandbox any more (docs/decisions/0048).
    """
    begun = await steps.change(begin_validation, submission_id, turn, deferrals, quick=True)
    if begun.work is None:
        return begun.outcome
    found = await _checked(steps, begun.work)
    return await _score(steps, await steps.change(go_on, begun.work, found, turn), turn)


@process("bounties.validate_quickly.v1", queue=VALIDATIONS)
async def validate_quickly(
    steps: Steps, submission_id: SubmissionId, turn: int, deferrals: int
) -> str:
    """As `check`, for what was begun before that was there."""
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
    found = await _checked(steps, begun.work)
    return await steps.change(conclude_validation, begun.work, found, turn)


async def _checked(steps: Steps, work: Work) -> Validation:
    try:
        return await steps.call(evaluating.validate, work)
    except StepFailed as failure:
        return Validation(trouble=str(failure))


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
    if await is_for_another(ctx, submission, deferrals):
        await _start_again(ctx, submission, turn + 1, deferrals + 1, quick=quick)
        return Begun("elsewhere")
    return Begun("begun", await work_of(ctx, submission, quick=quick))


async def go_on(ctx: Context, work: Work, found: Validation, turn: int) -> Begun:
    """As `conclude_validation`; but what needs no sandbox to be scored is returned, not queued."""
    outcome = await conclude_validation(ctx, work, found, turn, queues=not found.sealed_predictions)
    if outcome != SubmissionState.QUEUED or not found.sealed_predictions:
        return Begun(outcome)
    submission = await submission_queries.lock_submission(ctx.tx, work.submission_id)
    assert submission is not None, "it was just queued"
    submission.due_at = await sandbox_time.take_turn(ctx, submission.submitter_id)
    return await _begun(ctx, submission, quick=True)


async def conclude_validation(
    ctx: Context, work: Work, found: Validation, turn: int, *, queues: bool = True
) -> str:
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
        await record(ctx, SubmissionValidated, submission, move)
        if queues:
            await _in_turn(ctx, submission, score_quickly, 0)
    return submission.state


async def begin_evaluation(
    ctx: Context, submission_id: SubmissionId, turn: int, deferrals: int, *, quick: bool = False
) -> Begun:
    """Return what this worker has to score, and against what, unless another one should do it."""
    submission = await submission_queries.lock_submission(ctx.tx, submission_id)
    if submission is None or submission.state is not SubmissionState.QUEUED:
        return Begun("nothing to do")
    if await is_for_another(ctx, submission, deferrals):
        await _start_again(ctx, submission, turn + 1, deferrals + 1, quick=quick)
        return Begun("elsewhere")
    return await _begun(ctx, submission, quick=quick)


async def _begun(ctx: Context, submission: Submission, *, quick: bool) -> Begun:
    """Note that a queued submission is being scored, and return what that takes."""
    move = bounty_rules.move_submission(submission, SubmissionState.EVALUATING)
    submission.started_at = ctx.now
    submission.attempts += 1
    await record(ctx, SubmissionStarted, submission, move)
    entrant = await ctx.tx.get_one(Enrollment, submission.enrollment_id)
    work = await work_of(ctx, submission, quick=quick)
    return Begun("begun", replace(work, best=await best_of(ctx, entrant)))


async def conclude_evaluation(ctx: Context, work: Work, found: Evaluation, turn: int) -> Concluded:
    """Score a submission once, and show what the Ladder shows.

    It was compared with its entrant's best: if that has changed meanwhile, it is scored again.
    A second call changes nothing.
    """
    bounty = await queries.lock_bounty(ctx.tx, work.bounty_id)
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
    best = await best_of(ctx, entrant)
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
        await improve(ctx, bounty, entrant, submission, found.score)
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
    await _put_back(ctx, SubmissionTakesLong, submission)
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
        return check if quick else validate
    return score_quickly if quick else score


async def _put_back(
    ctx: Context, about: type[SubmissionEvent], submission: Submission, **facts: Any
) -> None:
    """Set a submission back to the state before the failed try."""
    move = None
    if submission.state is SubmissionState.EVALUATING:
        move = bounty_rules.move_submission(submission, SubmissionState.QUEUED)
    await record(ctx, about, submission, move, facts=facts)


def _id(submission_id: SubmissionId, what: _Process, turn: int) -> str:
    return f"submission:{submission_id}:{what.name}:{turn}"


async def _charge(
    ctx: Context, submission: Submission, work: Work, found: Validation | Evaluation
) -> None:
    """Charge the submitter for the time. It counts as a timeout only if it had the full limit."""
    refusals = [] if evaluating.is_cut_off(work, found) else found.refusals
    await sandbox_time.charge(ctx, submission.submitter_id, found.seconds, refusals)


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
        await record(ctx, SubmissionGivenUp, submission, facts=facts)
        await sandbox_time.charge(ctx, submission.submitter_id, found.seconds, found.against)
    elif len(submission.failed_nodes) >= submission_rules.ATTEMPTS_MAX:
        refusals = submission_rules.PLATFORM_FAILED
        await end(ctx, submission, SubmissionState.FAILED, refusals=refusals)
        await record(ctx, SubmissionGivenUp, submission, facts=facts)
        await sandbox_time.charge(ctx, submission.submitter_id, 0, refusals)
    else:
        await _put_back(ctx, SubmissionPutBack, submission, **facts)
        await _start_again(ctx, submission, turn + 1, 0, quick=work.seconds is not None)
    return submission.state
