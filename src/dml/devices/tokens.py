"""What a route of devices may ask for: the device that holds the token, in a transaction.

A device's token is none of a user, nor the other way round: each names its audience. The device
is looked up for each request, so that one that is revoked is out at once. Claim, heartbeat, release
and result do without the transaction: their statements look up the device by themselves.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Final, TypeAlias
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import set_committed_value

from dml.core import metrics
from dml.core.context import Actor, Context
from dml.core.ids import DeviceId, UserId
from dml.core.tokens import BadToken, Keys
from dml.devices import queries, rules, statements
from dml.devices.models import Device
from dml.edge import http
from dml.edge.http import Parts, parts

AUDIENCE: Final = "device"
KNOWN_MAX: Final = 20_000  # Tokens, about 15 MiB of them.


@dataclass(frozen=True, slots=True)
class DeviceActor:
    """Whom a device's token names."""

    device_id: DeviceId
    owner_id: UserId
    until: int  # Unix time, in seconds.


@dataclass(frozen=True, slots=True)
class DeviceContext:
    """A Context whose actor is the device's owner, as a plain member; and the device."""

    ctx: Context
    device: Device


def access_token(keys: Keys, device: Device, now: datetime, *, seconds: int) -> str:
    """Sign a token that `authenticate` will know."""
    return keys.sign(
        audience=AUDIENCE, now=now, seconds=seconds, sub=str(device.id), owner=str(device.owner_id)
    )


def read(keys: Keys, token: str | None, now: datetime) -> DeviceActor:
    """Tell whom this token names, or refuse it."""
    try:
        claims = keys.verify(token or "", audience=AUDIENCE, now=now)
        device_id, owner_id = DeviceId(UUID(claims["sub"])), UserId(UUID(claims["owner"]))
        return DeviceActor(device_id, owner_id, claims["exp"])
    except (BadToken, KeyError, ValueError):
        raise rules.NotADevice from None


class KnownTokens:
    """Reads tokens, and remembers the last ones: to check a signature takes 0.2 ms.

    Whether a device was revoked is asked of the database each time, by the statement it asks for.
    """

    def __init__(self, keys: Keys) -> None:
        def read_now(token: str | None, generation: int) -> DeviceActor:
            metrics.CACHE.inc("device_tokens", "missed")
            return read(keys, token, datetime.now(UTC))

        self._keys = keys
        self._read = lru_cache(KNOWN_MAX)(read_now)  # A refusal is not remembered.

    def read(self, token: str | None) -> DeviceActor:
        """Tell whom this token names, or refuse it."""
        metrics.CACHE.inc("device_tokens", "asked")
        actor = self._read(token, self._keys.generation)
        if actor.until <= time.time():
            raise rules.NotADevice
        return actor


async def authenticate(tx: AsyncSession, keys: Keys, token: str | None, now: datetime) -> Device:
    """Return the device that holds this token, and note its visit, once a minute; or refuse."""
    actor = read(keys, token, now)
    device = await queries.find_device(tx, actor.device_id)
    if device is None or device.owner_id != actor.owner_id:
        raise rules.NotADevice
    rules.require_not_revoked(device)
    if rules.is_seen_anew(device.last_seen_at, now):
        await statements.see(tx, device.id, now)
        set_committed_value(device, "last_seen_at", now)
    return device


@asynccontextmanager
async def transaction(parts: Parts, token: str | None) -> AsyncIterator[DeviceContext]:
    """Commit when the block ends; roll back when it raises, unless a refusal keeps changes."""
    async with http.transaction(parts, None) as ctx:
        device = await authenticate(ctx.tx, parts.keys, token, ctx.now)
        yield DeviceContext(replace(ctx, actor=Actor(device.owner_id)), device)


bearer = HTTPBearer(
    auto_error=False,
    scheme_name="DeviceBearer",
    description="A device's access token from `POST /v1/devices/{device_id}/token`.",
)
_Credentials: TypeAlias = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
DeviceBeginFunction: TypeAlias = Callable[[], AbstractAsyncContextManager[DeviceContext]]


async def require_device(request: Request) -> None:
    """Refuse who sends no good token of a device."""
    credentials = await bearer(request)
    async with transaction(parts(request), credentials.credentials if credentials else None):
        pass


@http.guarded(require_device)
async def _begin(request: Request, credentials: _Credentials) -> DeviceBeginFunction:
    token = credentials.credentials if credentials else None
    return lambda: transaction(parts(request), token)


async def _open_context(begin: "DeviceBegin") -> AsyncIterator[DeviceContext]:
    async with begin() as opened:
        yield opened


# For a route that must not hold a transaction open: the download of a model.
DeviceBegin = Annotated[DeviceBeginFunction, Depends(_begin)]
# scope="function" commits BEFORE the response is sent, as in edge/http.py.
DeviceCtx = Annotated[DeviceContext, Depends(_open_context, scope="function")]
