"""REST: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from fastapi import APIRouter, Depends, Response

from dml.algorithms.rules import AlgorithmNotFound, VersionNotFound
from dml.core.errors import NotSignedIn
from dml.core.ids import AlgorithmId, DeviceId, VersionId
from dml.core.wire import sent
from dml.devices import queries, rules, service, tokens
from dml.devices.models import Device, OwnerLimits
from dml.devices.schemas import (
    DeviceCountOut,
    DeviceCreate,
    DeviceLimitsOut,
    DeviceLimitsUpdate,
    DeviceNonceOut,
    DeviceOut,
    DeviceSelfUpdate,
    DeviceTokenCreate,
    DeviceTokenOut,
    DeviceUpdate,
    PairingCodeOut,
)
from dml.devices.service import Able, Description, Edit, Limits, OpenCode, Redescription
from dml.devices.tokens import DeviceCtx
from dml.edge.etags import BadIfMatch, IfMatch, TellRevision
from dml.edge.http import Ctx, Server, StrangerCtx
from dml.edge.idempotency import IdempotentRoute, Once
from dml.edge.limits import TooManyTries, at_most
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(prefix="/v1/devices", route_class=IdempotentRoute)
versions_router = APIRouter(prefix="/v1/algorithms", route_class=StrictRoute)

# Many devices may share an address, and each comes back every few minutes.
pairing_limit = Depends(at_most("pairing", lambda settings: settings.pairing_tries_a_minute))
token_limit = Depends(
    at_most(
        "device_token",
        lambda settings: settings.device_tokens_a_minute,
    )
)


@versions_router.get(
    "/{algorithm_id}/versions/{version_id}/device-count",
    operation_id="device_counts.get",
    response_model=DeviceCountOut,
    responses=refusals(NotSignedIn, AlgorithmNotFound, VersionNotFound),
)
async def count_able(
    ctx: Ctx, server: Server, algorithm_id: AlgorithmId, version_id: VersionId
) -> Able:
    """Get how many devices could run a version.

    For signed-in users who may see the version: of how many owners a device has the memory and
    speed that it needs, in steps, as no single device is told of.
    """
    return await service.count_able(ctx, algorithm_id, version_id, least=server.settings.min_owners)


@router.post(
    "/pairing-codes",
    operation_id="pairing_codes.create",
    dependencies=[Once],
    status_code=201,
    response_model=PairingCodeOut,
    responses=refusals(NotSignedIn, rules.TooManyCodes),
)
async def make_pairing_code(ctx: Ctx) -> OpenCode:
    """Create a pairing code.

    For signed-in users: a code to type into a new device, which then belongs to you. It works for
    one device and for ten minutes.
    """
    return await service.make_code(ctx)


@router.post(
    "",
    operation_id="devices.create",
    status_code=201,
    response_model=DeviceOut,
    dependencies=[pairing_limit],
    responses=refusals(
        rules.CodeUnknown, rules.CodeExpired, rules.CodeUsed, rules.KeyTaken, TooManyTries
    ),
)
async def register(
    ctx: StrangerCtx, body: DeviceCreate, response: Response, tell: TellRevision
) -> Device:
    """Register a device.

    For a new device: with a pairing code and its own public key. The device then belongs to the
    user who created the code. If the answer was lost, send the same request again.
    """
    device = await service.pair(
        ctx,
        code=body.code,
        public_key=body.public_key,
        name=body.name,
        description=Description(
            platform=body.platform,
            memory_mib=body.memory_mib,
            speed=body.speed,
            country=body.country,
            kinds=body.kinds,
        ),
    )
    response.headers["Location"] = f"/v1/devices/{device.id}"
    tell(device.revision)
    return device


@router.get("", operation_id="devices.list", responses=refusals(NotSignedIn))
async def list_devices(ctx: Ctx, paging: Paged) -> Page[DeviceOut]:
    """List your devices.

    For signed-in users: newest first, with those that were revoked.
    """
    rows = await queries.list_devices(ctx.tx, ctx.actor.id, after=paging.cursor, limit=paging.limit)
    return paging.page(DeviceOut, rows)


@router.get(
    "/self",
    operation_id="devices.get_self",
    response_model=DeviceOut,
    responses=refusals(rules.NotADevice, rules.Revoked),
)
async def get_self(opened: DeviceCtx, tell: TellRevision) -> Device:
    """Get this device itself.

    For devices: the device that asks, as its owner sees it.
    """
    tell(opened.device.revision)
    return opened.device


@router.patch(
    "/self",
    operation_id="devices.update_self",
    response_model=DeviceOut,
    responses=refusals(rules.NotADevice, rules.Revoked),
)
async def describe_self(opened: DeviceCtx, body: DeviceSelfUpdate, tell: TellRevision) -> Device:
    """Update this device itself.

    For devices: what the device says about itself, such as its memory and kinds of data. Fields
    that are not sent stay as they are. What its owner set is not changed.
    """
    said = sent(body, Redescription)
    device = await service.describe(opened.ctx, opened.device.id, said)
    tell(device.revision)
    return device


@router.get(
    "/self/limits",
    operation_id="devices.get_own_limits",
    response_model=DeviceLimitsOut,
    responses=refusals(rules.NotADevice, rules.Revoked),
)
async def get_own_limits(opened: DeviceCtx) -> OwnerLimits:
    """Get what this device refuses.

    For devices: what their owner refuses on all devices, so that the device refuses it, too.
    """
    return await queries.get_limits(opened.ctx.tx, opened.device.owner_id)


@router.get(
    "/limits",
    operation_id="device_limits.get",
    response_model=DeviceLimitsOut,
    responses=refusals(NotSignedIn),
)
async def get_limits(ctx: Ctx) -> OwnerLimits:
    """Get what your devices refuse.

    For signed-in users: the jobs, developers, labels and countries that you refuse on all your
    devices, and how much a job may learn of you.
    """
    return await queries.get_limits(ctx.tx, ctx.actor.id)


@router.put(
    "/limits",
    operation_id="device_limits.replace",
    response_model=DeviceLimitsOut,
    responses=refusals(NotSignedIn),
)
async def set_limits(ctx: Ctx, body: DeviceLimitsUpdate) -> OwnerLimits:
    """Replace what your devices refuse.

    For signed-in users: the jobs, developers, labels and countries that you refuse on all your
    devices, how much a job may learn of you, and whether they work for answers without noise. What
    you refused before and do not send again is accepted again; that you agreed to exact answers,
    and do not send again, no longer holds. `refused_countries` and `max_epsilon`, which older
    clients do not know, stay as they are where they are not sent.
    """
    return await service.set_limits(ctx, sent(body, Limits))


@router.get(
    "/{device_id}",
    operation_id="devices.get",
    response_model=DeviceOut,
    responses=refusals(NotSignedIn, rules.DeviceNotFound),
)
async def get_device(ctx: Ctx, device_id: DeviceId, tell: TellRevision) -> Device:
    """Get a device of yours.

    For its owner. To update the device safely, send this answer's `ETag` as `If-Match`.
    """
    device = await queries.get_owned_device(ctx.tx, ctx.actor.id, device_id)
    tell(device.revision)
    return device


@router.patch(
    "/{device_id}",
    operation_id="devices.update",
    response_model=DeviceOut,
    responses=refusals(NotSignedIn, rules.DeviceNotFound, rules.EditedMeanwhile, BadIfMatch),
)
async def edit_device(
    ctx: Ctx, device_id: DeviceId, body: DeviceUpdate, revision: IfMatch, tell: TellRevision
) -> Device:
    """Update a device of yours.

    For its owner: the name, and the kinds of data that models may process on this device. Fields
    that are not sent stay as they are.
    """
    device = await service.edit(ctx, device_id, sent(body, Edit), revision=revision)
    tell(device.revision)
    return device


@router.post(
    "/{device_id}/revoke",
    operation_id="devices.revoke",
    dependencies=[Once],
    response_model=DeviceOut,
    responses=refusals(NotSignedIn, rules.DeviceNotFound),
)
async def revoke(ctx: Ctx, device_id: DeviceId, tell: TellRevision) -> Device:
    """Revoke a device of yours.

    For its owner. The device gets no more work from then on, its tokens stop working at once, and
    its leases end. It stays in the list. A revoked device has to be paired again, with a new key.
    """
    device = await service.revoke(ctx, device_id)
    tell(device.revision)
    return device


@router.post(
    "/{device_id}/nonce",
    operation_id="device_nonces.create",
    dependencies=[token_limit],
    responses=refusals(rules.DeviceNotFound, rules.Revoked, TooManyTries),
)
async def make_nonce(ctx: StrangerCtx, server: Server, device_id: DeviceId) -> DeviceNonceOut:
    """Create a nonce for a device to sign.

    For devices, without a token. The device signs the nonce with its key, and exchanges the
    signature for a token.
    """
    return DeviceNonceOut(nonce=await service.make_nonce(ctx, server.keys, device_id))


@router.post(
    "/{device_id}/token",
    operation_id="device_tokens.create",
    dependencies=[token_limit],
    responses=refusals(
        rules.BadAssertion,
        rules.StaleNonce,
        rules.DeviceNotFound,
        rules.Revoked,
        TooManyTries,
    ),
)
async def get_token(
    ctx: StrangerCtx, server: Server, device_id: DeviceId, body: DeviceTokenCreate
) -> DeviceTokenOut:
    """Create a token for a device.

    For devices: exchanges a nonce that the device has signed with its registered key for an access
    token. The token is valid for minutes; then the device signs a new nonce.
    """
    device = await service.prove(
        ctx, server.keys, device_id, body.assertion, public_url=server.settings.public_url
    )
    seconds = server.settings.device_token_seconds
    return DeviceTokenOut(
        access_token=tokens.access_token(server.keys, device, ctx.now, seconds=seconds),
        expires_in=seconds,
    )
