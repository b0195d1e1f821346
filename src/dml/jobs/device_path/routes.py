"""REST for devices and their owners: claim, heartbeat, release, result, and what was done."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.security import HTTPAuthorizationCredentials

from dml.core.batching import DatabaseAway, Overloaded
from dml.core.ids import AssignmentId, DeviceId
from dml.devices import queries as device_queries
from dml.devices.rules import DeviceNotFound, NotADevice, Revoked
from dml.devices.tokens import DeviceActor, DeviceBegin, DeviceCtx, bearer, require_device
from dml.edge.files import SendFile
from dml.edge.http import Ctx, Server, SignedInBegin, address_of, guarded, token_of
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute
from dml.jobs import queries, rules, service
from dml.jobs.archive import reading
from dml.jobs.counting import ImplausibleResult
from dml.jobs.device_path.pacing import TooManyRequests
from dml.jobs.device_path.schemas import (
    AssignmentClaim,
    AssignmentOut,
    ClaimedAssignmentsOut,
    DeviceEarningsOut,
    LeaseExtensionOut,
    ResultCreate,
    ResultReceiptOut,
)
from dml.jobs.device_path.service import DevicePath
from dml.jobs.shapes import claimed, extended, work

SPEC_VERSION_MAX: Final = 999  # Devices may be newer than the server.
router = APIRouter(prefix="/v1/assignments", route_class=StrictRoute)
work_router = APIRouter(prefix="/v1/devices", route_class=StrictRoute)


async def device_path(request: Request) -> DevicePath:
    path: DevicePath = request.app.state.device_path
    return path


@guarded(require_device)
async def admit(
    request: Request,
    path: "Path",
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> DeviceActor:
    return path.admit(token_of(credentials), address_of(request) or "unknown")


Path = Annotated[DevicePath, Depends(device_path)]
Caller = Annotated[DeviceActor, Depends(admit)]
SpecVersion = Annotated[
    int,
    Header(
        alias="Input-Spec-Version",
        ge=1,
        le=SPEC_VERSION_MAX,
        description="The latest version of an input spec that the device can prepare; 1 where it "
        "does not say.",
    ),
]
ANY = (NotADevice, Revoked, TooManyRequests, Overloaded, DatabaseAway)


# layer.py answers these four by itself where all is plainly right, and leaves the rest to
# them: what they answer is what it answers.
@router.post("/claim", operation_id="assignments.claim", responses=refusals(*ANY))
async def claim(
    path: Path, device: Caller, body: AssignmentClaim, spec_version: SpecVersion = 1
) -> ClaimedAssignmentsOut:
    """Claim assignments.

    A device asks for work. The answer holds the assignments that it has already, then new ones, at
    most `max` in all; `items` is empty where there is no work, and `retry_after_seconds` says when
    to ask again. Work whose input the device can't prepare is for others: say in
    `Input-Spec-Version` which it can. For devices.
    """
    return claimed(await path.claim(device, most=body.max, spec_version=spec_version))


@router.post(
    "/{assignment_id}/heartbeat",
    operation_id="assignments.heartbeat",
    responses=refusals(*ANY, rules.AssignmentNotFound, rules.LeaseOver, rules.VersionRecalled),
)
async def heartbeat(path: Path, device: Caller, assignment_id: AssignmentId) -> LeaseExtensionOut:
    """Extend an assignment's lease.

    A device says that it is still at work. The lease is extended, but never beyond the job's
    deadline or the `try_seconds` of the claim, and no more once the job ends: the answer says how
    long it lasts. For the device that holds the assignment.
    """
    return extended(await path.heartbeat(device, assignment_id))


@router.post(
    "/{assignment_id}/release",
    operation_id="assignments.release",
    status_code=204,
    response_class=Response,
    responses=refusals(*ANY, rules.AssignmentNotFound, rules.AnotherResultAccepted),
)
async def release(path: Path, device: Caller, assignment_id: AssignmentId) -> None:
    """Release an assignment.

    A device gives work back without a result. Another device may get it at once. For the device
    that holds the assignment.
    """
    await path.release(device, assignment_id)


@router.post(
    "/{assignment_id}/result",
    operation_id="assignments.submit_result",
    responses=refusals(
        *ANY,
        rules.AssignmentNotFound,
        rules.LeaseOver,
        rules.VersionRecalled,
        rules.AnotherResultAccepted,
        ImplausibleResult,
    ),
)
async def accept_result(
    path: Path, device: Caller, assignment_id: AssignmentId, body: ResultCreate
) -> ResultReceiptOut:
    """Submit an assignment's result.

    A device sends its counts, and nothing else. An accepted result counts and is paid once: the
    same one sent again gets the same answer, another one is refused. After a refused result the
    lease goes on, and a corrected one may follow. For the device that holds the assignment.
    """
    await path.accept_result(device, assignment_id, body.counts())
    return ResultReceiptOut()


@router.get(
    "/{assignment_id}/model",
    operation_id="assignments.get_model",
    response_class=Response,
    responses={
        **refusals(
            NotADevice, Revoked, rules.AssignmentNotFound, rules.LeaseOver, rules.VersionRecalled
        ),
        200: {"content": {"application/octet-stream": {}}, "description": "The ONNX file."},
    },
)
async def download(begin: DeviceBegin, assignment_id: AssignmentId, send: SendFile) -> Response:
    """Download an assignment's model.

    The ONNX file to run. Compare its SHA-256 with that of the assignment before you run it. For the
    device that holds the assignment, while its lease lasts.
    """
    async with begin() as device:
        job = await service.get_leased_job(device, assignment_id)
    return await send(job.model_sha256)


@work_router.get(
    "/self/work",
    operation_id="devices.list_own_work",
    responses=refusals(NotADevice, Revoked, rules.ArchiveUnreadable),
)
async def list_own_work(begin: DeviceBegin, server: Server, paging: Paged) -> Page[AssignmentOut]:
    """List this device's own work.

    The assignments of the device that asks, newest first, each with exactly what left the device.
    For devices.
    """
    async with begin() as device:
        rows = await queries.list_work(
            device.ctx.tx, device.device.id, after=paging.cursor, limit=paging.limit
        )
    whole = await reading.read_bodies(server.blobs, rows)
    return paging.page(AssignmentOut, [work(it) for it in whole])


@work_router.get(
    "/self/earnings",
    operation_id="devices.get_own_earnings",
    responses=refusals(NotADevice, Revoked),
)
async def get_own_earnings(device: DeviceCtx) -> DeviceEarningsOut:
    """Get this device's own earnings.

    How many results of the device that asks were paid, and what its owner earned with them. For
    devices.
    """
    count, earned = await queries.get_earnings(device.ctx.tx, device.device.id)
    return DeviceEarningsOut(device_id=device.device.id, results_paid=count, earned=earned)


@work_router.get(
    "/{device_id}/work",
    operation_id="devices.list_work",
    responses=refusals(DeviceNotFound, rules.ArchiveUnreadable),
)
async def list_work(
    begin: SignedInBegin, server: Server, device_id: DeviceId, paging: Paged
) -> Page[AssignmentOut]:
    """List a device's work.

    Its assignments, newest first, each with exactly what left the device. For the device's owner.
    """
    async with begin() as ctx:
        device = await device_queries.get_owned_device(ctx.tx, ctx.actor.id, device_id)
        rows = await queries.list_work(ctx.tx, device.id, after=paging.cursor, limit=paging.limit)
    whole = await reading.read_bodies(server.blobs, rows)
    return paging.page(AssignmentOut, [work(it) for it in whole])


@work_router.get(
    "/{device_id}/earnings", operation_id="devices.get_earnings", responses=refusals(DeviceNotFound)
)
async def get_earnings(ctx: Ctx, device_id: DeviceId) -> DeviceEarningsOut:
    """Get a device's earnings.

    How many of its results were paid, and what you earned with them. For the device's owner.
    """
    device = await device_queries.get_owned_device(ctx.tx, ctx.actor.id, device_id)
    count, earned = await queries.get_earnings(ctx.tx, device.id)
    return DeviceEarningsOut(device_id=device.id, results_paid=count, earned=earned)
