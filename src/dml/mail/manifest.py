"""What this package brings."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.mail",
    routers=("routes:router",),
    checks=("doctor:CHECKS",),
    cleaners=("service:forget_old",),
    personal=("personal:PERSONAL",),
)
