"""The use cases of submitters: check the limits, submit a file, cancel it, choose it."""

from dataclasses import KW_ONLY, dataclass

from dml.accounts import sandbox_time
from dml.bounties import queries, rules
from dml.bounties.enrollments import queries as enrollment_queries
from dml.bounties.events import (
    EnrollmentChose,
    SubmissionChosen,
    SubmissionStarted,
    SubmissionSubmitted,
    SubmissionValidated,
)
from dml.bounties.models import (
    Bounty,
    Enrollment,
    Judging,
    Submission,
    SubmissionKind,
    SubmissionState,
)
from dml.bounties.submissions import (
    endings as submission_endings,
    processes as submission_processes,
    queries as submission_queries,
    rules as submission_rules,
)
from dml.core import events
from dml.core.blobs import Stored
from dml.core.context import Context
from dml.core.events import Record
from dml.core.ids import BountyId, SubmissionId, new_id
from dml.core.kept_files import FileQuota
from dml.core.states import Move


@dataclass(frozen=True, slots=True)
class Submitted:
    """An uploaded file, and what its entrant says of it."""

    kind: SubmissionKind
    name: str
    stored: Stored
    _: KW_ONLY
    dry_run: bool


async def find_room(ctx: Context, bounty_id: BountyId, *, dry_run: bool) -> Bounty:
    """Refuse, before the body is read, what could not be submitted anyway."""
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id)
    entrant = await enrollment_queries.get_mine(ctx.tx, ctx.actor.id, bounty_id)
    await _require_may_enter(ctx, bounty, entrant, dry_run=dry_run)
    return bounty


async def require_takes(ctx: Context, bounty: Bounty, kind: SubmissionKind) -> None:
    """Refuse a model where there is nothing to run it over."""
    if kind is SubmissionKind.ONNX:
        test_set = await submission_queries.find_test_set(ctx.tx, bounty.id)
        submission_rules.require_takes_models(bounty, test_set)


async def enter(
    ctx: Context,
    bounty_id: BountyId,
    submitted: Submitted,
    *,
    quota: FileQuota | None = None,
) -> Submission:
    """Record a stored file as a submission, within the limits, and start its check.

    The same file again is the same submission while that is under way or scored, for clients that
    missed the answer. The bounty is locked first, so that nothing is submitted while it closes.
    """
    stored = submitted.stored
    bounty = await queries.share_bounty(ctx.tx, ctx.actor, bounty_id)
    entrant = await enrollment_queries.get_mine(ctx.tx, ctx.actor.id, bounty_id, lock=True)
    same = await submission_queries.find_same(
        ctx.tx, entrant.id, sha256=stored.sha256, kind=submitted.kind, dry_run=submitted.dry_run
    )
    if same is not None:
        return same
    await _require_may_enter(ctx, bounty, entrant, dry_run=submitted.dry_run)
    if quota is not None:
        await quota.require_room(ctx, stored)
    submission = Submission(
        id=SubmissionId(new_id()),
        bounty_id=bounty_id,
        enrollment_id=entrant.id,
        submitter_id=ctx.actor.id,
        state=SubmissionState.VALIDATING,
        kind=submitted.kind,
        name=submitted.name,
        dry_run=submitted.dry_run,
        sha256=stored.sha256,
        size=stored.size,
        created_at=ctx.now,
    )
    ctx.tx.add(submission)
    made = Move(None, submission.state)
    await submission_endings.record(ctx, SubmissionSubmitted, submission, made)
    await ctx.tx.flush()
    if bounty.judging is Judging.MANUAL:
        await _take_as_it_is(ctx, entrant, submission)
    else:
        await submission_processes.start_validation(ctx, submission)
    return submission


async def cancel(ctx: Context, bounty_id: BountyId, submission_id: SubmissionId) -> Submission:
    """Cancel a submission that is under way. It does not count."""
    await queries.get_bounty(ctx.tx, ctx.actor, bounty_id)
    submission, _ = await submission_queries.get_own_submission(
        ctx.tx, ctx.actor, bounty_id, submission_id
    )
    reason = "its submitter cancelled it"
    await submission_endings.end(ctx, submission, SubmissionState.CANCELLED, reason=reason)
    return submission


async def choose(ctx: Context, bounty_id: BountyId, submission_id: SubmissionId) -> Submission:
    """Make a scored submission its team's final one, instead of the best."""
    bounty = await queries.share_bounty(ctx.tx, ctx.actor, bounty_id)
    submission, entrant = await submission_queries.get_own_submission(
        ctx.tx, ctx.actor, bounty_id, submission_id
    )
    submission_rules.require_takes_submissions(bounty, ctx.now)
    submission_rules.require_competing(entrant)
    submission_rules.require_scored(submission)
    if entrant.chosen_submission_id != submission.id:
        entrant.chosen_submission_id = submission.id
        chose = EnrollmentChose(entrant.id, bounty_id, submission.id)
        chosen = SubmissionChosen(submission.id, bounty_id)
        readers = await enrollment_queries.list_readers(ctx.tx, entrant.id)
        await events.record_many(ctx, [Record(chose, readers), Record(chosen, readers)])
    return submission


async def _require_may_enter(
    ctx: Context, bounty: Bounty, entrant: Enrollment, *, dry_run: bool
) -> None:
    submission_rules.require_takes_submissions(bounty, ctx.now)
    submission_rules.require_competing(entrant)
    used = await submission_queries.get_used(ctx.tx, entrant.id, ctx.now)
    submission_rules.require_room(bounty, used, ctx.now, dry_run=dry_run)
    await sandbox_time.require_room(ctx, ctx.actor.id)


async def _take_as_it_is(ctx: Context, entrant: Enrollment, submission: Submission) -> None:
    """Accept a file that people will judge, without a check or a score."""
    if submission.dry_run:
        reason = "only checked: it arrived whole"
        await submission_endings.end(ctx, submission, SubmissionState.VALID, reason=reason)
        return
    submission.queued_at = submission.started_at = ctx.now
    queued = rules.move_submission(submission, SubmissionState.QUEUED)
    await submission_endings.record(ctx, SubmissionValidated, submission, queued)
    started = rules.move_submission(submission, SubmissionState.EVALUATING)
    await submission_endings.record(ctx, SubmissionStarted, submission, started)
    entrant.submissions += 1
    await submission_endings.end(ctx, submission, SubmissionState.SCORED)
