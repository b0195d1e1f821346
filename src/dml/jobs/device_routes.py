"""REST for devices and their owners: claim, heartbeat, release, result, and what was done."""

from datetime import timedelta

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from dml.core.ids import AssignmentId, DeviceId
from dml.devices import queries as devices
from dml.devices.rules import DeviceNotFound, NotADevice, Revoked
from dml.devices.tokens import DeviceBegin, DeviceCtx
from dml.edge.http import Ctx, Server
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals
from dml.jobs import assignments, queries, rules
from dml.jobs.counting import ImplausibleResult
from dml.jobs.schemas import (
    AcceptedOut,
    ClaimIn,
    ClaimOut,
    EarningsOut,
    LeaseTimeOut,
    ResultIn,
    WorkOut,
)
from dml.jobs.shapes import claimed, work

router = APIRouter(prefix="/v1/assignments", tags=["assignments"])
work_router = APIRouter(prefix="/v1/devices", tags=["devices"])


@router.post("/claim", responses=refusals(NotADevice, Revoked))
async def claim(device: DeviceCtx, server: Server, body: ClaimIn) -> ClaimOut:
    """Ask for work: the device's live leases, and new ones. No work is an empty list."""
    lease = timedelta(seconds=server.settings.lease_seconds)
    return claimed(await assignments.claim(device, most=body.max, lease=lease))


@router.post(
    "/{assignment_id}/heartbeat",
    responses=refusals(NotADevice, Revoked, rules.AssignmentNotFound, rules.LeaseOver),
)
async def heartbeat(device: DeviceCtx, server: Server, assignment_id: AssignmentId) -> LeaseTimeOut:
    """Say that the work goes on: the lease is extended, though never beyond the deadline."""
    lease = timedelta(seconds=server.settings.lease_seconds)
    ends = await assignments.heartbeat(device, assignment_id, lease=lease)
    seconds = max(0, int((ends - device.ctx.now).total_seconds()))
    return LeaseTimeOut(lease_seconds=seconds, lease_expires_at=ends)


@router.post(
    "/{assignment_id}/release",
    status_code=204,
    responses=refusals(
        NotADevice, Revoked, rules.AssignmentNotFound, rules.AnotherResultAccepted, rules.TooBusy
    ),
)
async def release(device: DeviceCtx, assignment_id: AssignmentId) -> None:
    """Give a place back. Another device may take it at once."""
    await assignments.release(device, assignment_id)


@router.post(
    "/{assignment_id}/result",
    responses=refusals(
        NotADevice,
        Revoked,
        rules.AssignmentNotFound,
        rules.LeaseOver,
        rules.AnotherResultAccepted,
        rules.TooBusy,
        ImplausibleResult,
    ),
)
async def hand_in(device: DeviceCtx, assignment_id: AssignmentId, body: ResultIn) -> AcceptedOut:
    """Hand in the counts. The same result again gets the same answer; it counts and pays once."""
    await assignments.hand_in(device, assignment_id, body.model_dump())
    return AcceptedOut()


@router.get(
    "/{assignment_id}/model",
    response_class=Response,
    responses={
        **refusals(NotADevice, Revoked, rules.AssignmentNotFound, rules.LeaseOver),
        200: {"content": {"application/octet-stream": {}}, "description": "The ONNX file."},
    },
)
async def download(begin: DeviceBegin, server: Server, assignment_id: AssignmentId) -> Response:
    """The model of an assignment that this device holds. Check its SHA-256."""
    async with begin() as device:
        job = (await assignments.get_live(device, assignment_id)).job
    return StreamingResponse(
        await server.blobs.stream(job.model_sha256),
        media_type="application/octet-stream",
        headers={"Content-Length": str(job.model_size), "ETag": f'"{job.model_sha256}"'},
    )


@work_router.get("/self/work", responses=refusals(NotADevice, Revoked))
async def list_own_work(device: DeviceCtx, paging: Paged) -> Page[WorkOut]:
    """What this device did, newest first, and exactly what left it."""
    rows = await queries.list_work(
        device.ctx.tx, device.device.id, after=paging.cursor, limit=paging.limit
    )
    return paging.page(WorkOut, [work(it) for it in rows])


@work_router.get("/self/earnings", responses=refusals(NotADevice, Revoked))
async def get_own_earnings(device: DeviceCtx) -> EarningsOut:
    """What this device earned."""
    count, earned = await queries.get_earnings(device.ctx.tx, device.device.id)
    return EarningsOut(device_id=device.device.id, results_paid=count, earned=earned)


@work_router.get("/{device_id}/work", responses=refusals(DeviceNotFound))
async def list_work(ctx: Ctx, device_id: DeviceId, paging: Paged) -> Page[WorkOut]:
    """What a device of yours did, newest first, and exactly what left it."""
    device = await devices.get_owned_device(ctx.tx, ctx.actor.id, device_id)
    rows = await queries.list_work(ctx.tx, device.id, after=paging.cursor, limit=paging.limit)
    return paging.page(WorkOut, [work(it) for it in rows])


@work_router.get("/{device_id}/earnings", responses=refusals(DeviceNotFound))
async def get_earnings(ctx: Ctx, device_id: DeviceId) -> EarningsOut:
    """What a device of yours earned."""
    device = await devices.get_owned_device(ctx.tx, ctx.actor.id, device_id)
    count, earned = await queries.get_earnings(ctx.tx, device.id)
    return EarningsOut(device_id=device.id, results_paid=count, earned=earned)
