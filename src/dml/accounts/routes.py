"""REST: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from fastapi import APIRouter, Depends, Response

from dml.accounts import passwords, queries, rules, service, sessions
from dml.accounts.answers import tokens_out
from dml.accounts.factors.rules import SecondFactorNeeded
from dml.accounts.models import User
from dml.accounts.origins import From
from dml.accounts.passwords import Asker
from dml.accounts.recovery.asking import require_open_door
from dml.accounts.recovery.rules import SignUpByMail
from dml.accounts.schemas import (
    PublicUserOut,
    SessionCreate,
    SessionDelete,
    SessionOut,
    SessionRefresh,
    SessionTokensOut,
    UserCreate,
    UserOut,
    UserUpdate,
)
from dml.accounts.service import Profile
from dml.accounts.sessions import Lasting
from dml.accounts.strength import words_of
from dml.core.ids import SessionId, UserId
from dml.core.wire import sent
from dml.edge.etags import BadIfMatch, IfMatch, TellRevision
from dml.edge.http import BeginAsStranger, Ctx, PublicCtx, Server, StrangerCtx
from dml.edge.limits import Network, TooManyTries, at_most
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(prefix="/v1/users", route_class=StrictRoute)
register_limit = Depends(at_most("register", lambda it: it.registrations_a_minute))
sign_in_limit = Depends(at_most("sign_in", lambda settings: settings.sign_ins_a_minute))


@router.post(
    "",
    operation_id="users.create",
    status_code=201,
    response_model=UserOut,
    dependencies=[register_limit, Depends(require_open_door)],
    responses=refusals(
        SignUpByMail, rules.EmailTaken, rules.WeakPassword, rules.TooManyPasswords, TooManyTries
    ),
)
async def register(
    begin: BeginAsStranger, server: Server, network: Network, body: UserCreate, response: Response
) -> User:
    """Create an account.

    For anybody. The new user is a member and signs in with this e-mail address and password
    (`POST /v1/users/authenticate`). Where the operator has accounts opened by a link in a mail,
    this is refused: ask for the link (`POST /v1/users/sign-ups`).
    """
    password_hash = await passwords.hash_chosen(
        body.password, Asker(network), server.settings, words_of(body.email)
    )
    async with begin() as ctx:
        user = await service.register(ctx, email=body.email, password_hash=password_hash)
        await sessions.know_network(ctx, user.id, network)
    response.headers["Location"] = f"/v1/users/{user.id}"
    return user


@router.post(
    "/authenticate",
    operation_id="sessions.create",
    dependencies=[sign_in_limit],
    responses=refusals(
        rules.WrongCredentials,
        rules.Suspended,
        SecondFactorNeeded,
        rules.TooManyPasswords,
        TooManyTries,
    ),
)
async def authenticate(
    begin: BeginAsStranger, server: Server, origin: From, body: SessionCreate
) -> SessionTokensOut:
    """Sign in with e-mail address and password.

    For anybody with an account. It opens a session and returns its first two tokens: an access
    token for `Authorization: Bearer`, and a refresh token with which to get the next ones. Where
    the account has a second factor, the answer is a refusal with a `ticket` instead, for
    `POST /v1/users/authenticate/confirm`.
    """
    proven = await sessions.check_password(server, body.email, body.password, origin)
    async with begin() as ctx:
        opened = await sessions.sign_in(ctx, proven, Lasting.of(server.settings))
        return tokens_out(server, ctx, opened)


@router.post(
    "/refresh",
    operation_id="sessions.refresh",
    dependencies=[sign_in_limit],
    responses=refusals(rules.BadRefreshToken, rules.RefreshTokenReused, TooManyTries),
)
async def refresh(
    ctx: StrangerCtx, server: Server, origin: From, body: SessionRefresh
) -> SessionTokensOut:
    """Exchange a refresh token for new tokens.

    For whoever holds the newest refresh token of a session. If the answer was lost, send the same
    request again within a few seconds: it returns the same refresh token. A token that is used
    later than that, or after the one that followed it, ends the session, because it may be stolen.
    """
    lasting = Lasting.of(server.settings)
    opened = await sessions.refresh(ctx, body.refresh_token, lasting, origin)
    return tokens_out(server, ctx, opened)


@router.post("/logout", operation_id="sessions.delete", status_code=204)
async def log_out(ctx: StrangerCtx, body: SessionDelete) -> None:
    """Sign out.

    For whoever holds a refresh token of the session. The session ends, and its access tokens stop
    working at once. The answer is the same if the token is unknown, or its session has already
    ended.
    """
    await sessions.log_out(ctx, body.refresh_token)


@router.get("/me/sessions", operation_id="sessions.list")
async def list_sessions(ctx: Ctx, paging: Paged) -> Page[SessionOut]:
    """List your sessions.

    For signed-in users: where you are signed in, newest first. Each has a device and a network as
    far as either is known, from when it was opened or refreshed last.
    """
    rows = await queries.list_sessions(
        ctx.tx,
        ctx.actor.id,
        ctx.now,
        current=ctx.actor.session_id,
        after=paging.cursor,
        limit=paging.limit,
    )
    return paging.page(SessionOut, rows)


@router.delete(
    "/me/sessions/{session_id}",
    operation_id="sessions.revoke",
    status_code=204,
    responses=refusals(rules.SessionNotFound),
)
async def end_session(ctx: Ctx, session_id: SessionId) -> None:
    """Revoke a session of yours.

    For signed-in users, such as for a device that was lost. Its access tokens stop working at once.
    """
    await sessions.end(ctx, session_id)


@router.delete("/me/sessions", operation_id="sessions.revoke_others", status_code=204)
async def end_other_sessions(ctx: Ctx) -> None:
    """Revoke all your other sessions.

    For signed-in users. Only the session that asks goes on.
    """
    await sessions.end_others(ctx)


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
    responses=refusals(rules.BornInTheFuture, rules.TooYoung, rules.EditedMeanwhile, BadIfMatch),
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
