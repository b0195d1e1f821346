"""What a personal access token may do: each operation has one scope, or a reason why not
(docs/decisions/0047). Which has which is said in `entrypoints/scopes.py`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from fastapi import Request

from dml.core.context import Actor
from dml.core.errors import Forbidden


class Scope(StrEnum):
    """A part of what its user may do. No scope lets anybody do more than their role does."""

    ACCOUNT_READ = "account:read"
    ACCOUNT_WRITE = "account:write"
    MODELS_READ = "models:read"
    MODELS_WRITE = "models:write"
    JOBS_READ = "jobs:read"
    JOBS_WRITE = "jobs:write"
    DEVICES_READ = "devices:read"
    DEVICES_WRITE = "devices:write"
    BOUNTIES_READ = "bounties:read"
    BOUNTIES_WRITE = "bounties:write"
    MONEY_READ = "money:read"
    MONEY_WRITE = "money:write"
    EVENTS_READ = "events:read"
    EVENTS_WRITE = "events:write"
    ADMIN_READ = "admin:read"
    ADMIN_WRITE = "admin:write"


ANY: Final = "any"  # Of an operation that every token may ask for.
Scopes = Mapping[str, str]  # Operation → its scope, or `ANY`; none: only a session may.


class OutOfScope(Forbidden):
    code = "edge.out_of_scope"
    reason = "This personal access token may not do that."
    remedy = "Use one that has `scope`; or sign in, which is the only way where `scope` is `null`."
    scope: str | None


def scope_of(request: Request, scopes: Scopes) -> str | None:
    """Return the scope of the operation that a request asks for."""
    return scopes.get(getattr(request.scope.get("route"), "operation_id", None) or "")


def require_scope(actor: Actor, scope: str | None) -> None:
    """Refuse a personal access token that lacks this scope. Who has a session may do all."""
    if actor.scopes is not None and scope != ANY and scope not in actor.scopes:
        raise OutOfScope(scope=scope)
