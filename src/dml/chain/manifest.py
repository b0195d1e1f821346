"""What this package brings."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.chain",
    routers=(
        "routes:router",
        "wallet_routes:router",
        "deposit_routes:router",
        "withdrawal_routes:router",
        "admin_routes:router",
    ),
    checks=("doctor:CHECKS",),
    cleaners=("wallets:forget_expired",),
)
