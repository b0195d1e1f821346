"""What the description promises of operations that ask for a proof of who somebody is."""

import json
from pathlib import Path
from typing import Any, Final

from dml.entrypoints.scopes import FOR_SESSIONS

DESCRIPTION: Final = Path(__file__).parents[2] / "docs" / "api" / "openapi.json"
# A token that may move money proves who it is of with each withdrawal; who signs in has none.
WITH_A_TOKEN: Final = {"withdrawals.create", "sessions.confirm"}


def with_a_proof() -> set[str]:
    document: dict[str, Any] = json.loads(DESCRIPTION.read_text())
    schemas = document["components"]["schemas"]
    found = set()
    for path in document["paths"].values():
        for operation in path.values():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            named = (content or {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
            if "proof" in schemas.get(named, {}).get("properties", {}):
                found.add(operation["operationId"])
    return found


def test_what_asks_for_a_proof_takes_no_personal_access_token() -> None:
    """Whoever holds a token of somebody's must not get at their account by a guessed password."""
    found = with_a_proof()
    assert {"users.erase_me", "passwords.set", "identities.revoke"} <= found
    assert found - WITH_A_TOKEN <= FOR_SESSIONS.keys()
