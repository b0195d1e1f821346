"""REST of signing in by providers: parse, call one function, shape the answer."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from dml.accounts import rules as account_rules
from dml.accounts.answers import tokens_out
from dml.accounts.factors.rules import SecondFactorNeeded
from dml.accounts.identities.reauthentication import PROOF_REFUSALS, reauthenticate
from dml.accounts.identities.rules import TooManyIdentities
from dml.accounts.identities.schemas import IdentityOut, identity_out
from dml.accounts.openid import browsing, rules, service
from dml.accounts.openid.late import TheOpenid
from dml.accounts.openid.schemas import (
    OpenidIdentityCreate,
    OpenidProviderOut,
    OpenidSessionCreate,
    OpenidSignInStart,
)
from dml.accounts.openid.service import Begun
from dml.accounts.origins import From
from dml.accounts.routes import sign_in_limit
from dml.accounts.schemas import SessionTokensOut
from dml.accounts.sessions import Lasting
from dml.edge.http import BeginAsStranger, Ctx, Server, SignedInBegin, StrangerCtx
from dml.edge.limits import TooManyTries, at_most
from dml.edge.origins import PublicUrl, UnknownHost
from dml.edge.paging import Page, Paging
from dml.edge.problems import header, refusals
from dml.edge.routing import StrictRoute

router = APIRouter(prefix="/v1", route_class=StrictRoute)
browser_limit = Depends(at_most("openid", lambda settings: settings.sign_ins_a_minute))
proof_limit = Depends(at_most("reauthenticate", lambda settings: settings.sign_ins_a_minute))
# Told as `error` in the URL to which the browser returns; or, where that is not known, to it.
ON_THE_WAY = (rules.StartUnknown, rules.Denied, rules.StateRefused, rules.AnswerRefused)
SENT_ON = {"Location": header("Where the provider asks who it is.")}
ProviderId = Annotated[str, Path(max_length=20, description="The provider's id in their list.")]


async def _prove(server: Server, begin: SignedInBegin, body: OpenidIdentityCreate) -> None:
    await reauthenticate(server, begin, body.proof)


@router.get("/sessions/openid", operation_id="openid_providers.list")
async def list_providers(openid: TheOpenid) -> Page[OpenidProviderOut]:
    """List the providers by which you can sign in.

    For anybody: those that the operator has set up, such as Google or GitHub. They always fit on
    one page.
    """
    return Paging(limit=100).page(OpenidProviderOut, openid.providers)


@router.get(
    "/sessions/openid/{provider_id}",
    operation_id="openid_sign_ins.start",
    status_code=303,
    response_class=Response,
    dependencies=[browser_limit],
    responses=refusals(
        rules.ProviderNotFound,
        rules.ReturnToRefused,
        rules.ProviderUnreachable,
        *ON_THE_WAY,
        UnknownHost,
        TooManyTries,
    )
    | {303: {"description": "The browser goes to the provider.", "headers": SENT_ON}},
)
async def start(
    begin: BeginAsStranger,
    openid: TheOpenid,
    base: PublicUrl,
    provider_id: ProviderId,
    asked: Annotated[OpenidSignInStart, Query()],
) -> Response:
    """Send a browser to a provider to sign in there.

    For anybody: open this in a browser, do not fetch it. The browser comes back to `return_to`,
    with a `code` that is good once and for a minute, or with an `error`. Exchange the code, with
    the secret of your challenge, for a session (`POST /v1/sessions/openid`); or, signed in, for a
    further way to sign in (`POST /v1/users/me/identities/openid`, within five minutes).
    """
    begun = Begun(provider_id, asked.return_to, asked.code_challenge, asked.fresh)
    return await browsing.send_off(openid, begin, base, begun)


@router.post(
    "/sessions/openid",
    operation_id="sessions.create_by_openid",
    dependencies=[sign_in_limit],
    responses=refusals(
        rules.CodeRefused,
        rules.AddressTaken,
        rules.LinkedAlready,
        SecondFactorNeeded,
        account_rules.Suspended,
        TooManyTries,
    ),
)
async def sign_in(
    ctx: StrangerCtx, server: Server, origin: From, body: OpenidSessionCreate
) -> SessionTokensOut:
    """Sign in by a login at a provider.

    For whoever came back with a code. Who never signed in by this login gets an account without a
    password, with the address that the provider has verified, or none. Where an account has that
    address already, this is refused: its owner signs in to it and links the login.
    """
    lasting = Lasting.of(server.settings)
    opened = await service.sign_in(ctx, body.code, body.code_verifier, origin, lasting)
    return tokens_out(server, ctx, opened)


@router.post(
    "/users/me/identities/openid",
    operation_id="identities.create_openid",
    status_code=201,
    dependencies=[proof_limit, Depends(_prove)],
    responses=refusals(
        rules.CodeRefused,
        rules.LinkedAlready,
        TooManyIdentities,
        *PROOF_REFUSALS,
    ),
)
async def link(ctx: Ctx, openid: TheOpenid, body: OpenidIdentityCreate) -> IdentityOut:
    """Link a login at a provider.

    For signed-in users who came back with a code, with a proof of who they are. From then on they
    sign in by that login, too. To unlink it, revoke the identity.
    """
    linked = await service.link_mine(ctx, body.code, body.code_verifier)
    return identity_out(linked, openid.providers)
