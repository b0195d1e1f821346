"""What mail keeps of people."""

from typing import Final

from dml.core.personal import Columns, Holding, Personal

PERSONAL: Final = Personal(
    holdings=(
        Holding(
            "mails",
            "Mail to you, until a server took it; then that it was sent.",
            "30 days; what it says, only until it is sent",
            (
                Columns("id kind recipient", "To which address of yours, about what."),
                Columns("state created_at expires_at due_at ended_at", "When it was sent."),
                Columns("attempts error", "What a mail server answered."),
                Columns("sealed lease_id", "What it says, sealed for workers.", is_secret=True),
            ),
            whose="recipient = :email",
            is_deleted=True,
        ),
    ),
)
