"""What this package brings."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.devices",
    events=("events",),
    routers=("routes:router", "routes:versions_router"),
    graphs=("graphql:GRAPH",),
    notices=("notices:NOTICES",),
    cleaners=("service:forget_expired",),
    personal=("personal:PERSONAL",),
)
