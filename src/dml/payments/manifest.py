"""What this package brings."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.payments",
    tables=("models", "debit_limits.models"),
    events=("events",),
    routers=(
        *("debit_limits.routes:router", "routes:router", "routes:admin_router"),
        "organisations.routes:router",
    ),
    graphs=("graphql:GRAPH",),
    checks=("doctor:CHECKS",),
    personal=("personal:PERSONAL",),
)
