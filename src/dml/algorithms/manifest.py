"""What this package brings."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.algorithms",
    tables=(
        *("models", "cards.models", "moderation.models", "appeals.models", "resumable.models"),
        *("ratings.models", "statistics.models"),
    ),
    events=("events", "ratings.events", "resumable.events"),
    routers=(
        "search.routes:router",  # Before those with an id in the place of its words.
        *("routes:router", "routes:users_router", "version_routes:router"),
        *("resumable.routes:router", "file_links.routes:router"),
        *("announcing.routes:router", "appeals.routes:router"),
        *("moderation.routes:router", "appeals.routes:moderation_router"),
        *("ratings.routes:router", "statistics.routes:router", "demos.routes:router"),
        "page:router",
    ),
    graphs=("graphql:GRAPH", "ratings.graphql:GRAPH"),
    processes=("processes", "resumable.processes"),
    notices=("notices:NOTICES",),
    checks=("doctor:CHECKS",),
    cleaners=("resumable.service:forget_expired",),
    named_files=("queries:NAMED_BLOBS",),
    kept_files=("queries:KEPT_FILES", "resumable.queries:KEPT_FILES"),
    personal=("personal:PERSONAL", "ratings.personal:PERSONAL"),
)
