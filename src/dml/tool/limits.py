"""What your devices refuse, as you look at it and change it."""

from collections.abc import Sequence
from typing import Any, Final

from dml.client.marketplace import Marketplace
from dml.refused import Refused

FIELDS: Final = (
    ("refused labels", "refused_labels"),
    ("refused developers", "refused_developers"),
    ("refused jobs", "refused_jobs"),
    ("refused countries", "refused_countries"),
    ("epsilon of a job at most", "max_epsilon"),
    ("exact answers too", "allows_exact"),
)
LISTS: Final = {
    "label": "refused_labels",
    "developer": "refused_developers",
    "job": "refused_jobs",
    "country": "refused_countries",
}
_PATH: Final = "/v1/devices/limits"


def change(
    market: Marketplace,
    *,
    refuse: Sequence[str],
    accept: Sequence[str],
    max_epsilon: float | None,
    any_epsilon: bool,
) -> dict[str, Any]:
    """Change what is named (`label=passport`), and leave the rest. Return how it stands."""
    limits: dict[str, Any] = market.ask("GET", _PATH)
    said = {**limits}
    for name, value in map(_read, refuse):
        said[name] = [*(it for it in said[name] if it != value), value]
    for name, value in map(_read, accept):
        said[name] = [it for it in said[name] if it != value]
    if any_epsilon or max_epsilon is not None:
        said["max_epsilon"] = None if any_epsilon else max_epsilon
    if said == limits:
        return limits
    changed: dict[str, Any] = market.ask("PUT", _PATH, json=said)
    return changed


def _read(typed: str) -> tuple[str, str]:
    kind, _, value = typed.partition("=")
    if kind not in LISTS or not value:
        kinds = ", ".join(f"{it}=…" for it in LISTS)
        raise Refused(f"{typed!r} is nothing that devices refuse; type one of {kinds}")
    return LISTS[kind], value
