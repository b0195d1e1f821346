"""What profiles keep of people: which admin asked for one."""

from typing import Final

from dml.core.personal import Columns, Holding, Personal

_WEEK: Final = "a week, the last 20 of them"

PERSONAL: Final = Personal(
    holdings=(
        Holding(
            "profiles",
            "Where the time or the memory of a process of the marketplace went.",
            _WEEK,
            (
                Columns("id process kind seconds state failure", "Which process, and what came."),
                Columns("requested_by", "The admin who asked for it."),
                Columns("requested_at ends_by started_at ended_at", "When."),
            ),
            whose="requested_by = :user_id",
        ),
        Holding(
            "profile_files",
            "What such a profile showed.",
            _WEEK,
            (
                Columns(
                    "profile_id format gzipped size_bytes",
                    "Names of functions and files of our code, and how often they ran.",
                ),
            ),
        ),
    ),
)
