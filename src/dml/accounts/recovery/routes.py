"""REST of links, passwords and addresses: parse, call one function, shape the answer."""

from fastapi import APIRouter, Depends, Response

from dml.accounts import rules as account_rules
from dml.accounts.identities.reauthentication import PROOF_REFUSALS, reauthenticate
from dml.accounts.models import User
from dml.accounts.recovery import asking, choosing, processes, rules, service
from dml.accounts.recovery.schemas import (
    EmailChangeCreate,
    EmailConfirmationCreate,
    LinkMailedOut,
    PasswordResetConfirm,
    PasswordResetCreate,
    PasswordSet,
    SignUpConfirm,
    SignUpCreate,
)
from dml.accounts.schemas import UserOut
from dml.edge.http import BeginAsStranger, Ctx, Server, SignedInBegin, StrangerCtx
from dml.edge.limits import Network, TooManyTries, at_most
from dml.edge.origins import PublicUrl, UnknownHost
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(prefix="/v1/users", route_class=StrictRoute)
mail_limit = Depends(at_most("ask_mail", lambda settings: settings.sign_ins_a_minute))
proof_limit = Depends(at_most("reauthenticate", lambda settings: settings.sign_ins_a_minute))
can_mail = Depends(asking.require_mail)
BAD_LINK = (rules.LinkUnknown, rules.LinkUsed, rules.LinkExpired)
ASKED = refusals(rules.NoMail, UnknownHost, TooManyTries)


async def _prove_for_password(server: Server, begin: SignedInBegin, body: PasswordSet) -> None:
    await reauthenticate(server, begin, body.proof)


async def _prove_for_email(server: Server, begin: SignedInBegin, body: EmailChangeCreate) -> None:
    await reauthenticate(server, begin, body.proof)


@router.post(
    "/sign-ups",
    operation_id="sign_ups.create",
    status_code=202,
    dependencies=[mail_limit, can_mail],
    responses=ASKED,
)
async def ask_sign_up(ctx: StrangerCtx, base: PublicUrl, body: SignUpCreate) -> LinkMailedOut:
    """Ask for a link to open an account.

    For anybody. It is mailed to the address; if that has an account, the mail says so. The answer
    is the same for every address.
    """
    await processes.ask_sign_up(ctx, body.email, base)
    return LinkMailedOut(email=body.email)


@router.post(
    "/sign-ups/confirm",
    operation_id="sign_ups.confirm",
    status_code=201,
    response_model=UserOut,
    dependencies=[mail_limit],
    responses=refusals(
        *BAD_LINK,
        account_rules.EmailTaken,
        account_rules.WeakPassword,
        account_rules.TooManyPasswords,
        TooManyTries,
    ),
)
async def confirm_sign_up(
    begin: BeginAsStranger,
    server: Server,
    network: Network,
    body: SignUpConfirm,
    response: Response,
) -> User:
    """Open an account by its link.

    For whoever has the link, once. The account's address is verified by that.
    """
    user = await choosing.sign_up(server, begin, body.token, body.password, network)
    response.headers["Location"] = f"/v1/users/{user.id}"
    return user


@router.post(
    "/password-resets",
    operation_id="password_resets.create",
    status_code=202,
    dependencies=[mail_limit, can_mail],
    responses=ASKED,
)
async def ask_reset(ctx: StrangerCtx, base: PublicUrl, body: PasswordResetCreate) -> LinkMailedOut:
    """Ask for a link to choose another password.

    For anybody. It is mailed if the address has an account. The answer is the same for every
    address.
    """
    await processes.ask_reset(ctx, body.email, base)
    return LinkMailedOut(email=body.email)


@router.post(
    "/password-resets/confirm",
    operation_id="password_resets.confirm",
    status_code=204,
    dependencies=[mail_limit],
    responses=refusals(
        *BAD_LINK, account_rules.WeakPassword, account_rules.TooManyPasswords, TooManyTries
    ),
)
async def confirm_reset(
    begin: BeginAsStranger, server: Server, network: Network, body: PasswordResetConfirm
) -> None:
    """Choose another password by a link.

    For whoever has the link, once. Every session ends, as does every personal access token, and all
    other links of the account are void.
    """
    await choosing.reset_password(server, begin, body.token, body.password, network)


@router.put(
    "/me/password",
    operation_id="passwords.set",
    status_code=204,
    dependencies=[proof_limit, Depends(_prove_for_password)],
    responses=refusals(*PROOF_REFUSALS, rules.NoAddress, account_rules.WeakPassword),
)
async def set_password(begin: SignedInBegin, server: Server, body: PasswordSet) -> None:
    """Set your password.

    For signed-in users, with a proof of who they are. Your other sessions end, and your address is
    told. The account needs an address, to sign in with beside the password.
    """
    await choosing.change_password(server, begin, body.password)


@router.post(
    "/me/email-verifications",
    operation_id="email_verifications.create",
    status_code=202,
    dependencies=[mail_limit, can_mail],
    responses=refusals(
        rules.NoMail, rules.NoAddress, rules.VerifiedAlready, UnknownHost, TooManyTries
    ),
)
async def ask_verification(ctx: Ctx, server: Server, base: PublicUrl) -> LinkMailedOut:
    """Ask for a link that verifies your address.

    For signed-in users whose address is not verified yet.
    """
    return LinkMailedOut(email=await asking.ask_verification(ctx, server, base))


@router.post(
    "/me/email-changes",
    operation_id="email_changes.create",
    status_code=202,
    dependencies=[proof_limit, can_mail, Depends(_prove_for_email)],
    responses=refusals(*PROOF_REFUSALS, rules.NoMail, rules.SameAddress, UnknownHost),
)
async def ask_change(ctx: Ctx, base: PublicUrl, body: EmailChangeCreate) -> LinkMailedOut:
    """Ask to have another address.

    For signed-in users, with a proof of who they are. A link is mailed to the new address; once it
    is used, the account has that address, and a mail to the old one says so. The answer is the same
    whether another account has the address or not.
    """
    await asking.ask_change(ctx, body.email, base)
    return LinkMailedOut(email=body.email)


@router.post(
    "/email-confirmations",
    operation_id="email_confirmations.create",
    status_code=204,
    dependencies=[mail_limit],
    responses=refusals(*BAD_LINK, account_rules.EmailTaken, TooManyTries),
)
async def confirm_email(ctx: StrangerCtx, server: Server, body: EmailConfirmationCreate) -> None:
    """Confirm an address by its link.

    For whoever has the link, once: it verifies an account's address, or gives it the new one.
    """
    await service.confirm_email(ctx, choosing.post_of(server), body.token)
