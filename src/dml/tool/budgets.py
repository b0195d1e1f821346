"""Your privacy budget, as you look at it and set it."""

from typing import Any, Final

from dml.client.marketplace import Marketplace

FIELDS: Final = (
    ("in 30 days at most", "epsilon"),
    ("you set that", "is_own"),
    ("paused", "paused"),
    ("spent", "spent"),
    ("reserved", "reserved"),
    ("left for a job", "left"),
    ("exact answers too", "allows_exact"),
)
_BUDGET: Final = "/v1/privacy/budget"
_LIMITS: Final = "/v1/devices/limits"


def settle(
    market: Marketplace, *, epsilon: float | None, pause: bool | None, exact: bool | None
) -> dict[str, Any]:
    """Change what is named, and leave the rest as it is. Return how it stands."""
    standing: dict[str, Any] = market.ask("GET", _BUDGET)
    limits: dict[str, Any] = market.ask("GET", _LIMITS)
    if epsilon is not None or pause is not None:
        own = standing["epsilon"] if standing["is_own"] else None
        said = {
            "epsilon": own if epsilon is None else epsilon,
            "paused": standing["paused"] if pause is None else pause,
        }
        standing = market.ask("PUT", _BUDGET, json=said)
    if exact is not None:
        limits = market.ask("PUT", _LIMITS, json={**limits, "allows_exact": exact})
    return {**standing, "allows_exact": limits["allows_exact"]}
