"""REST of pages' sessions: parse, call one function, shape the answer. No `if`, SQL or `try`."""

from fastapi import APIRouter

from dml.accounts import rules, sessions
from dml.accounts.answers import tokens_out
from dml.accounts.browsers.cookies import PATH, CookieJar, Kept, OurPage
from dml.accounts.browsers.rules import NotOurPage
from dml.accounts.browsers.schemas import BrowserSessionCreate, BrowserSessionOut
from dml.accounts.origins import From
from dml.accounts.routes import sign_in_limit
from dml.accounts.sessions import Lasting, Opened
from dml.core.context import Context
from dml.edge.http import Parts, Server, StrangerCtx
from dml.edge.limits import TooManyTries
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(prefix=PATH, route_class=StrictRoute)
REFUSED = (NotOurPage, rules.BadRefreshToken, rules.RefreshTokenReused, TooManyTries)


# Without an Idempotency-Key, as of each refresh: for some seconds it answers the same again.
@router.post(
    "",
    operation_id="browser_sessions.create",
    dependencies=[OurPage, sign_in_limit],
    responses=refusals(*REFUSED),
)
async def hand_in(
    ctx: StrangerCtx, server: Server, origin: From, jar: CookieJar, body: BrowserSessionCreate
) -> BrowserSessionOut:
    """Keep a session in this browser.

    For a page of this marketplace, whose user has just signed in, by whatever way. It exchanges
    the refresh token, and sets the next one as a cookie that no script can read (`HttpOnly`,
    `SameSite=Strict`). The session goes on with `POST /v1/sessions/browser/refresh`.
    """
    lasting = Lasting.of(server.settings)
    opened = await sessions.refresh(ctx, body.refresh_token, lasting, origin)
    jar.keep(opened, ctx.now)
    return _out(server, ctx, opened)


@router.post(
    "/refresh",
    operation_id="browser_sessions.refresh",
    dependencies=[OurPage, sign_in_limit],
    responses=refusals(*REFUSED),
)
async def refresh(
    ctx: StrangerCtx, server: Server, origin: From, jar: CookieJar, kept: Kept
) -> BrowserSessionOut:
    """Get a new access token by the cookie.

    For a page of this marketplace in a browser that keeps a session, as when the page is loaded
    anew. It sets the next cookie. Several tabs may ask at once.
    """
    opened = await sessions.refresh(ctx, kept, Lasting.of(server.settings), origin)
    jar.keep(opened, ctx.now)
    return _out(server, ctx, opened)


@router.delete(
    "",
    operation_id="browser_sessions.delete",
    status_code=204,
    dependencies=[OurPage],
    responses=refusals(NotOurPage),
)
async def log_out(ctx: StrangerCtx, jar: CookieJar, kept: Kept) -> None:
    """Sign out in this browser.

    For a page of this marketplace. The session in the cookie ends, its access tokens stop working
    at once, and the cookie goes. The answer is the same where there is none.
    """
    await sessions.log_out(ctx, kept)
    jar.empty()


def _out(server: Parts, ctx: Context, opened: Opened) -> BrowserSessionOut:
    told = tokens_out(server, ctx, opened)
    return BrowserSessionOut(**told.model_dump(exclude={"refresh_token"}))
