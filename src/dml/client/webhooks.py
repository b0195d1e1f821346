"""The signature of webhooks (standardwebhooks.com), by which who is called knows who calls."""

import base64
import binascii
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from standardwebhooks import Webhook

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
SECRET_BYTES_MIN: Final = 24  # As the specification has it, and the longest, too.
SECRET_BYTES_MAX: Final = 64


def new_secret() -> str:
    """Make a secret that nobody can guess."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def is_secret(text: str) -> bool:
    """Whether this is a secret as the specification writes one."""
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return text.startswith(PREFIX) and SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX


def signed(signing: Iterable[str], event_id: str, moment: datetime, body: bytes) -> dict[str, str]:
    """The headers of a call with this event, signed by each of these secrets."""
    text = body.decode()
    signatures = [Webhook(it).sign(event_id, moment, text) for it in signing]
    return {
        "content-type": "application/json",
        "user-agent": "dml-webhooks",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
