"""What this package brings."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.feed",
    tables=("webhooks.models",),
    routers=("routes:router", "webhooks.routes:router"),
    graphs=("graphql:GRAPH",),
    events=("webhooks.events",),
    notices=("webhooks.notices:NOTICES",),
    checks=("doctor:CHECKS",),
    cleaners=("webhooks.service:forget_old",),
    personal=("personal:PERSONAL",),
)
