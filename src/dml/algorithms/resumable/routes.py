"""REST for models that come in parts: parse, call one function, shape the answer. No `if`."""

from typing import Any, Final

from fastapi import APIRouter, Request, Response

from dml.accounts.agreement.rules import AgreementNeeded, GithubNeeded
from dml.accounts.sandbox_time import SandboxTimeUsed, TooManyTimeouts
from dml.algorithms import rules as algorithm_rules
from dml.algorithms.models import Version
from dml.algorithms.resumable import queries, rules, service, uploads
from dml.algorithms.resumable.models import Upload
from dml.algorithms.resumable.schemas import (
    NEXT_BYTES,
    UploadCreate,
    UploadDetailsOut,
    UploadOffset,
    UploadOut,
    headers_of,
    shown,
)
from dml.algorithms.resumable.service import Announced
from dml.algorithms.resumable.uploads import Named
from dml.algorithms.schemas import VersionOut
from dml.core.errors import NotSignedIn
from dml.core.ids import AlgorithmId, UploadId
from dml.core.kept_files import FilesFull
from dml.edge import problems
from dml.edge.bodies import FileCutOff, a_file
from dml.edge.http import Ctx, Server, SignedInBegin
from dml.edge.idempotency import IdempotentRoute, Once
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals

router = APIRouter(prefix="/v1/algorithms/{algorithm_id}/uploads", route_class=IdempotentRoute)

NOT_A_PART: Final[dict[int | str, dict[str, Any]]] = {
    415: {
        "description": f"The body is not {rules.MEDIA_TYPE}.",
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}
HOW_FAR: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "headers": {
            "Upload-Offset": problems.header("How many bytes have come."),
            "Upload-Length": problems.header("How many there are to be in all."),
            "Upload-Complete": problems.header("`?1` once it is a version, else `?0`."),
            "Upload-Limit": problems.header("For how many seconds it waits, and the least part."),
        }
    }
}


@router.post(
    "",
    operation_id="uploads.create",
    status_code=201,
    dependencies=[Once],
    responses=refusals(
        algorithm_rules.AlgorithmNotFound,
        algorithm_rules.NotDeveloper,
        algorithm_rules.Archived,
        algorithm_rules.FileTooLarge,
        AgreementNeeded,
        GithubNeeded,
        FilesFull,
        SandboxTimeUsed,
        TooManyTimeouts,
        rules.AlreadyUploaded,
        rules.UploadsUnderWay,
    ),
)
async def announce(
    ctx: Ctx, server: Server, algorithm_id: AlgorithmId, body: UploadCreate, response: Response
) -> UploadDetailsOut:
    """Announce a model that comes in parts.

    For large models, and for lines that break: say its size and SHA-256 first, then send its bytes
    in as many requests as you like, and complete the upload, which makes it a version. So much room
    is set aside for it among your files until then. For the algorithm's developer, who has accepted
    the developer agreement.
    """
    told = Announced(body.sha256, body.size, body.input_spec)
    upload = await uploads.announce(server, ctx, algorithm_id, told)
    response.headers["Location"] = f"/v1/algorithms/{algorithm_id}/uploads/{upload.id}"
    return shown(upload, await uploads.sign(server, upload))


@router.get(
    "",
    operation_id="uploads.list",
    responses=refusals(algorithm_rules.AlgorithmNotFound, algorithm_rules.NotDeveloper),
)
async def list_uploads(ctx: Ctx, algorithm_id: AlgorithmId, paging: Paged) -> Page[UploadOut]:
    """List an algorithm's uploads.

    Newest first: those under way, and for a while those that were completed. For its developer.
    """
    rows = await queries.list_mine(ctx, algorithm_id, after=paging.cursor, limit=paging.limit)
    return paging.page(UploadOut, rows)


@router.get(
    "/{upload_id}",
    operation_id="uploads.get",
    responses=HOW_FAR | refusals(algorithm_rules.AlgorithmNotFound, rules.UploadNotFound),
)
async def get_upload(
    ctx: Ctx, server: Server, algorithm_id: AlgorithmId, upload_id: UploadId, response: Response
) -> UploadDetailsOut:
    """Get an upload.

    Tells how many bytes have come, from which the next part begins. For the algorithm's developer.
    """
    upload = await queries.get_mine(ctx, algorithm_id, upload_id)
    response.headers.update(headers_of(upload))
    return shown(upload, await uploads.sign(server, upload))


@router.patch(
    "/{upload_id}",
    operation_id="uploads.append",
    response_model=UploadOut,
    openapi_extra=a_file(NEXT_BYTES),
    responses=HOW_FAR
    | NOT_A_PART
    | refusals(
        NotSignedIn,
        algorithm_rules.AlgorithmNotFound,
        rules.UploadNotFound,
        rules.UploadCompleted,
        rules.WrongOffset,
        rules.UploadTakenOver,
        rules.UploadTooLarge,
        rules.PartTooSmall,
        FileCutOff,
    ),
)
async def append(
    begin: SignedInBegin,
    server: Server,
    algorithm_id: AlgorithmId,
    upload_id: UploadId,
    upload_offset: UploadOffset,
    request: Request,
    response: Response,
) -> Upload:
    """Send the next bytes of an upload.

    The body is the file from `Upload-Offset` on, to its end or as far as you like. Where the line
    breaks, `GET` the upload and go on from its `offset`: what that counts need not be sent again.
    The request that began last may send, and one before it is refused. For the algorithm's
    developer.
    """
    named = Named(algorithm_id, upload_id)
    upload = await uploads.append(server, begin, named, upload_offset, request)
    response.headers.update(headers_of(upload))
    return upload


@router.post(
    "/{upload_id}/complete",
    operation_id="uploads.complete",
    status_code=201,
    response_model=VersionOut,
    responses=refusals(
        NotSignedIn,
        algorithm_rules.AlgorithmNotFound,
        algorithm_rules.Archived,
        algorithm_rules.CheckPending,
        AgreementNeeded,
        GithubNeeded,
        SandboxTimeUsed,
        TooManyTimeouts,
        rules.UploadNotFound,
        rules.UploadIncomplete,
        rules.UploadDiffers,
        rules.UploadLost,
    ),
)
async def complete(
    begin: SignedInBegin,
    server: Server,
    algorithm_id: AlgorithmId,
    upload_id: UploadId,
    response: Response,
) -> Version:
    """Complete an upload.

    All that was sent is read and compared with the announced size and SHA-256. It becomes a version
    of the algorithm, whose file is then checked in a sandbox; or the upload ends, and nothing of it
    is kept. Again, it is the same version. For the algorithm's developer.
    """
    version = await uploads.complete(server, begin, Named(algorithm_id, upload_id))
    response.headers["Location"] = f"/v1/algorithms/{algorithm_id}/versions/{version.id}"
    return version


@router.delete(
    "/{upload_id}",
    operation_id="uploads.delete",
    status_code=204,
    responses=refusals(
        algorithm_rules.AlgorithmNotFound, rules.UploadNotFound, rules.UploadCompleted
    ),
)
async def give_up(ctx: Ctx, algorithm_id: AlgorithmId, upload_id: UploadId) -> None:
    """Give an upload up.

    What was sent of it is deleted, and its room is free again. For the algorithm's developer.
    """
    await service.give_up(ctx, algorithm_id, upload_id)
