"""What this package brings."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.chain",
    routers=(
        "routes:router",
        "wallets.routes:router",
        "deposits.routes:router",
        "withdrawals.routes:router",
        "admin.routes:router",
    ),
    checks=("doctor:CHECKS",),
    cleaners=("wallets.service:forget_expired",),
)
