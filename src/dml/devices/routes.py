"""REST: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from fastapi import APIRouter, Depends, Response

from dml.core.errors import NotSignedIn
from dml.core.ids import DeviceId
from dml.core.wire import sent
from dml.devices import queries, rules, service, tokens
from dml.devices.models import Device, OwnerLimits
from dml.devices.schemas import (
    AssertionIn,
    DescriptionIn,
    DeviceOut,
    DeviceTokenOut,
    EditIn,
    LimitsIn,
    LimitsOut,
    NonceOut,
    PairingCodeOut,
    RegisterIn,
)
from dml.devices.service import Description, Edit, OpenCode, Redescription
from dml.devices.tokens import DeviceCtx
from dml.edge.etags import BadIfMatch, IfMatch, TellRevision
from dml.edge.http import Ctx, Server, StrangerCtx
from dml.edge.idempotency import IdempotentRoute, Once
from dml.edge.limits import TooManyTries, at_most
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals

router = APIRouter(prefix="/v1/devices", tags=["devices"], route_class=IdempotentRoute)

# Many devices may share an address, and each comes back every few minutes.
pairing_limit = Depends(at_most("pairing", lambda settings: settings.pairing_tries_a_minute))
token_limit = Depends(
    at_most(
        "device_token",
        lambda settings: settings.device_tokens_a_minute,
    )
)


@router.post(
    "/pairing-codes",
    dependencies=[Once],
    status_code=201,
    response_model=PairingCodeOut,
    responses=refusals(NotSignedIn, rules.TooManyCodes),
)
async def make_pairing_code(ctx: Ctx) -> OpenCode:
    """Get a code to type into a new device: good for ten minutes, once."""
    return await service.make_code(ctx)


@router.post(
    "",
    status_code=201,
    response_model=DeviceOut,
    dependencies=[pairing_limit],
    responses=refusals(
        rules.CodeUnknown, rules.CodeExpired, rules.CodeUsed, rules.KeyTaken, TooManyTries
    ),
)
async def register(
    ctx: StrangerCtx, body: RegisterIn, response: Response, tell: TellRevision
) -> Device:
    """Register this device for who made the code. Where the answer was lost, ask again."""
    device = await service.pair(
        ctx,
        code=body.code,
        public_key=body.public_key,
        name=body.name,
        description=Description(
            platform=body.platform,
            memory_mib=body.memory_mib,
            country=body.country,
            kinds=body.kinds,
        ),
    )
    response.headers["Location"] = f"/v1/devices/{device.id}"
    tell(device.revision)
    return device


@router.get("", responses=refusals(NotSignedIn))
async def list_devices(ctx: Ctx, paging: Paged) -> Page[DeviceOut]:
    """Your devices, newest first, revoked ones too."""
    rows = await queries.list_devices(ctx.tx, ctx.actor.id, after=paging.cursor, limit=paging.limit)
    return paging.page(DeviceOut, rows)


@router.get(
    "/self",
    response_model=DeviceOut,
    responses=refusals(rules.NotADevice, rules.Revoked),
)
async def get_self(opened: DeviceCtx, tell: TellRevision) -> Device:
    """For a device: itself, as its owner sees it."""
    tell(opened.device.revision)
    return opened.device


@router.patch(
    "/self",
    response_model=DeviceOut,
    responses=refusals(rules.NotADevice, rules.Revoked),
)
async def describe_self(opened: DeviceCtx, body: DescriptionIn, tell: TellRevision) -> Device:
    """For a device: describe yourself anew."""
    said = sent(body, Redescription)
    device = await service.describe(opened.ctx, opened.device.id, said)
    tell(device.revision)
    return device


@router.get("/limits", response_model=LimitsOut, responses=refusals(NotSignedIn))
async def get_limits(ctx: Ctx) -> OwnerLimits:
    """What you refuse on all your devices."""
    return await queries.get_limits(ctx.tx, ctx.actor.id)


@router.put("/limits", response_model=LimitsOut, responses=refusals(NotSignedIn))
async def set_limits(ctx: Ctx, body: LimitsIn) -> OwnerLimits:
    """Refuse jobs, developers and labels on all your devices. Takes the place of the last."""
    return await service.set_limits(
        ctx,
        refused_jobs=body.refused_jobs,
        refused_developers=body.refused_developers,
        refused_labels=body.refused_labels,
    )


@router.get(
    "/{device_id}",
    response_model=DeviceOut,
    responses=refusals(NotSignedIn, rules.DeviceNotFound),
)
async def get_device(ctx: Ctx, device_id: DeviceId, tell: TellRevision) -> Device:
    """One of your devices. Its `ETag` goes into `If-Match` when you edit it."""
    device = await queries.get_owned_device(ctx.tx, ctx.actor.id, device_id)
    tell(device.revision)
    return device


@router.patch(
    "/{device_id}",
    response_model=DeviceOut,
    responses=refusals(NotSignedIn, rules.DeviceNotFound, rules.EditedMeanwhile, BadIfMatch),
)
async def edit_device(
    ctx: Ctx, device_id: DeviceId, body: EditIn, revision: IfMatch, tell: TellRevision
) -> Device:
    """Name a device, and say what models may process on it."""
    device = await service.edit(ctx, device_id, sent(body, Edit), revision=revision)
    tell(device.revision)
    return device


@router.post(
    "/{device_id}/revoke",
    dependencies=[Once],
    response_model=DeviceOut,
    responses=refusals(NotSignedIn, rules.DeviceNotFound),
)
async def revoke(ctx: Ctx, device_id: DeviceId, tell: TellRevision) -> Device:
    """Trust a device no longer. It is out at once, and its leases end."""
    device = await service.revoke(ctx, device_id)
    tell(device.revision)
    return device


@router.post(
    "/{device_id}/nonce",
    dependencies=[token_limit],
    responses=refusals(rules.DeviceNotFound, rules.Revoked, TooManyTries),
)
async def make_nonce(ctx: StrangerCtx, server: Server, device_id: DeviceId) -> NonceOut:
    """For a device: get something new to sign."""
    return NonceOut(nonce=await service.make_nonce(ctx, server.keys, device_id))


@router.post(
    "/{device_id}/token",
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
    ctx: StrangerCtx, server: Server, device_id: DeviceId, body: AssertionIn
) -> DeviceTokenOut:
    """For a device: exchange a signed nonce for a token that is good for minutes."""
    device = await service.prove(
        ctx, server.keys, device_id, body.assertion, public_url=server.settings.public_url
    )
    seconds = server.settings.device_token_seconds
    return DeviceTokenOut(
        access_token=tokens.access_token(server.keys, device, ctx.now, seconds=seconds),
        expires_in=seconds,
    )
