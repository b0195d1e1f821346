"""REST for versions: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from datetime import timedelta
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from dml.accounts.agreement.rules import AgreementNeeded, GithubNeeded
from dml.accounts.rules import ModeratorsOnly
from dml.accounts.sandbox_time import SandboxTimeUsed, TooManyTimeouts
from dml.algorithms import queries, rules, service, uploads
from dml.algorithms.appeals import queries as appeals
from dml.algorithms.form import FILE, MEDIA_TYPE, SPEC
from dml.algorithms.models import Version
from dml.algorithms.moderation.rules import ReasonNotForThis
from dml.algorithms.schemas import (
    VersionApproval,
    VersionOut,
    VersionRecall,
    VersionRejection,
)
from dml.core import event_log
from dml.core.errors import NotSignedIn
from dml.core.ids import AlgorithmId, VersionId
from dml.core.kept_files import FilesFull
from dml.edge import problems
from dml.edge.files import SendFile
from dml.edge.http import Ctx, PublicCtx, Server, SignedInBegin
from dml.edge.idempotency import IdempotentRoute, Late, Once
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals
from dml.edge.timeline import TimelineOut, UpcomingActionOut, timeline
from dml.inference import spec

router = APIRouter(prefix="/v1/algorithms", route_class=IdempotentRoute)

NO_APPROVAL_REASON: Final = VersionApproval()
UPLOAD: Final = {
    "requestBody": {
        "required": True,
        "content": {
            MEDIA_TYPE: {
                "schema": {
                    "type": "object",
                    "required": [SPEC, FILE],
                    "properties": {
                        SPEC: dict(spec.JSON_SCHEMA),
                        FILE: {"type": "string", "contentMediaType": "application/octet-stream"},
                    },
                },
                "encoding": {SPEC: {"contentType": "application/json"}},
                "example": {SPEC: dict(spec.EXAMPLE), FILE: "(the bytes of model.onnx)"},
            }
        },
    }
}
NOT_A_FORM: Final[dict[int | str, dict[str, Any]]] = {
    415: {
        "description": f"The body is not {MEDIA_TYPE}.",
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}
A_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The ONNX file. Its `ETag` is its SHA-256.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post(
    "/{algorithm_id}/versions",
    operation_id="versions.create",
    status_code=201,
    response_model=VersionOut,
    openapi_extra=UPLOAD,
    responses=NOT_A_FORM
    | refusals(
        NotSignedIn,
        rules.AlgorithmNotFound,
        rules.NotDeveloper,
        rules.Archived,
        AgreementNeeded,
        GithubNeeded,
        rules.CheckPending,
        FilesFull,
        SandboxTimeUsed,
        TooManyTimeouts,
        rules.FileTooLarge,
        rules.FileEmpty,
        rules.BadForm,
        rules.BadInputSpec,
    ),
)
async def upload_version(
    begin: SignedInBegin,
    late: Late,
    server: Server,
    algorithm_id: AlgorithmId,
    request: Request,
    response: Response,
) -> Version:
    """Upload a version of an algorithm.

    Send an ONNX model and its input spec as a form. The file is checked at once in a sandbox, which
    takes seconds: its state then changes from `uploaded` to `checked` or `refused`. The same model
    and spec sent again are the same version, unless it was turned down. For the algorithm's
    developer, who has accepted the developer agreement (`GET /v1/developer-agreement`), and can
    have one file checked at a time.
    """
    version = await uploads.upload(server, begin, late, algorithm_id, request)
    response.headers["Location"] = f"/v1/algorithms/{algorithm_id}/versions/{version.id}"
    return version


@router.get(
    "/{algorithm_id}/versions",
    operation_id="versions.list",
    responses=refusals(rules.AlgorithmNotFound),
)
async def list_versions(
    ctx: PublicCtx, algorithm_id: AlgorithmId, paging: Paged
) -> Page[VersionOut]:
    """List an algorithm's versions.

    Newest first. Its developer and moderators get all of them, everybody else those that were
    approved, and those recalled later.
    """
    rows = await queries.list_versions(
        ctx.tx, ctx.actor, algorithm_id, after=paging.cursor, limit=paging.limit
    )
    return paging.page(VersionOut, rows)


@router.get(
    "/{algorithm_id}/versions/{version_id}",
    operation_id="versions.get",
    response_model=VersionOut,
    responses=refusals(rules.AlgorithmNotFound, rules.VersionNotFound),
)
async def get_version(ctx: PublicCtx, algorithm_id: AlgorithmId, version_id: VersionId) -> Version:
    """Get a version of an algorithm.

    With what its check and its review found. Approved and recalled versions of a listed algorithm
    are public; others are for its developer and moderators.
    """
    version, _ = await queries.get_version(ctx.tx, ctx.actor, algorithm_id, version_id)
    return version


@router.delete(
    "/{algorithm_id}/versions/{version_id}",
    operation_id="versions.delete",
    status_code=204,
    responses=refusals(
        rules.AlgorithmNotFound, rules.VersionNotFound, rules.NotDeveloper, rules.WrongState
    ),
)
async def delete_version(ctx: Ctx, algorithm_id: AlgorithmId, version_id: VersionId) -> None:
    """Delete a version's file.

    For the developer, and for versions that were turned down or not yet sent to review. The version
    itself remains, in the state `deleted`, with what its check and its review found.
    """
    await service.delete(ctx, algorithm_id, version_id)


@router.get(
    "/{algorithm_id}/versions/{version_id}/file",
    operation_id="versions.get_file",
    response_class=Response,
    responses=A_FILE
    | refusals(NotSignedIn, rules.AlgorithmNotFound, rules.VersionNotFound, rules.FileForgotten),
)
async def get_file(
    begin: SignedInBegin,
    server: Server,
    algorithm_id: AlgorithmId,
    version_id: VersionId,
    send: SendFile,
) -> Response:
    """Download a version's model.

    The ONNX file as it was uploaded. For its developer and moderators. The file of a version that
    was turned down is kept for a limited time only.
    """
    async with begin() as ctx:
        version, _ = await queries.get_managed_version(ctx.tx, ctx.actor, algorithm_id, version_id)
        kept = timedelta(days=server.settings.keep_refused_versions_days)
        is_appealed = await appeals.is_appealed(ctx.tx, version.id)
        rules.require_file_kept(version, ctx.now - kept, is_appealed=is_appealed)
    headers = {"Content-Disposition": f'attachment; filename="{version.id}.onnx"'}
    return await send(version.sha256, headers=headers)


@router.get(
    "/{algorithm_id}/versions/{version_id}/timeline",
    operation_id="versions.get_timeline",
    responses=refusals(rules.AlgorithmNotFound, rules.VersionNotFound),
)
async def get_version_timeline(
    ctx: Ctx, algorithm_id: AlgorithmId, version_id: VersionId
) -> TimelineOut:
    """Get a version's timeline.

    Tells what happened to it, when, by whom and why, and what comes next. For its developer and
    moderators.
    """
    version, algorithm = await queries.get_managed_version(
        ctx.tx, ctx.actor, algorithm_id, version_id
    )
    entries = await event_log.history(ctx.tx, version.reference)
    ahead = [UpcomingActionOut(action=action, at=at) for action, at in rules.upcoming(version)]
    return timeline(ctx.actor, algorithm.developer_id, entries, ahead)


@router.post(
    "/{algorithm_id}/versions/{version_id}/submit",
    operation_id="versions.submit",
    dependencies=[Once],
    response_model=VersionOut,
    responses=refusals(
        rules.AlgorithmNotFound,
        rules.VersionNotFound,
        rules.NotDeveloper,
        rules.Archived,
        rules.WrongState,
    ),
)
async def submit(ctx: Ctx, algorithm_id: AlgorithmId, version_id: VersionId) -> Version:
    """Submit a version for review.

    For the developer of a version that passed its check. It waits `in_review` until a moderator
    approves or rejects it.
    """
    return await service.submit(ctx, algorithm_id, version_id)


@router.post(
    "/{algorithm_id}/versions/{version_id}/withdraw",
    operation_id="versions.withdraw",
    dependencies=[Once],
    response_model=VersionOut,
    responses=refusals(
        rules.AlgorithmNotFound, rules.VersionNotFound, rules.NotDeveloper, rules.WrongState
    ),
)
async def withdraw(ctx: Ctx, algorithm_id: AlgorithmId, version_id: VersionId) -> Version:
    """Withdraw a version from review.

    For the developer. It is `checked` again: submit it once more, or delete it.
    """
    return await service.withdraw(ctx, algorithm_id, version_id)


REVIEW_REFUSALS: Final = refusals(
    ModeratorsOnly,
    rules.OwnVersion,
    rules.AlgorithmNotFound,
    rules.VersionNotFound,
    rules.Archived,
    rules.WrongState,
    ReasonNotForThis,
)


@router.post(
    "/{algorithm_id}/versions/{version_id}/approve",
    operation_id="versions.approve",
    dependencies=[Once],
    response_model=VersionOut,
    responses=REVIEW_REFUSALS,
)
async def approve(
    ctx: Ctx,
    algorithm_id: AlgorithmId,
    version_id: VersionId,
    body: VersionApproval = NO_APPROVAL_REASON,
) -> Version:
    """Approve a version.

    From now on everybody can create jobs that run it. The first approved version of an algorithm
    lists the algorithm. For moderators, except those who developed it.
    """
    return await service.approve(
        ctx, algorithm_id, version_id, reason=body.reason, code=body.reason_code
    )


@router.post(
    "/{algorithm_id}/versions/{version_id}/reject",
    operation_id="versions.reject",
    dependencies=[Once],
    response_model=VersionOut,
    responses=REVIEW_REFUSALS,
)
async def reject(
    ctx: Ctx, algorithm_id: AlgorithmId, version_id: VersionId, body: VersionRejection
) -> Version:
    """Reject a version.

    Turns it down; the developer reads the reason, and may upload another version, or appeal once.
    For moderators, except those who developed it.
    """
    return await service.reject(
        ctx, algorithm_id, version_id, reason=body.reason, code=body.reason_code
    )


@router.post(
    "/{algorithm_id}/versions/{version_id}/recall",
    operation_id="versions.recall",
    dependencies=[Once],
    response_model=VersionOut,
    responses=refusals(
        ModeratorsOnly,
        rules.AlgorithmNotFound,
        rules.VersionNotFound,
        rules.WrongState,
        ReasonNotForThis,
    ),
)
async def recall(
    ctx: Ctx, algorithm_id: AlgorithmId, version_id: VersionId, body: VersionRecall
) -> Version:
    """Recall an approved version.

    Stops it at once: no device gets the model any more, and no result of it is
    accepted. Jobs that run it end, and what they have not spent goes back to their customers.
    Everybody can read the reason. Its developer may appeal once. For moderators.
    """
    return await service.recall(
        ctx, algorithm_id, version_id, reason=body.reason, code=body.reason_code
    )
