"""Which links are good, and who may still ask for what. Pure."""

from datetime import datetime, timedelta
from typing import Final

from dml.accounts.recovery.models import Link, LinkKind
from dml.core.errors import Conflict, Forbidden, Gone, Invalid, NotFound

LASTS: Final = timedelta(days=2)  # As long as its mail may be on the way.
KEPT: Final = timedelta(days=30)


class LinkUnknown(NotFound):
    code = "accounts.link_unknown"
    reason = "This is no link of ours, or it was for something else."
    remedy = "Open the link in the mail as it is, or ask for a new one."


class LinkUsed(Gone):
    code = "accounts.link_used"
    reason = "This link was used, or the account's address or password has changed since."
    remedy = "Ask for a new one, if it is still needed."


class LinkExpired(Gone):
    code = "accounts.link_expired"
    reason = "This link is older than two days."
    remedy = "Ask for a new one."


class NoMail(Conflict):
    code = "accounts.no_mail"
    reason = "This marketplace sends no mail."
    remedy = "Ask its operator, who can set `DML_SMTP_HOST`, or give an account a new password."


class SignUpByMail(Forbidden):
    code = "accounts.sign_up_by_mail"
    reason = "Accounts are opened by a link in a mail here."
    remedy = "Ask for one with `POST /v1/users/sign-ups`."


class VerifiedAlready(Conflict):
    code = "accounts.verified_already"
    reason = "It is known that this address is yours."
    remedy = "There is nothing left to do."


class NoAddress(Conflict):
    code = "accounts.no_address"
    reason = "Your account has no e-mail address."
    remedy = "Give it one with `POST /v1/users/me/email-changes`."


class SameAddress(Invalid):
    code = "accounts.same_address"
    pointer = "/email"
    reason = "This is the address that your account has."
    remedy = "Send the new one."


def require_open(link: Link | None, kinds: tuple[LinkKind, ...], now: datetime) -> Link:
    """Refuse a link that is not of these kinds, or not good any more."""
    if link is None or link.kind not in kinds:
        raise LinkUnknown
    if link.ended_at is not None:
        raise LinkUsed
    if link.expires_at <= now:
        raise LinkExpired
    return link


def require_sent_to(link: Link, email: str | None) -> None:
    """Refuse a link that was mailed to an address which is not the account's any more."""
    if link.email != email:
        raise LinkUsed


def require_unverified(verified_at: datetime | None) -> None:
    if verified_at is not None:
        raise VerifiedAlready


def require_address(email: str | None) -> str:
    if email is None:
        raise NoAddress
    return email


def require_another(email: str | None, new: str) -> None:
    if email == new:
        raise SameAddress
