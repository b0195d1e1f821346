"""REST: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from fastapi import APIRouter, Depends, Response

from dml.accounts import passwords, queries, rules, service, sessions
from dml.accounts.models import User
from dml.accounts.passwords import Asker
from dml.accounts.schemas import (
    CredentialsIn,
    ProfileIn,
    PublicUserOut,
    RefreshIn,
    RegisterIn,
    RoleIn,
    TokensOut,
    UserOut,
)
from dml.accounts.service import Profile
from dml.core.context import Context
from dml.core.ids import UserId
from dml.core.wire import sent
from dml.edge.etags import BadIfMatch, IfMatch, TellRevision
from dml.edge.http import BeginAsStranger, Ctx, Parts, PublicCtx, Server, StrangerCtx
from dml.edge.limits import Network, TooManyTries, at_most
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(prefix="/v1/users", tags=["users"], route_class=StrictRoute)
admin_router = APIRouter(prefix="/v1/admin/users", tags=["admin"], route_class=StrictRoute)
register_limit = Depends(at_most("register", lambda it: it.registrations_a_minute))
sign_in_limit = Depends(at_most("sign_in", lambda settings: settings.sign_ins_a_minute))


def _tokens(server: Parts, ctx: Context, opened: sessions.Opened) -> TokensOut:
    seconds = server.settings.access_token_seconds
    return TokensOut(
        access_token=sessions.access_token(server.keys, opened.session, ctx.now, seconds=seconds),
        refresh_token=opened.refresh_token,
        expires_in=seconds,
        user_id=opened.session.user_id,
    )


@router.post(
    "",
    status_code=201,
    response_model=UserOut,
    dependencies=[register_limit],
    responses=refusals(rules.EmailTaken, rules.TooManyPasswords, TooManyTries),
)
async def register(
    begin: BeginAsStranger, network: Network, body: RegisterIn, response: Response
) -> User:
    """Open an account."""
    password_hash = await passwords.hash_password(body.password, Asker(network))
    async with begin() as ctx:
        user = await service.register(ctx, email=body.email, password_hash=password_hash)
        await sessions.know_network(ctx, user.id, network)
    response.headers["Location"] = f"/v1/users/{user.id}"
    return user


@router.post(
    "/authenticate",
    dependencies=[sign_in_limit],
    responses=refusals(rules.WrongCredentials, rules.TooManyPasswords, TooManyTries),
)
async def authenticate(
    begin: BeginAsStranger, server: Server, network: Network, body: CredentialsIn
) -> TokensOut:
    """Sign in with e-mail and password: opens a session and gives its first tokens."""
    proven = await sessions.check_password(server, begin, body.email, body.password, network)
    async with begin() as ctx:
        opened = await sessions.sign_in(ctx, proven, days=server.settings.session_days)
        return _tokens(server, ctx, opened)


@router.post(
    "/refresh",
    dependencies=[sign_in_limit],
    responses=refusals(rules.BadRefreshToken, rules.RefreshTokenReused, TooManyTries),
)
async def refresh(ctx: StrangerCtx, server: Server, body: RefreshIn) -> TokensOut:
    """Exchange a refresh token for new tokens. Where the answer was lost, ask again within seconds:
    the answer is the same refresh token. Using one later, or after the next one, ends the session.
    """
    settings = server.settings
    opened = await sessions.refresh(
        ctx,
        body.refresh_token,
        days=settings.session_days,
        grace_seconds=settings.refresh_grace_seconds,
    )
    return _tokens(server, ctx, opened)


@router.post("/logout", status_code=204)
async def log_out(ctx: StrangerCtx, body: RefreshIn) -> None:
    """End the session of this refresh token. Its access tokens stop working at once."""
    await sessions.log_out(ctx, body.refresh_token)


@router.get("/me", response_model=UserOut)
async def get_me(ctx: Ctx, tell: TellRevision) -> User:
    """Your own account. Its `ETag` goes into `If-Match` when you edit it."""
    user = await queries.get_user(ctx.tx, ctx.actor.id)
    tell(user.revision)
    return user


@router.patch(
    "/me",
    response_model=UserOut,
    responses=refusals(rules.BornInTheFuture, rules.EditedMeanwhile, BadIfMatch),
)
async def edit_me(ctx: Ctx, body: ProfileIn, revision: IfMatch, tell: TellRevision) -> User:
    """Edit your profile, and what models may process on your devices."""
    user = await service.edit_profile(ctx, ctx.actor.id, sent(body, Profile), revision=revision)
    tell(user.revision)
    return user


@router.get("/{user_id}", response_model=PublicUserOut, responses=refusals(queries.UserNotFound))
async def get_user(ctx: PublicCtx, user_id: UserId) -> User:
    """What everybody may know of a user."""
    return await queries.get_user(ctx.tx, user_id)


@admin_router.patch(
    "/{user_id}",
    response_model=UserOut,
    responses=refusals(rules.AdminsOnly, rules.LastAdmin, queries.UserNotFound),
)
async def change_role(ctx: Ctx, user_id: UserId, body: RoleIn) -> User:
    """Make somebody a member, a moderator or an admin."""
    return await service.change_role(ctx, user_id, body.role)
