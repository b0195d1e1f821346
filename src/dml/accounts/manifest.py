"""What this package brings."""

from typing import Final

from dml.core.domain import Domain

MANIFEST: Final = Domain(
    "dml.accounts",
    tables=(
        *("models", "identities.models", "tokens.models", "recovery.models"),
        *("privacy.models", "openid.models", "factors.models", "passkeys.models"),
        *("agreement.models", "organisations.models"),
    ),
    events=("events", "organisations.events"),
    routers=(
        # Names before any name.
        *("recovery.routes:router", "recovery.page_routes:router", "passkeys.routes:router"),
        *("routes:router", "identities.routes:router", "tokens.routes:router"),
        *("openid.routes:router", "openid.callback_routes:router"),
        *("photos.routes:router", "photos.routes:admin_router", "agreement.routes:router"),
        *("privacy.routes:router", "admin.routes:router", "factors.routes:router"),
        *("organisations.routes:router", "browsers.routes:router"),
    ),
    proofs=("identities.reauthentication", "factors.checks", "openid.checks", "passkeys.checks"),
    processes=("recovery.processes", "privacy.processes", "notices.processes"),
    notices=("notices.own:NOTICES",),
    graphs=("graphql:GRAPH",),
    cleaners=(
        "sessions:forget_expired",
        "tokens.service:forget_expired",
        "recovery.service:forget_expired",
        "openid.service:forget_expired",
        "factors.service:forget_expired",
        "factors.tickets:forget_expired",
        "passkeys.service:forget_expired",
        "privacy.service:forget_expired",
        "organisations.service:forget_expired",
    ),
    named_files=("privacy.queries:NAMED_BLOBS", "photos.queries:NAMED_BLOBS"),
    personal=("personal:PERSONAL",),
)
