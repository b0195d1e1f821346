"""REST of second factors: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from fastapi import APIRouter, Depends

from dml.accounts.answers import tokens_out
from dml.accounts.factors import codes, rules, service, signing_in
from dml.accounts.factors.schemas import (
    FactorsOut,
    NewTotpOut,
    RecoveryCodesCreate,
    RecoveryCodesOut,
    SessionConfirm,
    TotpConfirm,
    TotpCreate,
    TotpRevoke,
)
from dml.accounts.factors.service import Factors, NewTotp
from dml.accounts.identities.reauthentication import PROOF_REFUSALS, reauthenticate
from dml.accounts.identities.rules import WrongProof
from dml.accounts.origins import From
from dml.accounts.recovery.choosing import post_of
from dml.accounts.rules import Suspended
from dml.accounts.schemas import SessionTokensOut
from dml.accounts.sessions import Lasting
from dml.edge.http import BeginAsStranger, Ctx, Server, SignedInBegin
from dml.edge.limits import TooManyTries, at_most
from dml.edge.origins import PublicUrl, UnknownHost
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute
from dml.mail import service as mail

router = APIRouter(prefix="/v1/users", route_class=StrictRoute)
proof_limit = Depends(at_most("reauthenticate", lambda settings: settings.sign_ins_a_minute))
sign_in_limit = Depends(at_most("sign_in", lambda settings: settings.sign_ins_a_minute))


async def _prove_to_enroll(server: Server, begin: SignedInBegin, body: TotpCreate) -> None:
    await reauthenticate(server, begin, body.proof)


async def _prove_to_revoke(server: Server, begin: SignedInBegin, body: TotpRevoke) -> None:
    await reauthenticate(server, begin, body.proof)


async def _prove_to_renew(server: Server, begin: SignedInBegin, body: RecoveryCodesCreate) -> None:
    await reauthenticate(server, begin, body.proof)


@router.post(
    "/authenticate/confirm",
    operation_id="sessions.confirm",
    dependencies=[sign_in_limit],
    responses=refusals(rules.TicketOver, WrongProof, *rules.PROOF_REFUSED, Suspended, TooManyTries),
)
async def confirm_sign_in(
    begin: BeginAsStranger, server: Server, origin: From, body: SessionConfirm
) -> SessionTokensOut:
    """Sign in with a second factor.

    For whoever gave the right password (`POST /v1/users/authenticate`) and got a `ticket`, once.
    It opens the session and returns its first two tokens. A wrong code can be corrected a few
    times with the same ticket.
    """
    await signing_in.prove(server, begin, body.ticket, body.proof, origin)
    async with begin() as ctx:
        lasting = Lasting.of(server.settings)
        opened = await signing_in.open_session(ctx, body.ticket, lasting, origin)
        return tokens_out(server, ctx, opened)


@router.get("/me/factors", operation_id="factors.get", response_model=FactorsOut)
async def get_factors(ctx: Ctx) -> Factors:
    """Get your second factors.

    For signed-in users: whether an authenticator app is enrolled, and how many recovery codes are
    left.
    """
    return await service.get_mine(ctx)


# Without an Idempotency-Key: an answer that is kept to be repeated would keep the secret.
@router.post(
    "/me/totp",
    operation_id="totp.create",
    status_code=201,
    response_model=NewTotpOut,
    dependencies=[proof_limit, Depends(_prove_to_enroll)],
    responses=refusals(*PROOF_REFUSALS, rules.AddressUnproven, rules.TotpEnrolled, UnknownHost),
)
async def enroll_totp(ctx: Ctx, server: Server, base: PublicUrl, body: TotpCreate) -> NewTotp:
    """Enroll an authenticator app.

    For signed-in users without one, with a proof of who they are, and a confirmed e-mail address if
    they have one: the mailbox of another could undo it. The secret is shown this once, and counts
    once a first code has confirmed it (`POST /v1/users/me/totp/confirm`). To ask again makes
    another secret.
    """
    is_mail_sent = mail.is_possible(server.settings)
    issuer = codes.issuer_of(base)
    return await service.enroll(ctx, server.factor_key, issuer, is_mail_sent=is_mail_sent)


@router.post(
    "/me/totp/confirm",
    operation_id="totp.confirm",
    dependencies=[proof_limit],
    responses=refusals(rules.EnrollmentOver, rules.WrongFirstCode, rules.CodeTooOld, TooManyTries),
)
async def confirm_totp(ctx: Ctx, server: Server, body: TotpConfirm) -> RecoveryCodesOut:
    """Confirm your authenticator app by its first code.

    For signed-in users who have just enrolled it. From now on signing in asks for its code, as
    does whatever asks for a proof. The answer has recovery codes, which are shown this once. A mail
    to your address confirms it.
    """
    made = await service.confirm(ctx, server.factor_key, post_of(server), body.code)
    return RecoveryCodesOut(recovery_codes=made)


@router.post(
    "/me/totp/revoke",
    operation_id="totp.revoke",
    status_code=204,
    dependencies=[proof_limit, Depends(_prove_to_revoke)],
    responses=refusals(*PROOF_REFUSALS, rules.TotpNotFound),
)
async def revoke_totp(ctx: Ctx, server: Server, body: TotpRevoke) -> None:
    """Revoke your authenticator app.

    For signed-in users, with a proof by the second factor itself: a code of the app, or a recovery
    code. The recovery codes are void with it. A mail to your address confirms it.
    """
    await service.remove(ctx, post_of(server))


@router.post(
    "/me/recovery-codes",
    operation_id="recovery_codes.create",
    status_code=201,
    dependencies=[proof_limit, Depends(_prove_to_renew)],
    responses=refusals(*PROOF_REFUSALS, rules.TotpNotFound),
)
async def renew_recovery_codes(
    ctx: Ctx, server: Server, body: RecoveryCodesCreate
) -> RecoveryCodesOut:
    """Create new recovery codes.

    For signed-in users with a second factor, and a proof by that. The old ones are void. The new
    ones are shown this once. A mail to your address confirms it.
    """
    return RecoveryCodesOut(recovery_codes=await service.renew_codes(ctx, post_of(server)))
