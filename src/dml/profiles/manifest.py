"""What this package brings."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.profiles",
    events=("events",),
    routers=("routes:router",),
    graphs=("graphql:GRAPH",),
    cleaners=("service:forget_old",),
    personal=("personal:PERSONAL",),
)
