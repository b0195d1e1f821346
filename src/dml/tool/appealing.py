"""How a developer appeals by `dml model appeal`: against what was decided last."""

from typing import Any, Final

from dml.client.marketplace import Marketplace
from dml.refused import Refused

FIELDS: Final = (
    ("appeal", "id"),
    ("algorithm", "algorithm_title"),
    ("version", "version_number"),
    ("against", "decision"),
    ("because", "decided_reason"),
    ("you say", "text"),
    ("state", "state"),
)
COLUMNS: Final = (
    ("appeal", "id"),
    ("against", "decision"),
    ("version", "version_number"),
    ("since", "created_at"),
    ("state", "state"),
    ("resolution", "resolution"),
)


def appeal(market: Marketplace, path: str, text: str) -> dict[str, Any]:
    """Appeal against the suspension of an algorithm, else against what became of a version."""
    body = {"text": text}
    if market.ask("GET", path)["state"] == "suspended":
        suspension: dict[str, Any] = market.ask("POST", f"{path}/appeal", json=body)
        return suspension
    for version in market.all_of(f"{path}/versions"):
        if version["state"] in ("rejected", "recalled"):
            made: dict[str, Any] = market.ask(
                "POST", f"{path}/versions/{version['id']}/appeal", json=body
            )
            return made
    raise Refused("no moderator has rejected, recalled or suspended anything of it")
