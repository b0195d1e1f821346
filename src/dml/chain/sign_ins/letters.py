"""What the mails about wallets say."""

from dml.mail.service import Letter


def wallet_added(address: str) -> Letter:
    text = (
        f"The wallet {address} can sign in to your account from now on.\n\n"
        "If that was not you, change your password at once, which ends all other sessions, and "
        "revoke this way to sign in.\n"
    )
    return Letter("wallet_added", "A wallet can sign in to your account", text)
