"""Making a device of somebody who is signed in: what may be processed, and a code for it."""

from typing import Any, Final

from dml.client.marketplace import Marketplace
from dml.tool import common

KINDS: Final = ("photo",)  # What an agent can prepare for a model.
WHAT_LEAVES: Final = (
    "A model that a moderator approved may then be run over the photos in the folder that you "
    "name. How many have which label, in which month, leaves the device; no photo, name or place "
    "does."
)


def new_code(market: Marketplace, permit: list[str] | None, *, yes: bool) -> dict[str, Any]:
    """A pairing code, once its owner has said what models may process."""
    me = market.ask("GET", "/v1/users/me")
    wanted = sorted({*me["permitted_kinds"], *(permit or ())})
    if not wanted:
        common.console(to_stderr=True).print(WHAT_LEAVES)
        common.confirm("May models process photos on your devices?", yes=yes)
        wanted = list(KINDS)
    if wanted != sorted(me["permitted_kinds"]):
        market.ask("PATCH", "/v1/users/me", json={"permitted_kinds": wanted})
    code: dict[str, Any] = market.ask("POST", "/v1/devices/pairing-codes")
    return code
