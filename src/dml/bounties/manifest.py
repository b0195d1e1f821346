"""What this package brings."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.bounties",
    events=("events",),
    routers=(
        "ranking.routes:router",
        "judging.routes:router",
        "judging.routes:agreements_router",
        "page:router",
        "test_sets.routes:router",
        "submissions.routes:router",
        "routes:router",
        "attachments.routes:router",
        *("enrollments.routes:router", "enrollments.routes:prizes_router"),
    ),
    graphs=("graphql:GRAPH",),
    processes=(
        "lifecycle",
        "processes",
        "submissions.processes",
        "submissions.endings",
        "test_sets.processes",
        "ranking.processes",
    ),
    checks=("doctor:CHECKS",),
    named_files=("queries:NAMED_BLOBS",),
    kept_files=("queries:KEPT_FILES",),
    personal=("personal:PERSONAL",),
)
