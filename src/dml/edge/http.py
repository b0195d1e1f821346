"""What a route may ask for: a Context in a transaction, or the means to begin several.

Each is a coroutine function, as all dependencies are: FastAPI has another one run by a thread, of
which there are forty, and that takes longer than what it does (`tests/edge/test_routing.py`).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Protocol, TypeAlias, TypeVar, cast

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.core import logs
from dml.core.blobs import Blobs
from dml.core.context import NOBODY, Actor, BeginFunction, Context
from dml.core.errors import DmlError, NotSignedIn
from dml.core.ids import UserId
from dml.core.kept_files import FileQuota
from dml.core.sealing import Opener, Seal
from dml.core.settings import Settings
from dml.core.tokens import Keys
from dml.edge.acting import acting_for, is_acting
from dml.edge.scopes import Scopes, require_scope, scope_of


class Authenticate(Protocol):
    """Tells who holds a token, or raises NotSignedIn. The accounts domain provides it.

    The token has to be good `at` that moment, which is now unless an upload began before. Where
    there are `roles`, the session is looked up there, and not in the transaction.
    """

    async def __call__(
        self,
        tx: AsyncSession,
        keys: Keys,
        token: str,
        now: datetime,
        *,
        at: datetime | None = None,
        roles: Any = None,
    ) -> Actor: ...


class ActFor(Protocol):
    """Makes an organisation the actor, by one of its members. The accounts domain provides it."""

    async def __call__(self, tx: AsyncSession, actor: Actor, organisation_id: UserId) -> Actor: ...


class Studio(Protocol):
    """Makes a photo and its thumbnail of an uploaded file. The accounts domain provides it."""

    async def develop(self, read: Callable[[], Awaitable[bytes]]) -> tuple[bytes, bytes]: ...


class Bells(Protocol):
    """Rings for who shows a thing anew whenever something happened to it. The feed provides it."""

    @property
    def is_closed(self) -> bool:
        """Whether the server stops."""
        ...

    def ringing(
        self, about: str, ring: Callable[[], None]
    ) -> AbstractAsyncContextManager[None]: ...


class Parts(Protocol):
    """What the server hangs on `app.state` for its routes."""

    settings: Settings
    keys: Keys
    blobs: Blobs
    seal: Seal
    factor_key: Opener  # Of secrets that only the API reads.
    quota: FileQuota
    redis: Redis
    sessions: async_sessionmaker[AsyncSession]
    reads: async_sessionmaker[AsyncSession]
    authenticate: Authenticate
    act_for: ActFor
    for_organisations: Collection[str]  # Operations that can be asked for one.
    roles: Any  # What `authenticate` asks on behalf of reads.
    scopes: Scopes
    bells: Bells
    studio: Studio
    booth: Any  # Where algorithms are tried (`algorithms.demos.booth.Booth`).
    demands: Any  # What is asked of developers (`accounts.agreement.rules.Demands`).


def parts(request: Request) -> Parts:
    return cast(Parts, request.app.state)


@asynccontextmanager
async def transaction(
    parts: Parts,
    token: str | None,
    *,
    since: datetime | None = None,
    scope: str | None = None,
    organisation_id: UserId | None = None,
) -> AsyncIterator[Context]:
    """Commit when the block ends; roll back when it raises, unless a refusal keeps changes.

    What goes on `since` some moment needs a token that was good then, and a session that still is.
    `scope` is what a personal access token needs for it; None: there is none that would do.
    With an organisation, that is the actor, by who holds the token.
    """
    now, actor = datetime.now(UTC), NOBODY
    async with parts.sessions() as tx:
        if token is not None:
            actor = await parts.authenticate(tx, parts.keys, token, now, at=since)
            require_scope(actor, scope)
        if organisation_id is not None:
            actor = await _act_for(parts, tx, actor, organisation_id)
        logs.note_actor(actor)
        try:
            yield Context(tx, actor, now)
        except DmlError as refusal:
            if refusal.keeps_changes:
                await tx.commit()
            raise
        await tx.commit()


@asynccontextmanager
async def read(
    parts: Parts,
    token: str | None,
    *,
    scope: str | None = None,
    organisation_id: UserId | None = None,
) -> AsyncIterator[Context]:
    """Open a context that changes nothing, and so needs no transaction (`core/reads.py`)."""
    now, actor = datetime.now(UTC), NOBODY
    async with parts.reads() as tx:
        if token is not None:
            actor = await parts.authenticate(tx, parts.keys, token, now, roles=parts.roles)
            require_scope(actor, scope)
        if organisation_id is not None:
            actor = await _act_for(parts, tx, actor, organisation_id)
        logs.note_actor(actor)
        yield Context(tx, actor, now)


def _open(request: Request, token: str | None) -> AbstractAsyncContextManager[Context]:
    """GET is safe (RFC 9110, 9.2.1): it reads. All else has a transaction."""
    opened = read if request.method == "GET" else transaction
    return opened(parts(request), token, scope=_scope(request), organisation_id=_acting(request))


async def _act_for(parts: Parts, tx: AsyncSession, actor: Actor, organisation_id: UserId) -> Actor:
    if actor.user_id is None:
        raise NotSignedIn
    return await parts.act_for(tx, actor, organisation_id)


def _acting(request: Request) -> UserId | None:
    if not is_acting(request):
        return None
    return acting_for(request, parts(request).for_organisations)


def _reading(request: Request, token: str | None) -> AbstractAsyncContextManager[Context]:
    return read(parts(request), token, scope=_scope(request), organisation_id=_acting(request))


def _scope(request: Request) -> str | None:
    return scope_of(request, parts(request).scopes)


bearer = HTTPBearer(
    auto_error=False,
    description="An access token from `POST /v1/users/authenticate`, which may do all that its "
    "user may; or a personal access token from `POST /v1/users/me/tokens`, which may do what its "
    "scopes name. Each operation names the scope that it needs.",
)
Credentials: TypeAlias = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


def token_of(credentials: HTTPAuthorizationCredentials | None) -> str | None:
    return credentials.credentials if credentials else None


def address_of(request: Request) -> str | None:
    """Return the client's IP address; None where it came by a door of our own."""
    return request.client.host if request.client else None


Guard: TypeAlias = Callable[[Request], Awaitable[None]]
_Dependency = TypeVar("_Dependency", bound=Callable[..., Any])
_GUARDS: Final[dict[Callable[..., Any], Guard]] = {}


def guarded(guard: Guard) -> Callable[[_Dependency], _Dependency]:
    """Say of a dependency which guard refuses the callers that it refuses, without a route's work.

    FastAPI reads the body before it asks a dependency, and names wrong fields before a route can
    refuse anybody: who may not ask at all would be told what is wrong with the question.
    """

    def mark(dependency: _Dependency) -> _Dependency:
        _GUARDS[dependency] = guard
        return dependency

    return mark


async def check_caller(request: Request) -> None:
    """Refuse who may not use the route that was found, before anything else is told them."""
    route = request.scope.get("route")
    if isinstance(route, APIRoute):
        for guard in _guards_of(route):
            await guard(request)


def _guards_of(route: APIRoute) -> tuple[Guard, ...]:
    def walk(dependant: Dependant) -> list[Guard]:
        own = [_GUARDS[dependant.call]] if dependant.call in _GUARDS else []
        return own + [guard for it in dependant.dependencies for guard in walk(it)]

    return tuple(dict.fromkeys(walk(route.dependant)))


async def require_known(request: Request) -> None:
    """Let in who sends a good token, or none."""
    credentials = await bearer(request)
    if credentials is not None or _acting(request) is not None:
        async with _reading(request, token_of(credentials)):
            pass


async def _require_signed_in(request: Request) -> None:
    if await bearer(request) is None:
        raise NotSignedIn
    await require_known(request)


@guarded(require_known)
async def begin(request: Request, credentials: Credentials) -> BeginFunction:
    """For a route that must not hold a transaction open: uploads, streams, passwords."""
    server, token, scope = parts(request), token_of(credentials), _scope(request)
    its = _acting(request)
    return lambda *, since=None: transaction(
        server, token, since=since, scope=scope, organisation_id=its
    )


@guarded(_require_signed_in)
async def begin_signed_in(request: Request, credentials: Credentials) -> BeginFunction:
    """For a route that reads more than the database, and only for who is signed in."""
    if credentials is None:
        raise NotSignedIn
    return await begin(request, credentials)


@guarded(require_known)
async def open_for_anybody(request: Request, credentials: Credentials) -> AsyncIterator[Context]:
    token = token_of(credentials)
    async with _open(request, token) as ctx:
        request.state.ctx = ctx
        yield ctx


@guarded(_require_signed_in)
async def open_context(request: Request, credentials: Credentials) -> AsyncIterator[Context]:
    """Run a request in one transaction: commit when it returns, roll back when it raises."""
    if credentials is None:
        raise NotSignedIn
    async with _open(request, credentials.credentials) as ctx:
        request.state.ctx = ctx
        yield ctx


@guarded(require_known)
async def find_actor(request: Request, credentials: Credentials) -> Actor:
    """Tell who asks, for a route that leaves the rest to others."""
    async with _reading(request, token_of(credentials)) as ctx:
        return ctx.actor


async def begin_as_stranger(request: Request) -> BeginFunction:
    return lambda *, since=None: transaction(parts(request), None)


async def _server(request: Request) -> Parts:
    return parts(request)


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
Server = Annotated[Parts, Depends(_server)]
