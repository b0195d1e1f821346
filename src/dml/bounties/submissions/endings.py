"""How a submission ends, also together with its bounty."""

from typing import Any, Final

from dml.bounties import rules as bounty_rules
from dml.bounties.enrollments import queries as enrollment_queries
from dml.bounties.events import (
    BountyCancelled,
    BountyEvent,
    BountyFinished,
    SubmissionCancelled,
    SubmissionEvent,
    SubmissionFailed,
    SubmissionScored,
    SubmissionValid,
)
from dml.bounties.models import Submission, SubmissionState
from dml.bounties.submissions import queries as submission_queries
from dml.core import events, kept_files, processes as core_processes
from dml.core.context import Context
from dml.core.events import on
from dml.core.ids import BountyId, SubmissionId
from dml.core.processes import Steps, process
from dml.core.states import Move

CANCELLED_AT_ONCE: Final = 500
TOO_LATE: Final = "the bounty has ended"


_ENDED: Final[dict[SubmissionState, type[SubmissionEvent]]] = {
    SubmissionState.VALID: SubmissionValid,
    SubmissionState.SCORED: SubmissionScored,
    SubmissionState.FAILED: SubmissionFailed,
    SubmissionState.CANCELLED: SubmissionCancelled,
}


async def record(
    ctx: Context,
    about: type[SubmissionEvent],
    submission: Submission,
    move: Move | None = None,
    *,
    reason: str | None = None,
    facts: dict[str, Any] | None = None,
) -> None:
    """Note what happened to a submission: all who are in its team at this moment see it."""
    readers = await enrollment_queries.list_readers(ctx.tx, submission.enrollment_id)
    event = about(submission.id, submission.bounty_id)
    await events.record(ctx, event, readers, move, reason=reason, facts=facts)


def give_up_id(submission_id: SubmissionId) -> str:
    return f"submission:{submission_id}:give-up"


async def end(
    ctx: Context,
    submission: Submission,
    to: SubmissionState,
    *,
    reason: str | None = None,
    refusals: list[dict[str, Any]] | None = None,
) -> None:
    """End a submission with a reason, and cancel its alarm (a later one finds nothing to do).

    What was read of its file is kept only if it was scored.
    """
    detail = " ".join(it["detail"] for it in refusals or ()) or reason
    move = bounty_rules.move_submission(submission, to)
    submission.ended_at, submission.end_reason = ctx.now, detail
    submission.refusals = list(refusals or ())
    if to is not SubmissionState.SCORED and submission.sealed_predictions is not None:
        await kept_files.give_up(ctx, submission.sealed_predictions)
        submission.sealed_predictions = None
    await core_processes.cancel(ctx, give_up_id(submission.id))
    await record(ctx, _ENDED[to], submission, move, reason=detail)


@on(BountyFinished, BountyCancelled, name="bounties.cancel_waiting.v1")
async def cancel_waiting(ctx: Context, event: BountyEvent) -> None:
    """Cancel the submissions that are still under way when their bounty ends."""
    process_id = f"bounty:{event.bounty_id}:cancel-waiting"
    await core_processes.start(ctx, process_id, cancel_submissions, event.bounty_id)


@process("bounties.cancel_submissions.v1")
async def cancel_submissions(steps: Steps, bounty_id: BountyId) -> str:
    """Cancel all submissions to a bounty that are under way, some at a time."""
    while await steps.change(cancel_some, bounty_id) == CANCELLED_AT_ONCE:
        pass
    return "cancelled"


async def cancel_some(ctx: Context, bounty_id: BountyId) -> int:
    """Cancel some submissions that are under way. Return how many."""
    waiting = await submission_queries.lock_waiting(ctx.tx, bounty_id, limit=CANCELLED_AT_ONCE)
    for submission in waiting:
        await end(ctx, submission, SubmissionState.CANCELLED, reason=TOO_LATE)
    return len(waiting)
