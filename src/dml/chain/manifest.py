"""What this package brings."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.chain",
    events=("events",),
    proofs=("sign_ins.checks",),
    routers=(
        "routes:router",
        "wallets.routes:router",
        "sign_ins.routes:router",
        "deposits.routes:router",
        "withdrawals.routes:router",
        "admin.routes:router",
    ),
    graphs=("graphql:GRAPH",),
    processes=("processes",),
    notices=("notices:NOTICES",),
    checks=("doctor:CHECKS",),
    cleaners=("wallets.service:forget_expired", "sign_ins.service:forget_expired"),
    personal=("personal:PERSONAL",),
)
