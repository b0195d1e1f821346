"""What this package brings."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.accounts",
    routers=("routes:router", "routes:admin_router"),
    cleaners=("sessions:forget_expired",),
)
