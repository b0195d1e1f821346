"""REST for submissions: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from dml.accounts.sandbox_time import SandboxTimeUsed, TooManyTimeouts
from dml.bounties import queries, rules
from dml.bounties.enrollments import queries as enrollment_queries, rules as enrollment_rules
from dml.bounties.models import Submission
from dml.bounties.submissions import (
    queries as submission_queries,
    rules as submission_rules,
    service as submissions,
    uploads,
)
from dml.bounties.submissions.schemas import (
    A_SUBMISSION,
    NO_SUCH_TYPE,
    SubmissionDetailsOut,
    SubmissionOut,
    SubmissionPage,
    SubmissionsQuery,
    SubmitQuery,
    page_of,
    sealed,
)
from dml.core import event_log
from dml.core.context import Context
from dml.core.errors import NotSignedIn
from dml.core.ids import BountyId, SubmissionId
from dml.core.kept_files import FilesFull
from dml.edge.bodies import FileCutOff, FileEmpty, FileTooLarge
from dml.edge.files import SendFile
from dml.edge.http import Ctx, Server, SignedInBegin
from dml.edge.idempotency import IdempotentRoute, Late, Once
from dml.edge.problems import refusals
from dml.edge.timeline import TimelineOut, UpcomingActionOut, timeline

router = APIRouter(
    prefix="/v1/bounties/{bounty_id}/submissions",
    route_class=IdempotentRoute,
)

A_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file as it was submitted. Its `ETag` is its SHA-256.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


async def _shown(ctx: Context, submission: Submission) -> SubmissionDetailsOut:
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, submission.bounty_id)
    viewer = await enrollment_queries.find_mine(ctx.tx, ctx.actor.id, bounty.id)
    found = await submission_queries.get_details(ctx.tx, submission.id, ctx.now)
    starts_at = await submission_queries.get_expected_start(
        ctx.tx, bounty.id, found.position, ctx.now
    )
    left = submission_rules.limits(bounty, found.used, ctx.now)
    more = {"position": found.position, "expected_start_at": starts_at, "limits": left}
    shown = sealed(SubmissionOut.model_validate(found.row), bounty, viewer)
    return SubmissionDetailsOut.model_validate(dict(shown) | more)


@router.post(
    "",
    operation_id="submissions.create",
    status_code=201,
    openapi_extra=A_SUBMISSION,
    responses=NO_SUCH_TYPE
    | refusals(
        NotSignedIn,
        rules.BountyNotFound,
        rules.WrongState,
        rules.Paused,
        enrollment_rules.NotEnrolled,
        submission_rules.NotCompeting,
        submission_rules.SubmissionsNotOpen,
        submission_rules.ClosedForSubmissions,
        submission_rules.ModelsNotTaken,
        submission_rules.SubmissionsUsedUp,
        submission_rules.SubmissionsOfDayUsed,
        submission_rules.TooManyConcurrentSubmissions,
        submission_rules.FilesOfDayUsed,
        FilesFull,
        SandboxTimeUsed,
        TooManyTimeouts,
        FileTooLarge,
        FileEmpty,
        FileCutOff,
    ),
)
async def submit(
    begin: SignedInBegin,
    late: Late,
    server: Server,
    bounty_id: BountyId,
    query: Annotated[SubmitQuery, Query()],
    request: Request,
    response: Response,
) -> SubmissionDetailsOut:
    """Create a submission.

    The body is a file of predictions or a model, as its `Content-Type` says. It is checked first,
    which costs none of your limits if it fails; then it is scored, or with `dry_run` only checked.
    The same file sent again is the same submission, unless that one failed, was cancelled, or was
    only checked. For members of an entrant, while submissions are open.
    """
    submission = await uploads.submit(server, begin, late, bounty_id, query, request)
    response.headers["Location"] = f"/v1/bounties/{bounty_id}/submissions/{submission.id}"
    return await _shown(late.ctx, submission)


@router.get("", operation_id="submissions.list", responses=refusals(rules.BountyNotFound))
async def list_submissions(
    ctx: Ctx, bounty_id: BountyId, query: Annotated[SubmissionsQuery, Query()]
) -> SubmissionPage:
    """List a bounty's submissions.

    Newest first, with what is left of your limits. Members of an entrant get their team's; the
    owner and moderators, unless they have entered, get everybody's.
    """
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id)
    chosen = submission_queries.SubmissionFilter(query.mine, query.state, query.enrollment_id)
    rows, entrant = await submission_queries.list_submissions(
        ctx.tx, ctx.actor, bounty, chosen, after=query.cursor, limit=query.limit
    )
    left = await submission_queries.find_limits(ctx.tx, bounty, entrant, ctx.now)
    return page_of(query.page(SubmissionOut, rows), bounty, entrant, left)


@router.get(
    "/{submission_id}",
    operation_id="submissions.get",
    responses=refusals(rules.BountyNotFound, submission_rules.SubmissionNotFound),
)
async def get_submission(
    ctx: Ctx, bounty_id: BountyId, submission_id: SubmissionId
) -> SubmissionDetailsOut:
    """Get a submission.

    With its place in the queue and what is left of its team's limits. For its team, and for the
    bounty's owner and moderators unless they have entered.
    """
    submission, _, _ = await submission_queries.get_submission(
        ctx.tx, ctx.actor, bounty_id, submission_id
    )
    return await _shown(ctx, submission)


@router.get(
    "/{submission_id}/file",
    operation_id="submissions.get_file",
    response_class=Response,
    responses=A_FILE
    | refusals(
        NotSignedIn,
        rules.BountyNotFound,
        submission_rules.SubmissionNotFound,
        submission_rules.FilesSealed,
        rules.FileForgotten,
    ),
)
async def get_file(
    begin: SignedInBegin,
    server: Server,
    bounty_id: BountyId,
    submission_id: SubmissionId,
    send: SendFile,
) -> Response:
    """Download a submission's file.

    As it was submitted. For its team always; for the bounty's owner and moderators once the bounty
    is `disputing`, or `evaluating` where it is judged by hand. A file that came to nothing is kept
    for a limited time only.
    """
    async with begin() as ctx:
        submission = await submission_queries.get_readable(
            ctx.tx, ctx.actor, bounty_id, submission_id
        )
        kept = timedelta(days=server.settings.keep_refused_versions_days)
        submission_rules.require_file_kept(submission, ctx.now - kept)
    ending = submission_rules.ENDINGS[submission.kind]
    headers = {"Content-Disposition": f'attachment; filename="{submission.id}.{ending}"'}
    return await send(submission.sha256, headers=headers)


@router.get(
    "/{submission_id}/timeline",
    operation_id="submissions.get_timeline",
    responses=refusals(rules.BountyNotFound, submission_rules.SubmissionNotFound),
)
async def get_timeline(ctx: Ctx, bounty_id: BountyId, submission_id: SubmissionId) -> TimelineOut:
    """Get a submission's timeline.

    Tells what happened to it, when, by whom and why, and what comes next. For its team, and for the
    bounty's owner and moderators unless they have entered.
    """
    submission, _, _ = await submission_queries.get_submission(
        ctx.tx, ctx.actor, bounty_id, submission_id
    )
    entries = await event_log.history(ctx.tx, submission.reference)
    team = await submission_queries.get_team(ctx.tx, submission.enrollment_id)
    position = await submission_queries.get_position(ctx.tx, submission)
    starts_at = await submission_queries.get_expected_start(ctx.tx, bounty_id, position, ctx.now)
    upcoming = submission_rules.upcoming(submission, starts_at)
    ahead = [UpcomingActionOut(action=action, at=at) for action, at in upcoming]
    return timeline(ctx.actor, submission.submitter_id, entries, ahead, team=team)


@router.post(
    "/{submission_id}/cancel",
    operation_id="submissions.cancel",
    dependencies=[Once],
    responses=refusals(rules.BountyNotFound, submission_rules.SubmissionNotFound, rules.WrongState),
)
async def cancel(
    ctx: Ctx, bounty_id: BountyId, submission_id: SubmissionId
) -> SubmissionDetailsOut:
    """Cancel a submission.

    As long as it is not scored. It does not count against your limits. For its team.
    """
    return await _shown(ctx, await submissions.cancel(ctx, bounty_id, submission_id))


@router.post(
    "/{submission_id}/choose",
    operation_id="submissions.choose",
    dependencies=[Once],
    responses=refusals(
        rules.BountyNotFound,
        rules.WrongState,
        rules.Paused,
        submission_rules.SubmissionNotFound,
        submission_rules.SubmissionNotScored,
        submission_rules.SubmissionsNotOpen,
        submission_rules.ClosedForSubmissions,
        submission_rules.NotCompeting,
    ),
)
async def choose(
    ctx: Ctx, bounty_id: BountyId, submission_id: SubmissionId
) -> SubmissionDetailsOut:
    """Choose your team's final submission.

    This scored submission is ranked in the end, in place of the one with your best public score.
    You can choose another one until submissions close. For its team.
    """
    return await _shown(ctx, await submissions.choose(ctx, bounty_id, submission_id))
