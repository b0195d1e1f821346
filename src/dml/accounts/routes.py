"""REST: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from fastapi import APIRouter, Depends, Response

from dml.accounts import passwords, queries, rules, service, sessions
from dml.accounts.models import User
from dml.accounts.passwords import Asker
from dml.accounts.schemas import (
    PublicUserOut,
    RoleUpdate,
    SessionCreate,
    SessionDelete,
    SessionRefresh,
    SessionTokensOut,
    UserCreate,
    UserOut,
    UserUpdate,
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

router = APIRouter(prefix="/v1/users", route_class=StrictRoute)
admin_router = APIRouter(prefix="/v1/admin/users", route_class=StrictRoute)
register_limit = Depends(at_most("register", lambda it: it.registrations_a_minute))
sign_in_limit = Depends(at_most("sign_in", lambda settings: settings.sign_ins_a_minute))


def _tokens(server: Parts, ctx: Context, opened: sessions.Opened) -> SessionTokensOut:
    seconds = server.settings.access_token_seconds
    return SessionTokensOut(
        access_token=sessions.access_token(server.keys, opened.session, ctx.now, seconds=seconds),
        refresh_token=opened.refresh_token,
        expires_in=seconds,
        user_id=opened.session.user_id,
    )


@router.post(
    "",
    operation_id="users.create",
    status_code=201,
    response_model=UserOut,
    dependencies=[register_limit],
    responses=refusals(rules.EmailTaken, rules.TooManyPasswords, TooManyTries),
)
async def register(
    begin: BeginAsStranger, network: Network, body: UserCreate, response: Response
) -> User:
    """Create an account.

    For anybody. The new user is a member and signs in with this e-mail address and password
    (`POST /v1/users/authenticate`).
    """
    password_hash = await passwords.hash_password(body.password, Asker(network))
    async with begin() as ctx:
        user = await service.register(ctx, email=body.email, password_hash=password_hash)
        await sessions.know_network(ctx, user.id, network)
    response.headers["Location"] = f"/v1/users/{user.id}"
    return user


@router.post(
    "/authenticate",
    operation_id="sessions.create",
    dependencies=[sign_in_limit],
    responses=refusals(rules.WrongCredentials, rules.TooManyPasswords, TooManyTries),
)
async def authenticate(
    begin: BeginAsStranger, server: Server, network: Network, body: SessionCreate
) -> SessionTokensOut:
    """Sign in with e-mail address and password.

    For anybody with an account. It opens a session and returns its first two tokens: an access
    token for `Authorization: Bearer`, and a refresh token with which to get the next ones.
    """
    proven = await sessions.check_password(server, begin, body.email, body.password, network)
    async with begin() as ctx:
        opened = await sessions.sign_in(ctx, proven, days=server.settings.session_days)
        return _tokens(server, ctx, opened)


@router.post(
    "/refresh",
    operation_id="sessions.refresh",
    dependencies=[sign_in_limit],
    responses=refusals(rules.BadRefreshToken, rules.RefreshTokenReused, TooManyTries),
)
async def refresh(ctx: StrangerCtx, server: Server, body: SessionRefresh) -> SessionTokensOut:
    """Exchange a refresh token for new tokens.

    For whoever holds the newest refresh token of a session. If the answer was lost, send the same
    request again within a few seconds: it returns the same refresh token. A token that is used
    later than that, or after the one that followed it, ends the session, because it may be stolen.
    """
    settings = server.settings
    opened = await sessions.refresh(
        ctx,
        body.refresh_token,
        days=settings.session_days,
        grace_seconds=settings.refresh_grace_seconds,
    )
    return _tokens(server, ctx, opened)


@router.post("/logout", operation_id="sessions.delete", status_code=204)
async def log_out(ctx: StrangerCtx, body: SessionDelete) -> None:
    """Sign out.

    For whoever holds a refresh token of the session. The session ends, and its access tokens stop
    working at once. The answer is the same if the token is unknown, or its session has already
    ended.
    """
    await sessions.log_out(ctx, body.refresh_token)


@router.get("/me", operation_id="users.get_me", response_model=UserOut)
async def get_me(ctx: Ctx, tell: TellRevision) -> User:
    """Get your own account.

    For signed-in users. To update the account safely, send this answer's `ETag` as `If-Match`.
    """
    user = await queries.get_user(ctx.tx, ctx.actor.id)
    tell(user.revision)
    return user


@router.patch(
    "/me",
    operation_id="users.update_me",
    response_model=UserOut,
    responses=refusals(rules.BornInTheFuture, rules.EditedMeanwhile, BadIfMatch),
)
async def edit_me(ctx: Ctx, body: UserUpdate, revision: IfMatch, tell: TellRevision) -> User:
    """Update your own account.

    For signed-in users: the profile, and the kinds of data that models may process on your
    devices. Fields that are not sent stay as they are.
    """
    user = await service.edit_profile(ctx, ctx.actor.id, sent(body, Profile), revision=revision)
    tell(user.revision)
    return user


@router.get(
    "/{user_id}",
    operation_id="users.get",
    response_model=PublicUserOut,
    responses=refusals(queries.UserNotFound),
)
async def get_user(ctx: PublicCtx, user_id: UserId) -> User:
    """Get a user's public profile.

    For anybody. It holds only what everybody may know of a user.
    """
    return await queries.get_user(ctx.tx, user_id)


@admin_router.patch(
    "/{user_id}",
    operation_id="users.set_role",
    response_model=UserOut,
    responses=refusals(rules.AdminsOnly, rules.LastAdmin, queries.UserNotFound),
)
async def change_role(ctx: Ctx, user_id: UserId, body: RoleUpdate) -> User:
    """Set a user's role.

    For admins. The user is a member, a moderator or an admin from then on. The last admin cannot
    be made anything else.
    """
    return await service.change_role(ctx, user_id, body.role)
