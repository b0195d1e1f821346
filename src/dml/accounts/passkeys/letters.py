"""What the mails about passkeys say."""

from typing import Final

from dml.mail.service import Letter

COUNTER_FELL: Final = "passkey_counter_fell"  # The kind of that mail, by which it is limited.


def counter_fell(name: str) -> Letter:
    """Sent when a passkey says that it was used less often than it had said before."""
    text = (
        f"Somebody used your passkey “{name}”, and was refused: it had counted more uses before. "
        "It may have been copied, or its authenticator was restored from a backup.\n\n"
        "If that was not you, revoke this passkey, and sign in by another way.\n"
    )
    return Letter(COUNTER_FELL, "Your passkey may have been copied", text)
