"""What this package brings."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.edge",
    tables=("idempotency",),
    routers=("graphql.routes:router",),
    cleaners=("idempotency:forget_old",),
    personal=("personal:PERSONAL",),
)
