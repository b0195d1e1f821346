"""What this package brings."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.algorithms",
    tables=("models", "resumable.models"),
    events=("events", "resumable.events"),
    routers=(
        "search.routes:router",  # Before those with an id in the place of its words.
        *("routes:router", "routes:users_router"),
        *("version_routes:router", "version_routes:moderation_router"),
        *("resumable.routes:router", "file_links.routes:router"),
    ),
    graphs=("graphql:GRAPH",),
    processes=("processes", "resumable.processes"),
    checks=("doctor:CHECKS",),
    cleaners=("resumable.service:forget_expired",),
    named_files=("queries:NAMED_BLOBS",),
    kept_files=("queries:KEPT_FILES", "resumable.queries:KEPT_FILES"),
    personal=("personal:PERSONAL",),
)
