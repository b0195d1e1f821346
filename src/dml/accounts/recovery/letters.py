"""What the mails say. A kind is the name of a mail in tables and logs."""

from dml.accounts.recovery.models import LinkKind
from dml.mail.service import Letter

_ASKED = "If you did not ask for this, there is nothing to do: without the link nothing happens."
_LASTS = "The link works once, within two days."


def _linked(kind: LinkKind, subject: str, first: str, link: str) -> Letter:
    return Letter(kind.value, subject, f"{first}\n\n{link}\n\n{_LASTS} {_ASKED}\n")


def sign_up(link: str) -> Letter:
    first = "To open your account, choose a password here:"
    return _linked(LinkKind.SIGN_UP, "Open your account", first, link)


def signed_up_already(link: str) -> Letter:
    """Sent to somebody who signs up again. It counts as the same kind: one limit bounds both."""
    text = (
        "Somebody, perhaps you, tried to open an account with this address. It has one already. "
        f"If you have forgotten its password, choose another one here:\n\n{link}\n\n"
        f"{_LASTS} {_ASKED}\n"
    )
    return Letter(LinkKind.SIGN_UP.value, "You have an account already", text)


def verify_email(link: str) -> Letter:
    first = "To confirm that this address is yours, open this and press the button:"
    return _linked(LinkKind.VERIFY_EMAIL, "Confirm your address", first, link)


def change_email(link: str) -> Letter:
    first = "To make this the address of your account, confirm it here:"
    return _linked(LinkKind.CHANGE_EMAIL, "Confirm your new address", first, link)


def address_taken() -> Letter:
    """Sent to an address of one account that somebody tried to put on another."""
    text = (
        "Somebody, perhaps you, tried to put this address on another account. It belongs to an "
        "account already, so nothing was changed.\n"
    )
    return Letter(LinkKind.CHANGE_EMAIL.value, "This address has an account already", text)


def reset_password(link: str) -> Letter:
    first = "To choose another password for your account, open this:"
    return _linked(LinkKind.RESET_PASSWORD, "Choose another password", first, link)


def password_changed() -> Letter:
    text = (
        "The password of your account was changed, and other sessions were ended.\n\n"
        "If that was not you, ask for another password at once, and tell the operator.\n"
    )
    return Letter("password_changed", "Your password was changed", text)


def email_changed() -> Letter:
    """To the address that the account had."""
    text = (
        "Your account has another e-mail address now, and this one is not on it any more.\n\n"
        "If that was not you, tell the operator at once.\n"
    )
    return Letter("email_changed", "Your address was changed", text)
