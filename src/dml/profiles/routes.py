"""REST: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

import asyncio
import gzip
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from dml.accounts.rules import AdminsOnly
from dml.core.db import Shown
from dml.core.ids import ProfileId
from dml.edge.http import Ctx
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Once
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals
from dml.profiles import rules, service
from dml.profiles.models import ProfileFormat
from dml.profiles.schemas import (
    ProcessesPaging,
    ProcessOut,
    ProfileCreate,
    ProfileOut,
    processes_page,
)

router = APIRouter(prefix="/v1/admin", route_class=IdempotentRoute)
NO_FILE: Final = refusals(AdminsOnly, rules.ProfileNotFound, rules.ProfileNotFinished)
# A page with a script of its own: to be opened from where it was saved, not as one of ours.
SAVED: Final = {"Content-Security-Policy": "default-src 'none'; sandbox"}
A_PAGE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "A page that needs nothing else to be opened.",
        "content": {"text/html": {"schema": {"type": "string"}}},
    }
}
A_SPEEDSCOPE_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "A file in speedscope's own format.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}


@router.get("/processes", operation_id="processes.list", responses=refusals(AdminsOnly))
async def list_processes(ctx: Ctx, paging: Annotated[ProcessesPaging, Query()]) -> Page[ProcessOut]:
    """List the processes that are alive.

    For admins: APIs, workers and chain processes of all machines, in the order of their names. A
    process that has said nothing for ten seconds is not listed.
    """
    rows = await service.list_processes(ctx, after=paging.cursor, limit=paging.limit)
    return processes_page(rows, paging.limit)


@router.post(
    "/profiles",
    operation_id="profiles.create",
    status_code=202,
    response_model=ProfileOut,
    dependencies=[Once],
    responses=refusals(
        AdminsOnly,
        rules.ProcessNotFound,
        rules.ProfileUnderWay,
        rules.ProfilerMissing,
        IdempotencyKeyReused,
    ),
)
async def create(ctx: Ctx, response: Response, body: ProfileCreate) -> Shown:
    """Profile a process.

    For admins. The process hears of it within two seconds, is profiled for as long as you say, and
    goes on serving meanwhile, a little slower. Then its files are made, which takes some seconds.
    One process can be profiled at a time. The last 20 profiles are kept, for a week. It is written
    to the audit log.
    """
    made = await service.create(ctx, body.process, body.kind, seconds=body.seconds)
    response.headers["Location"] = f"/v1/admin/profiles/{made.id}"
    return made


@router.get("/profiles", operation_id="profiles.list", responses=refusals(AdminsOnly))
async def list_profiles(ctx: Ctx, paging: Paged) -> Page[ProfileOut]:
    """List the profiles.

    For admins, newest first.
    """
    rows = await service.list_profiles(ctx, after=paging.cursor, limit=paging.limit)
    return paging.page(ProfileOut, rows)


@router.get(
    "/profiles/{profile_id}",
    operation_id="profiles.get",
    response_model=ProfileOut,
    responses=refusals(AdminsOnly, rules.ProfileNotFound),
)
async def get(ctx: Ctx, profile_id: ProfileId) -> Shown:
    """Get a profile.

    For admins: how far it is, and how large its files are.
    """
    return await service.get(ctx, profile_id)


@router.get(
    "/profiles/{profile_id}/flame-graph",
    operation_id="profiles.get_flame_graph",
    response_class=Response,
    responses=A_PAGE | NO_FILE,
)
async def get_flame_graph(ctx: Ctx, profile_id: ProfileId) -> Response:
    """Download a profile's flame graph.

    For admins: one HTML page, to be saved and opened in a browser. The wider a function is, the
    more time or memory it took with all that it called.
    """
    return await _send(ctx, profile_id, ProfileFormat.FLAME_GRAPH, "text/html", "html")


@router.get(
    "/profiles/{profile_id}/speedscope",
    operation_id="profiles.get_speedscope",
    response_class=Response,
    responses=A_SPEEDSCOPE_FILE | NO_FILE,
)
async def get_speedscope(ctx: Ctx, profile_id: ProfileId) -> Response:
    """Download a profile for speedscope.

    For admins: JSON in the format of speedscope, which other viewers read, too.
    """
    return await _send(
        ctx, profile_id, ProfileFormat.SPEEDSCOPE, "application/json", "speedscope.json"
    )


async def _send(
    ctx: Ctx, profile_id: ProfileId, its_format: ProfileFormat, media_type: str, ending: str
) -> Response:
    gzipped = await service.get_file(ctx, profile_id, its_format)
    content = await asyncio.to_thread(gzip.decompress, gzipped)
    headers = SAVED | {
        "Content-Disposition": f'attachment; filename="profile-{profile_id}.{ending}"'
    }
    return Response(content, media_type=media_type, headers=headers)
