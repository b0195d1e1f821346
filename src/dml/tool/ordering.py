"""Ordering a job: which algorithm is meant, what it costs, and the order itself."""

from collections.abc import Mapping
from typing import Any

from dml.client.http import one_line
from dml.client.marketplace import Marketplace
from dml.refused import Refused
from dml.tool import common, finding


def find_algorithm(market: Marketplace, named: str) -> dict[str, Any]:
    """The listed algorithm that is meant. Refused where it has no approved version."""
    found = finding.find_id(market, named, states=("listed",), what="listed algorithm")
    algorithm: dict[str, Any] = market.ask("GET", common.path_of("algorithms", found))
    if algorithm["approved_version"] is None:
        raise Refused(f"{algorithm['title']} has no approved version yet, so nobody can order it")
    return algorithm


def create(
    market: Marketplace, algorithm: dict[str, Any], order: dict[str, Any], *, yes: bool
) -> dict[str, Any]:
    """Show the price, ask, and order at that price or not at all."""
    quoted = market.ask("POST", "/v1/jobs/quotes", json=order)
    each = [quoted[name] for name in ("reward", "device_fee", "platform_fee")]
    devices = order["max_devices"]
    common.console(to_stderr=True).print(
        f"{one_line(algorithm['title'])}, on up to {devices} devices until {order['deadline']}.\n"
        f"For each result: {each[0]} to the owner, {each[1]} to the developer, {each[2]} to the "
        f"platform.\nIn all at most {quoted['cost']} tokens; what is not spent comes back. Counts "
        f"are shown in steps of {quoted['min_devices']} owners or more, {_noise(quoted)}."
    )
    common.confirm(f"Put {quoted['cost']} tokens into escrow?", yes=yes)
    made: dict[str, Any] = market.ask(
        "POST", "/v1/jobs", json={**order, "max_total": quoted["cost"]}
    )
    return made


def said(**fields: Any) -> dict[str, Any]:
    """Return what of these a customer said; of the rest the server decides."""
    return {name: value for name, value in fields.items() if value is not None}


def _noise(quoted: Mapping[str, Any]) -> str:
    """What noise does to the answer, in words."""
    if quoted["epsilon"] is None:
        return "as they are"
    return (
        f"with noise (epsilon {quoted['epsilon']:g}): in the end the total of a label is within "
        f"{quoted['within']} of what was counted, 95 times of 100. An owner adds "
        f"{quoted['max_items']} items at most, of one label alone {quoted['max_norm']}"
    )
