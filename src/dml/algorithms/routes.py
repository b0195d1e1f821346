"""REST: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from dml.accounts.rules import ModeratorsOnly
from dml.accounts.sandbox_time import SandboxTimeUsed, TooManyTimeouts
from dml.algorithms import queries, rules, service, uploads
from dml.algorithms.form import FILE, MEDIA_TYPE, SPEC
from dml.algorithms.models import Version
from dml.algorithms.queries import Shown
from dml.algorithms.schemas import (
    AlgorithmIn,
    AlgorithmOut,
    AlgorithmsWanted,
    OptionalReasonIn,
    ReasonIn,
    VersionOut,
    VersionsWanted,
    VersionToReviewOut,
)
from dml.core import audit
from dml.core.errors import NotSignedIn
from dml.core.ids import AlgorithmId, VersionId
from dml.core.kept_files import FilesFull
from dml.edge import problems
from dml.edge.files import SendFile
from dml.edge.http import Ctx, PublicCtx, Server, SignedInBegin
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Late, Once
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute
from dml.edge.timeline import TimelineOut, UpcomingActionOut, timeline
from dml.inference import spec

router = APIRouter(prefix="/v1/algorithms", tags=["algorithms"], route_class=IdempotentRoute)
moderation_router = APIRouter(prefix="/v1/moderation", tags=["moderation"], route_class=StrictRoute)

NO_REASON: Final = OptionalReasonIn()
EXAMPLE: Final = {
    "kind": "image",
    "color": "rgb",
    "width": 224,
    "height": 224,
    "resize": "fill",
    "layout": "NCHW",
    "scale": 1 / 255,
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
    "output": {"name": "logits", "activation": "softmax"},
}
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
                "example": {SPEC: EXAMPLE, FILE: "(the bytes of model.onnx)"},
            }
        },
    }
}
NOT_A_FORM: Final[dict[int | str, dict[str, Any]]] = {
    415: {
        "description": f"The body is no {MEDIA_TYPE}.",
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
    "",
    status_code=201,
    response_model=AlgorithmOut,
    dependencies=[Once],
    responses=refusals(IdempotencyKeyReused),
)
async def create_algorithm(ctx: Ctx, body: AlgorithmIn, response: Response) -> Shown:
    """Begin an algorithm: a draft that you alone see, until one of its versions is approved."""
    algorithm = await service.create(
        ctx,
        title=body.title,
        summary=body.summary,
        model_card=body.model_card,
        kind=body.kind,
        tags=body.tags,
        data_kind=body.data_kind,
        device_fee=body.device_fee,
        labels=body.labels,
    )
    response.headers["Location"] = f"/v1/algorithms/{algorithm.id}"
    return await queries.get_listing(ctx.tx, ctx.actor, algorithm.id)


@router.get("", responses=refusals(NotSignedIn, ModeratorsOnly))
async def list_algorithms(
    ctx: PublicCtx, wanted: Annotated[AlgorithmsWanted, Query()]
) -> Page[AlgorithmOut]:
    """What is on offer, newest first; or your own."""
    rows = await queries.list_algorithms(
        ctx.tx,
        ctx.actor,
        kind=wanted.kind,
        tag=wanted.tag,
        mine=wanted.mine,
        state=wanted.state,
        after=wanted.cursor,
        limit=wanted.limit,
    )
    return wanted.page(AlgorithmOut, rows)


@router.get(
    "/{algorithm_id}",
    response_model=AlgorithmOut,
    responses=refusals(rules.AlgorithmNotFound),
)
async def get_algorithm(ctx: PublicCtx, algorithm_id: AlgorithmId) -> Shown:
    """One algorithm, with the version that a job can pin."""
    return await queries.get_listing(ctx.tx, ctx.actor, algorithm_id)


@router.get("/{algorithm_id}/timeline", responses=refusals(rules.AlgorithmNotFound))
async def get_timeline(ctx: Ctx, algorithm_id: AlgorithmId) -> TimelineOut:
    """What happened to an algorithm, for its developer and moderators."""
    algorithm = await queries.get_managed(ctx.tx, ctx.actor, algorithm_id)
    entries = await audit.history(ctx.tx, algorithm.reference)
    return timeline(ctx.actor, algorithm.developer_id, entries)


@router.post(
    "/{algorithm_id}/suspend",
    dependencies=[Once],
    response_model=AlgorithmOut,
    responses=refusals(ModeratorsOnly, rules.AlgorithmNotFound, rules.WrongState),
)
async def suspend(ctx: Ctx, algorithm_id: AlgorithmId, body: ReasonIn) -> Shown:
    """Take an algorithm off the list for now, and give out no more work of it. For moderators.

    What devices have begun may still come in; its jobs wait, at most until their deadline.
    """
    await service.suspend(ctx, algorithm_id, reason=body.reason)
    return await queries.get_listing(ctx.tx, ctx.actor, algorithm_id)


@router.post(
    "/{algorithm_id}/resume",
    dependencies=[Once],
    response_model=AlgorithmOut,
    responses=refusals(ModeratorsOnly, rules.OwnVersion, rules.AlgorithmNotFound, rules.WrongState),
)
async def resume(ctx: Ctx, algorithm_id: AlgorithmId, body: ReasonIn) -> Shown:
    """List a suspended algorithm again. For moderators, and not for one's own."""
    await service.resume(ctx, algorithm_id, reason=body.reason)
    return await queries.get_listing(ctx.tx, ctx.actor, algorithm_id)


@router.post(
    "/{algorithm_id}/archive",
    dependencies=[Once],
    response_model=AlgorithmOut,
    responses=refusals(rules.NotDeveloper, rules.AlgorithmNotFound, rules.WrongState),
)
async def archive(ctx: Ctx, algorithm_id: AlgorithmId, body: OptionalReasonIn = NO_REASON) -> Shown:
    """Take an algorithm off the list for good. For its developer and moderators."""
    await service.archive(ctx, algorithm_id, reason=body.reason)
    return await queries.get_listing(ctx.tx, ctx.actor, algorithm_id)


@router.post(
    "/{algorithm_id}/versions",
    status_code=201,
    response_model=VersionOut,
    openapi_extra=UPLOAD,
    responses=NOT_A_FORM
    | refusals(
        NotSignedIn,
        rules.AlgorithmNotFound,
        rules.NotDeveloper,
        rules.Archived,
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
    """Upload a model (ONNX) with its input spec. It is checked at once, which takes seconds.

    The same file and spec sent again are the same version, unless it was turned down. A developer
    has one file checked at a time.
    """
    version = await uploads.upload(server, begin, late, algorithm_id, request)
    response.headers["Location"] = f"/v1/algorithms/{algorithm_id}/versions/{version.id}"
    return version


@router.get("/{algorithm_id}/versions", responses=refusals(rules.AlgorithmNotFound))
async def list_versions(
    ctx: PublicCtx, algorithm_id: AlgorithmId, paging: Paged
) -> Page[VersionOut]:
    """The versions that you may see, newest first: others than the developer see approved ones."""
    rows = await queries.list_versions(
        ctx.tx, ctx.actor, algorithm_id, after=paging.cursor, limit=paging.limit
    )
    return paging.page(VersionOut, rows)


@router.get(
    "/{algorithm_id}/versions/{version_id}",
    response_model=VersionOut,
    responses=refusals(rules.AlgorithmNotFound, rules.VersionNotFound),
)
async def get_version(ctx: PublicCtx, algorithm_id: AlgorithmId, version_id: VersionId) -> Version:
    """One version, and what its check and its review said."""
    version, _ = await queries.get_version(ctx.tx, ctx.actor, algorithm_id, version_id)
    return version


@router.delete(
    "/{algorithm_id}/versions/{version_id}",
    status_code=204,
    responses=refusals(
        rules.AlgorithmNotFound, rules.VersionNotFound, rules.NotDeveloper, rules.WrongState
    ),
)
async def delete_version(ctx: Ctx, algorithm_id: AlgorithmId, version_id: VersionId) -> None:
    """Delete the file of a version that was turned down, or was never submitted.

    The version stays, as `deleted`, with what its check and its review said.
    """
    await service.delete(ctx, algorithm_id, version_id)


@router.get(
    "/{algorithm_id}/versions/{version_id}/file",
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
    """The model itself, for its developer and moderators."""
    async with begin() as ctx:
        version, _ = await queries.get_managed_version(ctx.tx, ctx.actor, algorithm_id, version_id)
        kept = timedelta(days=server.settings.keep_refused_versions_days)
        rules.require_file_kept(version, ctx.now - kept)
    headers = {"Content-Disposition": f'attachment; filename="{version.id}.onnx"'}
    return await send(version.sha256, headers=headers)


@router.get(
    "/{algorithm_id}/versions/{version_id}/timeline",
    responses=refusals(rules.AlgorithmNotFound, rules.VersionNotFound),
)
async def get_version_timeline(
    ctx: Ctx, algorithm_id: AlgorithmId, version_id: VersionId
) -> TimelineOut:
    """What happened to a version and what is next, for its developer and moderators."""
    version, algorithm = await queries.get_managed_version(
        ctx.tx, ctx.actor, algorithm_id, version_id
    )
    entries = await audit.history(ctx.tx, version.reference)
    ahead = [UpcomingActionOut(action=action, at=at) for action, at in rules.upcoming(version)]
    return timeline(ctx.actor, algorithm.developer_id, entries, ahead)


@router.post(
    "/{algorithm_id}/versions/{version_id}/submit",
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
    """Ask for a review of a version that passed its check."""
    return await service.submit(ctx, algorithm_id, version_id)


REVIEW_REFUSALS: Final = refusals(
    ModeratorsOnly,
    rules.OwnVersion,
    rules.AlgorithmNotFound,
    rules.VersionNotFound,
    rules.Archived,
    rules.WrongState,
)


@router.post(
    "/{algorithm_id}/versions/{version_id}/approve",
    dependencies=[Once],
    response_model=VersionOut,
    responses=REVIEW_REFUSALS,
)
async def approve(
    ctx: Ctx,
    algorithm_id: AlgorithmId,
    version_id: VersionId,
    body: OptionalReasonIn = NO_REASON,
) -> Version:
    """Let everybody run this version; the first one lists its algorithm. For moderators."""
    return await service.approve(ctx, algorithm_id, version_id, reason=body.reason)


@router.post(
    "/{algorithm_id}/versions/{version_id}/reject",
    dependencies=[Once],
    response_model=VersionOut,
    responses=REVIEW_REFUSALS,
)
async def reject(
    ctx: Ctx, algorithm_id: AlgorithmId, version_id: VersionId, body: ReasonIn
) -> Version:
    """Turn this version down, with a reason. For moderators, and not for one's own."""
    return await service.reject(ctx, algorithm_id, version_id, reason=body.reason)


@router.post(
    "/{algorithm_id}/versions/{version_id}/recall",
    dependencies=[Once],
    response_model=VersionOut,
    responses=refusals(
        ModeratorsOnly, rules.AlgorithmNotFound, rules.VersionNotFound, rules.WrongState
    ),
)
async def recall(
    ctx: Ctx, algorithm_id: AlgorithmId, version_id: VersionId, body: ReasonIn
) -> Version:
    """Stop an approved version for good, with a reason that everybody may read. For moderators.

    No device gets the model any more and no result of it is taken; its jobs end, and give back
    what they have not spent.
    """
    return await service.recall(ctx, algorithm_id, version_id, reason=body.reason)


@moderation_router.get("/versions", responses=refusals(ModeratorsOnly))
async def list_versions_to_review(
    ctx: Ctx, wanted: Annotated[VersionsWanted, Query()]
) -> Page[VersionToReviewOut]:
    """Versions of all developers, the longest waiting first. For moderators."""
    rows = await queries.list_for_moderators(
        ctx.tx, ctx.actor, state=wanted.state, after=wanted.cursor, limit=wanted.limit
    )
    return wanted.page(VersionToReviewOut, rows)
