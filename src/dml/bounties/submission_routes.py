"""REST for submissions: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from dml.accounts.sandbox_time import SandboxTimeUsed, TooManyTimeouts
from dml.bounties import (
    enrollment_queries,
    enrollment_rules,
    queries,
    rules,
    submission_queries,
    submission_rules,
    submitting,
    uploads,
)
from dml.bounties.models import Submission
from dml.bounties.submission_schemas import (
    A_SUBMISSION,
    NO_SUCH_TYPE,
    SubmissionOut,
    SubmissionShownOut,
    SubmissionsPage,
    SubmissionsWanted,
    SubmitWanted,
    page_of,
    sealed,
)
from dml.core import audit
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
    tags=["submissions"],
    route_class=IdempotentRoute,
)

A_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file as it was submitted. Its `ETag` is its SHA-256.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


async def _shown(ctx: Context, submission: Submission) -> SubmissionShownOut:
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, submission.bounty_id)
    position = await submission_queries.get_position(ctx.tx, submission)
    starts_at = await submission_queries.get_expected_start(ctx.tx, submission, position, ctx.now)
    left = await submission_queries.get_limits(ctx.tx, bounty, submission.enrollment_id, ctx.now)
    more = {"position": position, "expected_start_at": starts_at, "limits": left}
    viewer = await enrollment_queries.find_mine(ctx.tx, ctx.actor.id, bounty.id)
    shown = sealed(SubmissionOut.model_validate(submission), bounty, viewer)
    return SubmissionShownOut.model_validate(dict(shown) | more)


@router.post(
    "",
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
        submission_rules.SubmissionsAtOnceUsed,
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
    wanted: Annotated[SubmitWanted, Query()],
    request: Request,
    response: Response,
) -> SubmissionShownOut:
    """Submit a file of predictions or a model. It is checked, for free, and then scored.

    The same file sent again is the same submission, unless that one failed, was
    cancelled, or was only checked.
    """
    submission = await uploads.submit(
        server, begin, late, bounty_id, request, name=wanted.name, dry_run=wanted.dry_run
    )
    response.headers["Location"] = f"/v1/bounties/{bounty_id}/submissions/{submission.id}"
    return await _shown(late.ctx, submission)


@router.get("", responses=refusals(rules.BountyNotFound))
async def list_submissions(
    ctx: Ctx, bounty_id: BountyId, wanted: Annotated[SubmissionsWanted, Query()]
) -> SubmissionsPage:
    """Your team's submissions, newest first; all of them for the bounty's owner and moderators."""
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id)
    rows, entrant = await submission_queries.list_submissions(
        ctx.tx,
        ctx.actor,
        bounty,
        mine=wanted.mine,
        state=wanted.state,
        enrollment_id=wanted.enrollment_id,
        after=wanted.cursor,
        limit=wanted.limit,
    )
    left = await submission_queries.find_limits(ctx.tx, bounty, entrant, ctx.now)
    return page_of(wanted.page(SubmissionOut, rows), bounty, entrant, left)


@router.get(
    "/{submission_id}",
    responses=refusals(rules.BountyNotFound, submission_rules.SubmissionNotFound),
)
async def get_submission(
    ctx: Ctx, bounty_id: BountyId, submission_id: SubmissionId
) -> SubmissionShownOut:
    """One submission, for its team, the bounty's owner and moderators."""
    submission, _, _ = await submission_queries.get_submission(
        ctx.tx, ctx.actor, bounty_id, submission_id
    )
    return await _shown(ctx, submission)


@router.get(
    "/{submission_id}/file",
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
    """The submitted file: for its team always, for the bounty's owner and moderators in the end."""
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
    responses=refusals(rules.BountyNotFound, submission_rules.SubmissionNotFound),
)
async def get_timeline(ctx: Ctx, bounty_id: BountyId, submission_id: SubmissionId) -> TimelineOut:
    """What happened to a submission and what is next."""
    submission, _, _ = await submission_queries.get_submission(
        ctx.tx, ctx.actor, bounty_id, submission_id
    )
    entries = await audit.history(ctx.tx, submission.reference)
    team = await submission_queries.get_team(ctx.tx, submission.enrollment_id)
    position = await submission_queries.get_position(ctx.tx, submission)
    starts_at = await submission_queries.get_expected_start(ctx.tx, submission, position, ctx.now)
    upcoming = submission_rules.upcoming(submission, starts_at)
    ahead = [UpcomingActionOut(action=action, at=at) for action, at in upcoming]
    return timeline(ctx.actor, submission.submitter_id, entries, ahead, team=team)


@router.post(
    "/{submission_id}/cancel",
    dependencies=[Once],
    responses=refusals(rules.BountyNotFound, submission_rules.SubmissionNotFound, rules.WrongState),
)
async def cancel(ctx: Ctx, bounty_id: BountyId, submission_id: SubmissionId) -> SubmissionShownOut:
    """Withdraw a submission of your team that is under way. It does not count."""
    return await _shown(ctx, await submitting.cancel(ctx, bounty_id, submission_id))


@router.post(
    "/{submission_id}/choose",
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
async def choose(ctx: Ctx, bounty_id: BountyId, submission_id: SubmissionId) -> SubmissionShownOut:
    """Make a scored submission your team's final one, in the place of its best."""
    return await _shown(ctx, await submitting.choose(ctx, bounty_id, submission_id))
