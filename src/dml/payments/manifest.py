"""What this package brings."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.payments",
    routers=("routes:router", "routes:admin_router"),
    checks=("doctor:CHECKS",),
)
