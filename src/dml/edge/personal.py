"""What the edge keeps of people."""

from typing import Final

from dml.core.personal import Columns, Holding, Personal

PERSONAL: Final = Personal(
    holdings=(
        Holding(
            "idempotent_answers",
            "So that a request sent twice is done once, and answered alike.",
            "24 hours",
            (
                Columns("user_id key created_at status", "Which request it was."),
                Columns(
                    "request_sha256 headers body",
                    "Its digest, and our answer.",
                    is_secret=True,
                ),
            ),
            whose="user_id = :user_id",
            is_deleted=True,
        ),
    ),
)
