"""What the mails about second factors say."""

from typing import Final

from dml.mail.service import Letter

_NOT_YOU: Final = (
    "If that was not you, choose another password at once, and tell the operator of this "
    "marketplace.\n"
)
WRONG_CODES: Final = "wrong_codes"  # The kind of that mail, by which it is limited.


def app_added() -> Letter:
    text = (
        "An authenticator app was added to your account: signing in asks for its code from now "
        f"on.\n\n{_NOT_YOU}"
    )
    return Letter("factor_added", "An authenticator app was added", text)


def app_removed() -> Letter:
    text = (
        "The authenticator app was removed from your account, with its recovery codes: your "
        f"password alone signs you in now.\n\n{_NOT_YOU}"
    )
    return Letter("factor_removed", "Your authenticator app was removed", text)


def codes_renewed() -> Letter:
    text = f"Your account has new recovery codes, and the old ones are void.\n\n{_NOT_YOU}"
    return Letter("recovery_codes_renewed", "You have new recovery codes", text)


def code_used(left: int) -> Letter:
    text = (
        f"A recovery code of your account was used; {left} are left. Make new ones before they run "
        f"out.\n\n{_NOT_YOU}"
    )
    return Letter("recovery_code_used", "A recovery code was used", text)


def wrong_codes() -> Letter:
    """Sent when somebody gave the right password, and then wrong codes only."""
    text = (
        "Somebody tried to sign in to your account with the right password, and did not know the "
        f"code of your authenticator app.\n\n{_NOT_YOU}"
    )
    return Letter(WRONG_CODES, "Somebody knows your password", text)
