"""REST for receipts: parse, call one function, shape the answer."""

from fastapi import APIRouter

from dml.core.ids import DeviceId
from dml.devices import queries as device_queries
from dml.devices.rules import DeviceNotFound, NotADevice, Revoked
from dml.devices.tokens import DeviceBegin
from dml.edge.http import Server, SignedInBegin
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute
from dml.jobs.budgets.service import bounds_of
from dml.jobs.receipts import queries, service
from dml.jobs.receipts.schemas import ReceiptOut
from dml.jobs.rules import ArchiveUnreadable

router = APIRouter(prefix="/v1/devices", route_class=StrictRoute)


@router.get(
    "/self/receipts",
    operation_id="devices.list_own_receipts",
    responses=refusals(NotADevice, Revoked, ArchiveUnreadable),
)
async def list_own_receipts(begin: DeviceBegin, server: Server, paging: Paged) -> Page[ReceiptOut]:
    """List this device's own receipts.

    Of each result of the device that asks which was accepted, newest first: what left, and what it
    cost of its owner's privacy budget, signed by this server. For devices.
    """
    async with begin() as device:
        tx, device_id = device.ctx.tx, device.device.id
        rows = await queries.list_accepted(tx, device_id, after=paging.cursor, limit=paging.limit)
        unsigned = await service.read(device.ctx, device_id, bounds_of(server.settings), rows)
    return paging.page(ReceiptOut, await service.sign_all(unsigned, server.blobs, server.keys))


@router.get(
    "/{device_id}/receipts",
    operation_id="devices.list_receipts",
    responses=refusals(DeviceNotFound, ArchiveUnreadable),
)
async def list_receipts(
    begin: SignedInBegin, server: Server, device_id: DeviceId, paging: Paged
) -> Page[ReceiptOut]:
    """List a device's receipts.

    Of each of its results which was accepted, newest first: what left, and what it cost of your
    privacy budget, signed by this server. Signed anew each time, and the same as long as nothing
    has changed but what is left. For the device's owner.
    """
    async with begin() as ctx:
        device = await device_queries.get_owned_device(ctx.tx, ctx.actor.id, device_id)
        rows = await queries.list_accepted(
            ctx.tx, device.id, after=paging.cursor, limit=paging.limit
        )
        unsigned = await service.read(ctx, device.id, bounds_of(server.settings), rows)
    return paging.page(ReceiptOut, await service.sign_all(unsigned, server.blobs, server.keys))
