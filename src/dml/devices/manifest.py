"""What this package brings."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.devices",
    routers=("routes:router",),
    cleaners=("service:forget_expired",),
)
