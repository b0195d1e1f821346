"""The states that a mail can be in."""

from enum import StrEnum


class MailState(StrEnum):
    """`waiting`: for its next attempt; `sent`: a server took it, or it is shown at `/dev/mails`;
    `failed`: it was given up.
    """

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
