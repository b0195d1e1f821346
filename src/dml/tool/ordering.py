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
    quoted = quote(market, order)
    common.console(to_stderr=True).print(told(algorithm, order, quoted))
    common.confirm(f"Put {quoted['cost']} tokens into escrow?", yes=yes)
    made: dict[str, Any] = market.ask(
        "POST", "/v1/jobs", json={**order, "max_total": quoted["cost"]}
    )
    return made


def quote(market: Marketplace, order: dict[str, Any]) -> dict[str, Any]:
    """What a job would cost, and bring."""
    quoted: dict[str, Any] = market.ask("POST", "/v1/jobs/quotes", json=order)
    return quoted


def told(algorithm: Mapping[str, Any], order: Mapping[str, Any], quoted: Mapping[str, Any]) -> str:
    """A quote, in words."""
    each = [quoted[name] for name in ("reward", "device_fee", "platform_fee")]
    devices = order["max_devices"]
    return (
        f"{one_line(algorithm['title'])}, on up to {devices} devices until {order['deadline']}.\n"
        f"For each result: {each[0]} to the owner, {each[1]} to the developer, {each[2]} to the "
        f"platform.\nIn all at most {quoted['cost']} tokens; what is not spent comes back. Counts "
        f"are shown in steps of {quoted['min_owners']} owners or more, {_noise(quoted)}.\n"
        f"{_crowd(quoted)}{_precision(quoted)}"
    )


def _crowd(quoted: Mapping[str, Any]) -> str:
    """Who could take part, and how soon, in words."""
    crowd, half, most = (quoted[it] for it in ("crowd", "half_in", "most_in"))
    if crowd["counted_at"] is None:
        seen = "How many owners could take part is not known: they were not counted yet."
    elif crowd["at_least"] is None:
        seen = f"Fewer than {crowd['below']} owners who could take part were seen in 30 days."
    elif crowd["below"] is None:
        seen = f"More than {crowd['at_least']} owners who could take part were seen in 30 days."
    else:
        seen = (
            f"About {crowd['at_least']} to {crowd['below']} owners who could take part were seen "
            "in 30 days."
        )
    if not crowd["is_enough"]:
        return f"{seen} In these countries it takes about {crowd['least']}: this would be refused."
    if half["at"] is None:
        return seen
    if most["at"] is None:
        return f"{seen} Half of the answers should be in by {half['at']}."
    return f"{seen} Half of the answers should be in by {half['at']}, most by {most['at']}."


def _precision(quoted: Mapping[str, Any]) -> str:
    """How precise the answer should be, and what it stops at, in words."""
    expected = quoted["expected_precision"]
    if expected is None:
        return ""
    found = (
        f"\nShares of labels should be within {_points(expected['as_ordered'])}, if an owner adds "
        f"{expected['items_of_an_owner']} items; with twice the devices within "
        f"{_points(expected['with_twice_the_devices'])}"
    )
    if expected["with_twice_the_epsilon"] is not None:
        found += f", with twice the epsilon within {_points(expected['with_twice_the_epsilon'])}"
    if quoted["precision"] is not None:
        found += f". It ends as soon as they are within {_points(quoted['precision'])}"
    return f"{found}."


def _points(part: float) -> str:
    return f"{100 * part:.3g} percentage points"


def _noise(quoted: Mapping[str, Any]) -> str:
    """What noise does to the answer, in words."""
    if quoted["epsilon"] is None:
        return "as they are"
    return (
        f"with noise (epsilon {quoted['epsilon']:g}): in the end the total of a label is within "
        f"{quoted['within']} of what was counted, 95 times of 100. An owner adds "
        f"{quoted['max_items']} items at most, of one label alone {quoted['max_norm']}"
    )
