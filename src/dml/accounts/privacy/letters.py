"""What the mails say."""

from dml.mail.service import Letter


def export_ready() -> Letter:
    text = (
        "The file with all that is kept of you is ready. Sign in to download it within a week, or "
        "fetch it by `dml account export`.\n\n"
        "If you did not ask for it, change your password at once, and tell the operator.\n"
    )
    return Letter("export_ready", "Your data is ready", text)


def erased() -> Letter:
    """The last mail that a user gets."""
    text = (
        "Your account is erased, as you asked. Nothing that names you is kept, but for this mail's "
        "address, for 30 days.\n\n"
        "If that was not you, tell the operator at once.\n"
    )
    return Letter("account_erased", "Your account is erased", text)
