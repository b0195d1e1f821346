"""REST of passkeys: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from typing import Annotated

from fastapi import APIRouter, Depends

from dml.accounts import rules as account_rules
from dml.accounts.answers import tokens_out
from dml.accounts.identities import queries as identity_queries
from dml.accounts.identities.reauthentication import PROOF_REFUSALS, reauthenticate
from dml.accounts.identities.rules import LastIdentity, TooManyIdentities
from dml.accounts.origins import From, Origin
from dml.accounts.passkeys import proving, queries, rules, service
from dml.accounts.passkeys.models import Passkey
from dml.accounts.passkeys.rules import Purpose
from dml.accounts.passkeys.schemas import (
    PasskeyCreate,
    PasskeyCreationOptionsOut,
    PasskeyOut,
    PasskeyRequestOptionsOut,
    PasskeyRevoke,
    PasskeySessionCreate,
    PasskeySignUpChallenge,
    PasskeyUpdate,
    PasskeyUserCreate,
)
from dml.accounts.passkeys.service import Door
from dml.accounts.recovery.choosing import post_of
from dml.accounts.routes import register_limit, sign_in_limit
from dml.accounts.schemas import SessionTokensOut
from dml.core.ids import IdentityId
from dml.edge.http import BeginAsStranger, Ctx, Server, SignedInBegin, StrangerCtx
from dml.edge.limits import TooManyTries, at_most
from dml.edge.origins import PublicUrl, UnknownHost
from dml.edge.paging import Page, Paging
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(prefix="/v1", route_class=StrictRoute)
proof_limit = Depends(at_most("reauthenticate", lambda settings: settings.sign_ins_a_minute))
NO_SITE = (rules.PasskeysNeedAName, UnknownHost)


async def _door(server: Server, base: PublicUrl) -> Door:
    return Door(server.keys, server.settings, base)


ByDoor = Annotated[Door, Depends(_door)]


async def _prove_to_add(server: Server, begin: SignedInBegin, body: PasskeyCreate) -> None:
    await reauthenticate(server, begin, body.proof)


async def _prove_to_revoke(server: Server, begin: SignedInBegin, body: PasskeyRevoke) -> None:
    await reauthenticate(server, begin, body.proof)


@router.post(
    "/sessions/passkey-challenges",
    operation_id="passkey_challenges.create_for_session",
    dependencies=[sign_in_limit],
    responses=refusals(*NO_SITE, TooManyTries),
)
async def ask_to_sign_in(ctx: StrangerCtx, door: ByDoor) -> PasskeyRequestOptionsOut:
    """Create a challenge to sign in with a passkey.

    For anybody: options for `navigator.credentials.get`. They name no passkey, so the browser
    offers those that it finds, and no name has to be typed. Send what it gives to
    `POST /v1/sessions/passkey`, within five minutes.
    """
    return PasskeyRequestOptionsOut.of(await service.ask_to_sign_in(ctx, door))


@router.post(
    "/sessions/passkey",
    operation_id="sessions.create_by_passkey",
    dependencies=[sign_in_limit],
    responses=refusals(*rules.ASSERTION_REFUSED, account_rules.Suspended, TooManyTries),
)
async def sign_in(
    begin: BeginAsStranger, server: Server, origin: From, body: PasskeySessionCreate
) -> SessionTokensOut:
    """Sign in with a passkey.

    For whoever has one of an account, and had it sign a challenge. It opens a session, and asks for
    no second factor: a passkey that has verified its user is two at once.
    """
    used = await proving.check_signed(server, begin, body.credential, Purpose.SIGN_IN)
    async with begin() as ctx:
        return tokens_out(server, ctx, await service.sign_in(ctx, post_of(server), used, origin))


@router.post(
    "/users/passkey-challenges",
    operation_id="passkey_challenges.create_for_sign_up",
    dependencies=[sign_in_limit],
    responses=refusals(rules.SignUpClosed, *NO_SITE, TooManyTries),
)
async def ask_to_sign_up(
    ctx: StrangerCtx, door: ByDoor, body: PasskeySignUpChallenge
) -> PasskeyCreationOptionsOut:
    """Create a challenge to open an account with a passkey.

    For anybody: options for `navigator.credentials.create`. Send what it gives to
    `POST /v1/users/passkey`, within five minutes; until then nothing is kept.
    """
    return PasskeyCreationOptionsOut.of(await service.ask_to_sign_up(ctx, door, body.name))


@router.post(
    "/users/passkey",
    operation_id="users.create_by_passkey",
    status_code=201,
    dependencies=[register_limit],
    responses=refusals(
        *rules.CREDENTIAL_REFUSED, rules.PasskeyTaken, rules.SignUpClosed, TooManyTries
    ),
)
async def sign_up(
    begin: BeginAsStranger, server: Server, origin: From, body: PasskeyUserCreate
) -> SessionTokensOut:
    """Open an account with a passkey.

    For whoever has just made one for this. It is the only way to sign in to the account, which has
    no password and no e-mail address; its user may add both, and other passkeys. Who loses the last
    way in has lost the account.
    """
    new = await proving.check_made(server, begin, body.credential, Purpose.SIGN_UP)
    name = _named(body.name, origin)
    async with begin() as ctx:
        opened = await service.sign_up(ctx, server.settings, new, name, origin)
        return tokens_out(server, ctx, opened)


@router.get("/users/me/passkeys", operation_id="passkeys.list")
async def list_mine(ctx: Ctx) -> Page[PasskeyOut]:
    """List your passkeys.

    For signed-in users: oldest first. They always fit on one page.
    """
    rows = await queries.list_passkeys(ctx.tx, ctx.actor.id)
    return Paging(limit=identity_queries.IDENTITIES_MAX).page(PasskeyOut, rows)


@router.post(
    "/users/me/passkeys/challenges",
    operation_id="passkey_challenges.create",
    responses=refusals(*NO_SITE),
)
async def ask_to_add(ctx: Ctx, door: ByDoor) -> PasskeyCreationOptionsOut:
    """Create a challenge to add a passkey.

    For signed-in users: options for `navigator.credentials.create`. Send what it gives to
    `POST /v1/users/me/passkeys`, within five minutes.
    """
    return PasskeyCreationOptionsOut.of(await service.ask_to_add(ctx, door))


@router.post(
    "/users/me/passkeys/proof-challenges",
    operation_id="passkey_challenges.create_for_proof",
    responses=refusals(*NO_SITE),
)
async def ask_to_prove(ctx: Ctx, door: ByDoor) -> PasskeyRequestOptionsOut:
    """Create a challenge to prove who you are by a passkey.

    For signed-in users: options for `navigator.credentials.get`, which name your passkeys. What it
    gives is the `credential` of a proof of the kind `passkey`, within five minutes and once.
    """
    return PasskeyRequestOptionsOut.of(await service.ask_to_prove(ctx, door))


@router.post(
    "/users/me/passkeys",
    operation_id="passkeys.create",
    status_code=201,
    response_model=PasskeyOut,
    dependencies=[proof_limit, Depends(_prove_to_add)],
    responses=refusals(
        *rules.CREDENTIAL_REFUSED, rules.PasskeyTaken, TooManyIdentities, *PROOF_REFUSALS
    ),
)
async def add(begin: SignedInBegin, server: Server, origin: From, body: PasskeyCreate) -> Passkey:
    """Add a passkey.

    For signed-in users who have just made one, with a proof of who they are. From then on they sign
    in by it, too, without anything else. A mail to your address, if it is confirmed, says so.
    """
    new = await proving.check_made(server, begin, body.credential, Purpose.ADD)
    async with begin() as ctx:
        return await service.add_mine(ctx, new, _named(body.name, origin))


@router.patch(
    "/users/me/passkeys/{passkey_id}",
    operation_id="passkeys.update",
    response_model=PasskeyOut,
    responses=refusals(rules.PasskeyNotFound),
)
async def rename(ctx: Ctx, passkey_id: IdentityId, body: PasskeyUpdate) -> Passkey:
    """Rename a passkey.

    For the user whose it is. Its authenticator calls it as before.
    """
    return await service.rename_mine(ctx, passkey_id, body.name)


@router.post(
    "/users/me/passkeys/{passkey_id}/revoke",
    operation_id="passkeys.revoke",
    status_code=204,
    dependencies=[proof_limit, Depends(_prove_to_revoke)],
    responses=refusals(rules.PasskeyNotFound, LastIdentity, *PROOF_REFUSALS),
)
async def revoke(ctx: Ctx, passkey_id: IdentityId, body: PasskeyRevoke) -> None:
    """Revoke a passkey.

    For the user whose it is, with a proof of who they are. Nobody signs in by it any more; sessions
    that are open stay. The last way to sign in cannot be revoked. A mail to your address says so.
    What the authenticator keeps of it, the user deletes there.
    """
    await service.revoke_mine(ctx, passkey_id)


def _named(name: str | None, origin: Origin) -> str:
    return name or origin.device or rules.NAMELESS
