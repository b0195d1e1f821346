"""What the mails about ways to sign in say."""

from typing import Final

from dml.accounts.identities.models import IdentityKind
from dml.mail.service import Letter

_CALLED: Final = {
    IdentityKind.PASSWORD: "your password",
    IdentityKind.WALLET: "a wallet",
    IdentityKind.OPENID: "an account elsewhere",
    IdentityKind.PASSKEY: "a passkey",
}


def revoked(kind: IdentityKind) -> Letter:
    text = (
        f"Nobody signs in to your account by {_CALLED[kind]} any more that did so before: this way "
        "to sign in was revoked.\n\n"
        "If that was not you, end all sessions that you do not know, and tell the operator of this "
        "marketplace.\n"
    )
    return Letter("way_in_revoked", "A way to sign in to your account was revoked", text)
