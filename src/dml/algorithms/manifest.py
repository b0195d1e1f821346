"""What this package brings."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.algorithms",
    tables=("models", "cards.models"),
    events=("events",),
    routers=(
        "search.routes:router",  # Before those with an id in the place of its words.
        *("routes:router", "routes:users_router"),
        *("version_routes:router", "version_routes:moderation_router"),
        "page:router",
    ),
    graphs=("graphql:GRAPH",),
    processes=("processes",),
    checks=("doctor:CHECKS",),
    named_files=("queries:NAMED_BLOBS",),
    kept_files=("queries:KEPT_FILES",),
    personal=("personal:PERSONAL",),
)
