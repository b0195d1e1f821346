"""REST for bounties: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from dml.bounties import attachment_rules, attachments, edit_rules, queries, rules, service, shapes
from dml.bounties.attachments import Upload
from dml.bounties.enrollment_rules import NotImpartial
from dml.bounties.models import AttachmentKind
from dml.bounties.schemas import (
    AttachmentOut,
    AttachmentsOut,
    BountiesWanted,
    BountyEditIn,
    BountyIn,
    BountyOut,
    ChangesOut,
    ReasonIn,
)
from dml.core import audit
from dml.core.errors import NotSignedIn
from dml.core.ids import AttachmentId, BountyId
from dml.core.kept_files import FilesFull
from dml.core.wire import Text
from dml.edge.bodies import FileCutOff, FileEmpty, FileTooLarge, a_file
from dml.edge.etags import BadIfMatch, IfMatch, TellRevision
from dml.edge.files import SendFile
from dml.edge.http import Begin, Ctx, PublicCtx, Server, SignedInBegin
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Late, Once
from dml.edge.paging import Page
from dml.edge.problems import refusals
from dml.edge.timeline import TimelineOut, timeline
from dml.payments.rules import InsufficientFunds

router = APIRouter(prefix="/v1/bounties", tags=["bounties"], route_class=IdempotentRoute)
MOVES: Final = (rules.BountyNotFound, rules.NotOwner, rules.WrongState, rules.Paused)
MOVING: Final = refusals(*MOVES)

A_FILE: Final = a_file({"application/octet-stream": "(the bytes of train.csv, or of an image)"})
THE_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file. Its `ETag` is its SHA-256.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post(
    "",
    status_code=201,
    dependencies=[Once],
    responses=refusals(
        rules.MetricMissing,
        rules.PrizesDoNotSum,
        rules.DatesOutOfOrder,
        rules.TooManyDrafts,
        IdempotencyKeyReused,
    ),
)
async def create(ctx: Ctx, body: BountyIn, response: Response, tell: TellRevision) -> BountyOut:
    """Begin a bounty: a draft that you alone see, until its prizes are in escrow."""
    bounty = await service.create(ctx, shapes.plan_of(body))
    response.headers["Location"] = f"/v1/bounties/{bounty.id}"
    return await shapes.told(ctx, bounty, tell)


@router.get("", responses=refusals(NotSignedIn))
async def list_bounties(
    ctx: PublicCtx, wanted: Annotated[BountiesWanted, Query()]
) -> Page[BountyOut]:
    """Bounties that are funded or were, or your own. Filters combine."""
    rows = await queries.list_bounties(
        ctx.tx, ctx.actor, shapes.wanted_of(wanted), after=wanted.cursor, limit=wanted.limit
    )
    details = await queries.get_details(ctx.tx, rows)
    shown = [shapes.shown(it, details[it.id], ctx.actor) for it in rows]
    return wanted.sorted_page(rows, shown)


@router.get("/{bounty_id}", responses=refusals(rules.BountyNotFound))
async def get(ctx: PublicCtx, bounty_id: BountyId, tell: TellRevision) -> BountyOut:
    """One bounty: what it asks for, what it pays, how far it is, and what is next."""
    return await shapes.told(ctx, await queries.get_bounty(ctx.tx, ctx.actor, bounty_id), tell)


@router.patch(
    "/{bounty_id}",
    responses=refusals(
        rules.BountyNotFound,
        rules.NotOwner,
        edit_rules.EditedMeanwhile,
        rules.WrongState,
        rules.Paused,
        edit_rules.FieldsFixed,
        edit_rules.OnlyMoreTime,
        edit_rules.ReasonMissing,
        edit_rules.TooManyEdits,
        rules.MetricMissing,
        rules.PrizesDoNotSum,
        rules.DatesOutOfOrder,
        BadIfMatch,
    ),
)
async def edit(
    ctx: Ctx, bounty_id: BountyId, body: BountyEditIn, revision: IfMatch, tell: TellRevision
) -> BountyOut:
    """Change a bounty: all of a draft, less once it is funded, and only what harms nobody later."""
    bounty = await service.edit(
        ctx,
        bounty_id,
        body.columns(),
        prize_total=body.prize_total,
        reason=body.reason,
        revision=revision,
    )
    return await shapes.told(ctx, bounty, tell)


@router.get("/{bounty_id}/changes", responses=refusals(rules.BountyNotFound))
async def get_changes(ctx: PublicCtx, bounty_id: BountyId) -> ChangesOut:
    """What was edited since the bounty was funded: from what to what, and why."""
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id)
    entries = await queries.list_changes(ctx.tx, bounty)
    return ChangesOut(items=[shapes.change(it) for it in entries])


@router.get("/{bounty_id}/timeline", responses=refusals(rules.BountyNotFound))
async def get_timeline(ctx: PublicCtx, bounty_id: BountyId) -> TimelineOut:
    """What happened to a bounty, what is next and when."""
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id)
    entries = await audit.history(ctx.tx, bounty.reference)
    return timeline(ctx.actor, bounty.owner_id, entries, shapes.coming(bounty))


@router.post(
    "/{bounty_id}/fund",
    dependencies=[Once],
    responses=refusals(
        rules.BountyNotFound,
        rules.NotOwner,
        rules.WrongState,
        rules.TestSetNotChecked,
        rules.TooLateToFund,
        InsufficientFunds,
        IdempotencyKeyReused,
    ),
)
async def fund(ctx: Ctx, bounty_id: BountyId, tell: TellRevision) -> BountyOut:
    """Put all prizes into escrow, or be refused. From now on everybody sees the bounty."""
    return await shapes.told(ctx, await service.fund(ctx, bounty_id), tell)


@router.post("/{bounty_id}/open", dependencies=[Once], responses=MOVING)
async def open_enrollment(ctx: Ctx, bounty_id: BountyId, tell: TellRevision) -> BountyOut:
    """Open enrollment now, before `enrolls_at`."""
    return await shapes.told(ctx, await service.open_enrollment(ctx, bounty_id), tell)


@router.post("/{bounty_id}/start", dependencies=[Once], responses=MOVING)
async def start_submissions(ctx: Ctx, bounty_id: BountyId, tell: TellRevision) -> BountyOut:
    """Take submissions from now on, before `submits_at`. Enrollment ends."""
    return await shapes.told(ctx, await service.start_submissions(ctx, bounty_id), tell)


@router.post("/{bounty_id}/close", dependencies=[Once], responses=MOVING)
async def close_submissions(ctx: Ctx, bounty_id: BountyId, tell: TellRevision) -> BountyOut:
    """End the submissions now, before `closes_at`."""
    return await shapes.told(ctx, await service.close_submissions(ctx, bounty_id), tell)


@router.post(
    "/{bounty_id}/pause",
    dependencies=[Once],
    responses=refusals(*MOVES, NotImpartial, rules.PausedEnough),
)
async def pause(ctx: Ctx, bounty_id: BountyId, body: ReasonIn, tell: TellRevision) -> BountyOut:
    """Take nothing in for now, and stop the clock. For its owner and moderators."""
    return await shapes.told(ctx, await service.pause(ctx, bounty_id, reason=body.reason), tell)


@router.post(
    "/{bounty_id}/resume",
    dependencies=[Once],
    responses=refusals(rules.BountyNotFound, rules.NotOwner, NotImpartial, rules.NotPaused),
)
async def resume(ctx: Ctx, bounty_id: BountyId, tell: TellRevision) -> BountyOut:
    """Go on: dates that were still ahead are later by as long as the pause took."""
    return await shapes.told(ctx, await service.resume(ctx, bounty_id), tell)


@router.post(
    "/{bounty_id}/cancel",
    dependencies=[Once],
    responses=refusals(
        rules.BountyNotFound, rules.NotOwner, NotImpartial, rules.WrongState, IdempotencyKeyReused
    ),
)
async def cancel(ctx: Ctx, bounty_id: BountyId, body: ReasonIn, tell: TellRevision) -> BountyOut:
    """End it without winners, before any are named: all the money goes back where it came from."""
    return await shapes.told(ctx, await service.cancel(ctx, bounty_id, reason=body.reason), tell)


@router.post(
    "/{bounty_id}/attachments",
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
    kind: AttachmentKind,
    name: Annotated[Text, Query(max_length=200, description="A plain name of a file.")],
    reason: Annotated[
        Text | None, Query(max_length=2_000, description="Needed once enrollment is open.")
    ] = None,
) -> AttachmentOut:
    """Add a file, the body itself. A new thumbnail or cover takes the place of the old one."""
    upload = Upload(kind, name, reason)
    attachment = await attachments.attach(server, begin, late, bounty_id, upload, request)
    shown = shapes.attached(attachment)
    response.headers["Location"] = shown.url
    return shown


@router.get("/{bounty_id}/attachments", responses=refusals(rules.BountyNotFound))
async def list_attachments(ctx: PublicCtx, bounty_id: BountyId) -> AttachmentsOut:
    """All files of a bounty."""
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id)
    rows = await queries.list_attachments(ctx.tx, bounty.id)
    return AttachmentsOut(items=[shapes.attached(it) for it in rows])


@router.get(
    "/{bounty_id}/attachments/{attachment_id}",
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
    """The file itself."""
    async with begin() as ctx:
        found = await queries.get_attachment(ctx.tx, ctx.actor, bounty_id, attachment_id)
        bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id)
        kept = timedelta(days=server.settings.keep_refused_versions_days)
        rules.require_files_kept(bounty, ctx.now - kept)
    headers = attachments.headers_of(found)
    return await send(found.sha256, headers=headers, media_type=found.media_type)


@router.delete(
    "/{bounty_id}/attachments/{attachment_id}",
    status_code=204,
    responses=refusals(
        rules.BountyNotFound, attachment_rules.AttachmentNotFound, rules.NotOwner, rules.WrongState
    ),
)
async def remove_attachment(ctx: Ctx, bounty_id: BountyId, attachment_id: AttachmentId) -> None:
    """Take a file away, before enrollment opens."""
    await attachments.remove(ctx, bounty_id, attachment_id)
