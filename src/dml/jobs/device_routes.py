"""REST for devices and their owners: claim, heartbeat, release, result, and what was done."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials

from dml.core.batching import DatabaseAway, Overloaded
from dml.core.ids import AssignmentId, DeviceId
from dml.devices import queries as devices
from dml.devices.rules import DeviceNotFound, NotADevice, Revoked
from dml.devices.tokens import DeviceActor, DeviceBegin, DeviceCtx, bearer, require_device
from dml.edge.files import SendFile
from dml.edge.http import Ctx, Server, SignedInBegin, guarded
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute
from dml.jobs import archives, assignments, queries, rules
from dml.jobs.counting import ImplausibleResult
from dml.jobs.device_path import DevicePath
from dml.jobs.pacing import TooManyRequests
from dml.jobs.schemas import (
    AcceptedOut,
    ClaimIn,
    ClaimOut,
    EarningsOut,
    LeaseTimeOut,
    ResultIn,
    WorkOut,
)
from dml.jobs.shapes import claimed, extended, work

router = APIRouter(prefix="/v1/assignments", tags=["assignments"], route_class=StrictRoute)
work_router = APIRouter(prefix="/v1/devices", tags=["devices"], route_class=StrictRoute)


def device_path(request: Request) -> DevicePath:
    path: DevicePath = request.app.state.device_path
    return path


@guarded(require_device)
def admit(
    request: Request,
    path: "Path",
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> DeviceActor:
    token = credentials.credentials if credentials else None
    return path.admit(token, request.client.host if request.client else "unknown")


Path = Annotated[DevicePath, Depends(device_path)]
Caller = Annotated[DeviceActor, Depends(admit)]
ANY = (NotADevice, Revoked, TooManyRequests, Overloaded, DatabaseAway)


# device_layer.py answers these four by itself where all is plainly right, and leaves the rest to
# them: what they answer is what it answers.
@router.post("/claim", responses=refusals(*ANY))
async def claim(path: Path, device: Caller, body: ClaimIn) -> ClaimOut:
    """Ask for work: the device's live leases, and new ones. No work is an empty list."""
    return claimed(await path.claim(device, most=body.max))


@router.post(
    "/{assignment_id}/heartbeat",
    responses=refusals(*ANY, rules.AssignmentNotFound, rules.LeaseOver, rules.VersionRecalled),
)
async def heartbeat(path: Path, device: Caller, assignment_id: AssignmentId) -> LeaseTimeOut:
    """Say that the work goes on. The lease is extended, though never beyond the job's deadline or
    the `try_seconds` of the claim, nor once the job ends: the answer says how long it lives still.
    """
    return extended(await path.heartbeat(device, assignment_id))


@router.post(
    "/{assignment_id}/release",
    status_code=204,
    response_class=Response,
    responses=refusals(*ANY, rules.AssignmentNotFound, rules.AnotherResultAccepted),
)
async def release(path: Path, device: Caller, assignment_id: AssignmentId) -> None:
    """Give a place back. Another device may take it at once."""
    await path.release(device, assignment_id)


@router.post(
    "/{assignment_id}/result",
    responses=refusals(
        *ANY,
        rules.AssignmentNotFound,
        rules.LeaseOver,
        rules.VersionRecalled,
        rules.AnotherResultAccepted,
        ImplausibleResult,
    ),
)
async def hand_in(
    path: Path, device: Caller, assignment_id: AssignmentId, body: ResultIn
) -> AcceptedOut:
    """Hand in the counts. The same result again gets the same answer; it counts and pays once."""
    await path.hand_in(device, assignment_id, body.model_dump())
    return AcceptedOut()


@router.get(
    "/{assignment_id}/model",
    response_class=Response,
    responses={
        **refusals(
            NotADevice, Revoked, rules.AssignmentNotFound, rules.LeaseOver, rules.VersionRecalled
        ),
        200: {"content": {"application/octet-stream": {}}, "description": "The ONNX file."},
    },
)
async def download(begin: DeviceBegin, assignment_id: AssignmentId, send: SendFile) -> Response:
    """The model of an assignment that this device holds. Check its SHA-256."""
    async with begin() as device:
        job = await assignments.get_job(device, assignment_id)
    return await send(job.model_sha256)


@work_router.get("/self/work", responses=refusals(NotADevice, Revoked, rules.ArchiveUnreadable))
async def list_own_work(begin: DeviceBegin, server: Server, paging: Paged) -> Page[WorkOut]:
    """What this device did, newest first, and exactly what left it."""
    async with begin() as device:
        rows = await queries.list_work(
            device.ctx.tx, device.device.id, after=paging.cursor, limit=paging.limit
        )
    whole = await archives.read_bodies(server.blobs, rows)
    return paging.page(WorkOut, [work(it) for it in whole])


@work_router.get("/self/earnings", responses=refusals(NotADevice, Revoked))
async def get_own_earnings(device: DeviceCtx) -> EarningsOut:
    """What this device earned."""
    count, earned = await queries.get_earnings(device.ctx.tx, device.device.id)
    return EarningsOut(device_id=device.device.id, results_paid=count, earned=earned)


@work_router.get("/{device_id}/work", responses=refusals(DeviceNotFound, rules.ArchiveUnreadable))
async def list_work(
    begin: SignedInBegin, server: Server, device_id: DeviceId, paging: Paged
) -> Page[WorkOut]:
    """What a device of yours did, newest first, and exactly what left it."""
    async with begin() as ctx:
        device = await devices.get_owned_device(ctx.tx, ctx.actor.id, device_id)
        rows = await queries.list_work(ctx.tx, device.id, after=paging.cursor, limit=paging.limit)
    whole = await archives.read_bodies(server.blobs, rows)
    return paging.page(WorkOut, [work(it) for it in whole])


@work_router.get("/{device_id}/earnings", responses=refusals(DeviceNotFound))
async def get_earnings(ctx: Ctx, device_id: DeviceId) -> EarningsOut:
    """What a device of yours earned."""
    device = await devices.get_owned_device(ctx.tx, ctx.actor.id, device_id)
    count, earned = await queries.get_earnings(ctx.tx, device.id)
    return EarningsOut(device_id=device.id, results_paid=count, earned=earned)
