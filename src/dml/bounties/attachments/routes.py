"""REST for attachments: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from dml.bounties import queries, rules
from dml.bounties.attachments import rules as attachment_rules, service as attachments, uploads
from dml.bounties.attachments.schemas import AttachmentListOut, AttachmentOut, AttachQuery, attached
from dml.bounties.attachments.service import Upload
from dml.bounties.editing import rules as edit_rules
from dml.core.errors import NotSignedIn
from dml.core.ids import AttachmentId, BountyId
from dml.core.kept_files import FilesFull
from dml.edge.bodies import FileCutOff, FileEmpty, FileTooLarge, a_file
from dml.edge.files import SendFile
from dml.edge.http import Begin, Ctx, PublicCtx, Server, SignedInBegin
from dml.edge.idempotency import IdempotentRoute, Late
from dml.edge.problems import refusals

router = APIRouter(prefix="/v1/bounties", route_class=IdempotentRoute)

A_FILE: Final = a_file({"application/octet-stream": "(the bytes of train.csv, or of an image)"})
THE_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file. Its `ETag` is its SHA-256.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post(
    "/{bounty_id}/attachments",
    operation_id="attachments.create",
    status_code=201,
    openapi_extra=A_FILE,
    responses=refusals(
        NotSignedIn,
        rules.BountyNotFound,
        rules.NotOwner,
        rules.WrongState,
        edit_rules.ReasonMissing,
        attachment_rules.BadFileName,
        attachment_rules.NotAnImage,
        attachment_rules.AttachmentExists,
        attachment_rules.TooManyAttachments,
        edit_rules.TooManyEdits,
        FilesFull,
        FileTooLarge,
        FileEmpty,
        FileCutOff,
    ),
)
async def attach(
    begin: SignedInBegin,
    late: Late,
    server: Server,
    request: Request,
    response: Response,
    bounty_id: BountyId,
    query: Annotated[AttachQuery, Query()],
) -> AttachmentOut:
    """Attach a file to a bounty.

    The body is the file. A new thumbnail or cover replaces the old one; before enrollment opens,
    any file replaces the one of its kind and name. Once enrollment is open, a reason is needed. For
    the bounty's owner.
    """
    upload = Upload(query.kind, query.name, query.reason)
    attachment = await uploads.attach(server, begin, late, bounty_id, upload, request)
    shown = attached(attachment)
    response.headers["Location"] = shown.url
    return shown


@router.get(
    "/{bounty_id}/attachments",
    operation_id="attachments.list",
    responses=refusals(rules.BountyNotFound),
)
async def list_attachments(ctx: PublicCtx, bounty_id: BountyId) -> AttachmentListOut:
    """List a bounty's attachments.

    All of its files, oldest first. For everybody who sees the bounty.
    """
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id)
    rows = await queries.list_attachments(ctx.tx, bounty.id)
    return AttachmentListOut(items=[attached(it) for it in rows])


@router.get(
    "/{bounty_id}/attachments/{attachment_id}",
    operation_id="attachments.get",
    response_class=Response,
    responses=THE_FILE
    | refusals(rules.BountyNotFound, attachment_rules.AttachmentNotFound, rules.FileForgotten),
)
async def get_attachment(
    begin: Begin,
    server: Server,
    bounty_id: BountyId,
    attachment_id: AttachmentId,
    send: SendFile,
) -> Response:
    """Download an attachment of a bounty.

    The file as it was sent. For everybody who sees the bounty.
    """
    async with begin() as ctx:
        found = await queries.get_attachment(ctx.tx, ctx.actor, bounty_id, attachment_id)
        bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id)
        kept = timedelta(days=server.settings.keep_refused_versions_days)
        rules.require_files_kept(bounty, ctx.now - kept)
    headers = attachments.headers_of(found)
    return await send(found.sha256, headers=headers, media_type=found.media_type)


@router.delete(
    "/{bounty_id}/attachments/{attachment_id}",
    operation_id="attachments.delete",
    status_code=204,
    responses=refusals(
        rules.BountyNotFound, attachment_rules.AttachmentNotFound, rules.NotOwner, rules.WrongState
    ),
)
async def remove_attachment(ctx: Ctx, bounty_id: BountyId, attachment_id: AttachmentId) -> None:
    """Delete an attachment of a bounty.

    Only before enrollment opens. For the bounty's owner.
    """
    await attachments.remove(ctx, bounty_id, attachment_id)
