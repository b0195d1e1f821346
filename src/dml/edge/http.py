"""What a route may ask for: a Context in a transaction, or the means to begin several."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Protocol, TypeAlias, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.core.blobs import Blobs
from dml.core.context import NOBODY, Actor, Context
from dml.core.errors import DmlError, NotSignedIn
from dml.core.sealing import Seal
from dml.core.settings import Settings
from dml.core.tokens import Keys


class Authenticate(Protocol):
    """Tells who holds a token, or raises NotSignedIn. The accounts domain provides it."""

    async def __call__(self, tx: AsyncSession, keys: Keys, token: str, now: datetime) -> Actor: ...


class Parts(Protocol):
    """What the server hangs on `app.state` for its routes."""

    settings: Settings
    keys: Keys
    blobs: Blobs
    seal: Seal
    redis: Redis
    sessions: async_sessionmaker[AsyncSession]
    authenticate: Authenticate


def parts(request: Request) -> Parts:
    return cast(Parts, request.app.state)


@asynccontextmanager
async def transaction(parts: Parts, token: str | None) -> AsyncIterator[Context]:
    """Commit when the block ends; roll back when it raises, unless a refusal keeps changes."""
    now = datetime.now(UTC)
    async with parts.sessions() as tx:
        actor = NOBODY if token is None else await parts.authenticate(tx, parts.keys, token, now)
        try:
            yield Context(tx, actor, now)
        except DmlError as refusal:
            if refusal.keeps_changes:
                await tx.commit()
            raise
        await tx.commit()


bearer = HTTPBearer(auto_error=False, description="An access token of `/v1/users/authenticate`.")
Credentials: TypeAlias = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
BeginFunction: TypeAlias = Callable[[], AbstractAsyncContextManager[Context]]


def begin(request: Request, credentials: Credentials) -> BeginFunction:
    """For a route that must not hold a transaction open: uploads, streams, passwords."""
    token = credentials.credentials if credentials else None
    return lambda: transaction(parts(request), token)


def begin_signed_in(request: Request, credentials: Credentials) -> BeginFunction:
    """For a route that reads more than the database, and only for who is signed in."""
    if credentials is None:
        raise NotSignedIn
    return begin(request, credentials)


async def open_for_anybody(request: Request, credentials: Credentials) -> AsyncIterator[Context]:
    token = credentials.credentials if credentials else None
    async with transaction(parts(request), token) as ctx:
        request.state.ctx = ctx
        yield ctx


async def open_context(request: Request, credentials: Credentials) -> AsyncIterator[Context]:
    """Run a request in one transaction: commit when it returns, roll back when it raises."""
    if credentials is None:
        raise NotSignedIn
    async with transaction(parts(request), credentials.credentials) as ctx:
        request.state.ctx = ctx
        yield ctx


def begin_as_stranger(request: Request) -> BeginFunction:
    return lambda: transaction(parts(request), None)


async def open_for_stranger(request: Request) -> AsyncIterator[Context]:
    async with transaction(parts(request), None) as ctx:
        yield ctx


# scope="function" commits BEFORE the response is sent. FastAPI's default commits after it,
# so that a client could hold a 201 for a row that was never written.
Ctx = Annotated[Context, Depends(open_context, scope="function")]
PublicCtx = Annotated[Context, Depends(open_for_anybody, scope="function")]
Begin = Annotated[BeginFunction, Depends(begin)]
SignedInBegin = Annotated[BeginFunction, Depends(begin_signed_in)]
# For who has no token yet, or an old one: what is sent all the same, and may have expired, is not
# read. Otherwise a client that always sends its token could not get a new one.
StrangerCtx = Annotated[Context, Depends(open_for_stranger, scope="function")]
BeginAsStranger = Annotated[BeginFunction, Depends(begin_as_stranger)]
Server = Annotated[Parts, Depends(parts)]
