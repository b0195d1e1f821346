"""What this package brings."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.bounties",
    routers=(
        "board_routes:router",
        "judging_routes:router",
        "judging_routes:agreements_router",
        "page:router",
        "test_set_routes:router",
        "submission_routes:router",
        "routes:router",
        "attachment_routes:router",
        "enrollment_routes:router",
    ),
    processes=(
        "moving",
        "processes",
        "submission_processes",
        "submission_endings",
        "test_set_processes",
        "ranking_processes",
    ),
    checks=("doctor:CHECKS",),
    named_files=("queries:NAMED_BLOBS",),
    kept_files=("queries:KEPT_FILES",),
)
