"""Which scope a personal access token needs for which operation (docs/decisions/0047).

A scope is an area and `read` or `write`. The area is that of the operation's resource; GET reads,
and all else writes. What differs from this is named here, as is what no token may do.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from fastapi.routing import APIRoute

from dml.edge.scopes import ANY, Scope, Scopes

AREAS: Final[Mapping[str, tuple[str, ...]]] = {
    "account": (
        *("users", "sessions", "identities", "tokens"),
        *("passwords", "email_verifications", "email_changes", "data_exports", "photos"),
        *("organisations", "members", "invitations"),
        *("factors", "totp", "recovery_codes", "passkeys", "passkey_challenges"),
    ),
    "models": (
        *("algorithms", "versions", "uploads", "file_links", "developer_agreements"),
        *("appeals", "review_reasons", "ratings", "demos", "device_counts"),
    ),
    "jobs": ("jobs", "job_quotes", "published_jobs"),
    "devices": ("devices", "device_limits", "pairing_codes", "privacy_budget"),
    "bounties": (
        *("bounties", "test_sets", "attachments", "enrollments", "submissions", "disputes"),
        *("leaderboards", "records", "evidence", "pages", "prizes"),
    ),
    "money": (
        *("balance", "debit_limit", "transfers", "wallets", "wallet_challenges", "chain"),
        *("deposits", "deposit_instructions", "withdrawals", "contributions", "distributions"),
    ),
    "events": ("events", "webhooks", "webhook_deliveries"),
    "admin": ("books", "credits", "denied_addresses", "agreements", "processes", "profiles"),
}
OF_ADMINS: Final = ("/v1/admin/", "/v1/moderation/")
OTHERWISE: Final[Mapping[str, str]] = {
    "job_quotes.create": Scope.JOBS_READ,  # It changes nothing.
    "deposit_instructions.create": Scope.MONEY_READ,  # Nor does this.
    "file_links.create": Scope.MODELS_READ,  # It opens what may be read anyway.
    "pages.get_algorithm": Scope.MODELS_READ,
    "pages.list_algorithms": Scope.MODELS_READ,
    "versions.approve": Scope.ADMIN_WRITE,
    "versions.reject": Scope.ADMIN_WRITE,
    "versions.recall": Scope.ADMIN_WRITE,
    "ratings.hide": Scope.ADMIN_WRITE,
    "ratings.restore": Scope.ADMIN_WRITE,
    "demos.create": Scope.MODELS_READ,  # It keeps nothing.
    "demos.create_by_tensor": Scope.MODELS_READ,
}
# Any token may ask for these.
FOR_ANY: Final[Mapping[str, str]] = {
    "graph.ask": "Each field needs the scope of the operation that it asks.",
    "pages.get_graph": "The same, where it is asked for events; else a page to ask it from.",
    "pages.get_home": "A page that shows what everybody may see.",
    "review_reasons.list": "It is the same for everybody.",
}
# No token may ask for these, only who has signed in.
FOR_SESSIONS: Final[Mapping[str, str]] = {
    "tokens.create": "A token could make another one that may do more, or lasts longer.",
    "passwords.set": "Whoever holds a token could keep its owner out.",
    "email_changes.create": "The same: the address is how a lost password comes back.",
    "identities.revoke": "The same.",
    "debit_limit.set": "It is to hold against whoever got hold of a token.",
    "identities.create_openid": "Whoever holds a token could let themselves in for ever.",
    "totp.create": "The same: whoever has the second factor decides who signs in.",
    "totp.confirm": "The same.",
    "totp.revoke": "The same.",
    "recovery_codes.create": "The same.",
    "identities.create_by_wallet": "Whoever holds a token could let themselves in.",
    "wallets.create": "Whoever holds a token could have withdrawals go to a wallet of their own.",
    "wallets.choose_primary": "The same.",
    "wallets.delete": "The same: its owner would have to link another one.",
    "passkeys.create": "The same.",
    "passkeys.revoke": "The same.",
    "passkey_challenges.create": "It is of use to who has signed in alone.",
    "members.update": "Whoever holds a token could take an organisation over.",
    "invitations.create": "The same.",
    "organisations.close": "Whoever holds a token could end an organisation.",
    "contributions.create": "Money moves only with a proof of who it is.",
    "distributions.create": "The same.",
    "users.erase_me": "Whoever holds a token could end its owner's account.",
    "data_exports.get_file": "It holds what all scopes together may read, and more.",
}


def scopes_of(routers: Iterable[Any]) -> Scopes:
    """Return the scope of each operation, where it has one: what has none takes no token."""
    areas = {resource: area for area, named in AREAS.items() for resource in named}
    found: dict[str, str] = {}
    for route in (it for router in routers for it in router.routes if isinstance(it, APIRoute)):
        name = route.operation_id or ""
        if name in FOR_ANY:
            found[name] = ANY
        elif name in OTHERWISE:
            found[name] = OTHERWISE[name]
        elif name not in FOR_SESSIONS:
            resource = name.partition(".")[0]
            area = "admin" if route.path.startswith(OF_ADMINS) else areas.get(resource)
            if area is not None:
                verb = "read" if "GET" in (route.methods or ()) else "write"
                found[name] = Scope(f"{area}:{verb}")
    return found
