"""REST of exports and erasure: parse, call one function, shape the answer. No `if`, no SQL."""

from typing import Any, Final

from fastapi import APIRouter, Depends, Response

from dml.accounts.identities.reauthentication import PROOF_REFUSALS, reauthenticate
from dml.accounts.organisations.rules import LastOwner
from dml.accounts.privacy import processes, queries, rules
from dml.accounts.privacy.models import DataExport
from dml.accounts.privacy.schemas import DataExportOut, UserErasure
from dml.accounts.recovery.choosing import post_of
from dml.core.errors import NotSignedIn
from dml.core.ids import ExportId
from dml.edge.files import SendFile
from dml.edge.http import Ctx, Server, SignedInBegin
from dml.edge.idempotency import IdempotentRoute, Once
from dml.edge.limits import at_most
from dml.edge.paging import Page, Paging
from dml.edge.problems import refusals

router = APIRouter(prefix="/v1/users/me", route_class=IdempotentRoute)
proof_limit = Depends(at_most("reauthenticate", lambda settings: settings.sign_ins_a_minute))
A_ZIP: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "A ZIP of JSON files. Its `ETag` is its SHA-256.",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}


async def _require_proof(server: Server, begin: SignedInBegin, body: UserErasure) -> None:
    await reauthenticate(server, begin, body.proof)


@router.post(
    "/exports",
    operation_id="data_exports.create",
    status_code=202,
    response_model=DataExportOut,
    dependencies=[Once],
    responses=refusals(rules.ExportUnderWay, rules.TooManyExports),
)
async def create_export(ctx: Ctx, response: Response) -> DataExport:
    """Ask for all that is kept of you.

    For signed-in users. A file is made, which takes from seconds to minutes: an event and a mail
    tell when it is ready. One at a time, and three a day at most.
    """
    made = await processes.request_export(ctx)
    response.headers["Location"] = f"/v1/users/me/exports/{made.id}"
    return made


@router.get("/exports", operation_id="data_exports.list")
async def list_exports(ctx: Ctx) -> Page[DataExportOut]:
    """List your exports.

    For signed-in users: newest first. Each is kept for a week. They always fit on one page.
    """
    rows = await queries.list_exports(ctx.tx, ctx.actor.id, ctx.now)
    return Paging(limit=queries.EXPORTS_MAX).page(DataExportOut, rows)


@router.get(
    "/exports/{export_id}",
    operation_id="data_exports.get",
    response_model=DataExportOut,
    responses=refusals(rules.ExportNotFound),
)
async def get_export(ctx: Ctx, export_id: ExportId) -> DataExport:
    """Get an export of yours.

    For signed-in users: how far it is.
    """
    return await queries.get_mine(ctx.tx, ctx.actor.id, export_id, ctx.now)


@router.get(
    "/exports/{export_id}/file",
    operation_id="data_exports.get_file",
    response_class=Response,
    responses=A_ZIP | refusals(NotSignedIn, rules.ExportNotFound, rules.ExportNotReady),
)
async def get_export_file(begin: SignedInBegin, export_id: ExportId, send: SendFile) -> Response:
    """Download an export of yours.

    For its user alone: a ZIP of JSON files, one for each table that has rows of yours. Parts of it
    can be asked for. No personal access token opens it.
    """
    async with begin() as ctx:
        found = await queries.get_mine(ctx.tx, ctx.actor.id, export_id, ctx.now)
        sha256 = rules.require_file(found)
    headers = {"Content-Disposition": f'attachment; filename="{export_id}.zip"'}
    return await send(sha256, headers=headers, media_type="application/zip")


@router.post(
    "/erase",
    operation_id="users.erase_me",
    status_code=204,
    dependencies=[proof_limit, Depends(_require_proof)],
    responses=refusals(rules.ErasureBlocked, LastOwner, *PROOF_REFUSALS),
)
async def erase_me(ctx: Ctx, server: Server, body: UserErasure) -> None:
    """Erase your account.

    For signed-in users, with a proof of who they are; it cannot be undone. All that names you is
    erased, and what stays in the books stays under an id that names nobody. You are signed out
    everywhere, your devices are revoked, and your address is free again. What keeps it from being
    done (tokens in your balance, jobs or bounties under way) is named in one answer.
    """
    await processes.erase_me(ctx, post_of(server))
