"""A link to the file of a model: of which version, where nobody says."""

from collections.abc import Iterable
from typing import Any

from dml.client.marketplace import Marketplace
from dml.client.refusals import ApiRefused
from dml.refused import Refused

Made = tuple[dict[str, Any], dict[str, Any]]


def link(market: Marketplace, path: str, number: int | None) -> Made:
    """Make a link to a version of the algorithm at `path`. Return it and the version.

    Without a number it is the newest approved one, else the newest whose file is kept.
    """
    versions: Iterable[dict[str, Any]] = market.all_of(f"{path}/versions")
    if number is not None:
        chosen = next((it for it in versions if it["number"] == number), None)
        if chosen is None:
            raise Refused("it has no such version: `dml model versions` lists those it has")
        return _make(market, path, chosen)
    approved = market.ask("GET", path)["approved_version"]
    if approved is not None:
        return _make(market, path, {**approved, "state": "approved"})
    for it in versions:
        try:
            return _make(market, path, it)
        except ApiRefused as refused:
            if refused.code != "algorithms.file_forgotten":
                raise
    raise Refused("it has no version whose file is kept: `dml model versions` lists those it has")


def _make(market: Marketplace, path: str, version: dict[str, Any]) -> Made:
    return market.ask("POST", f"{path}/versions/{version['id']}/file-links"), version
