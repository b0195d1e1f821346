"""`dml account identities`: by what you sign in."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from dml.tool.common import AsJson, Server, Yes, confirm, find_id, show_list, signed_in
from dml.tool.passwords import ask_proof

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace

identities = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="By what you sign in: list it, remove some. What adds one is `dml account link`, "
    "`add-wallet` and `change-password`.",
)
COLUMNS: Final = (
    *(("by", "kind"), ("provider", "provider"), ("address", "address")),
    *(("since", "created_at"), ("id", "id")),
)
_PATH: Final = "/v1/users/me/identities"


@identities.command("list")
def list_identities(server: Server = None, as_json: AsJson = False) -> None:
    """List your ways to sign in, oldest first."""
    with signed_in(server) as market:
        show_list(_mine(market), COLUMNS, as_json=as_json)


@identities.command("remove")
def remove(
    identity: Annotated[
        str, typer.Argument(help="Its id, the end of it, its provider, address or kind.")
    ],
    server: Server = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Remove a way to sign in, for good, and list what is left. The last one stays.

    Asks for what proves who you are: see `dml withdraw`.
    """
    with signed_in(server) as market:
        named = [{**it, "title": _title(it)} for it in _mine(market)]
        found = find_id(named, identity, title="title", what="way to sign in")
        shown = next((it["title"] for it in named if it["id"] == found), found)
        confirm(f"Sign in by {shown} no more?", yes=yes)
        market.ask("POST", f"{_PATH}/{found}/revoke", json={"proof": ask_proof(market)})
        left = _mine(market)
    show_list(left, COLUMNS, as_json=as_json)


def _mine(market: "Marketplace") -> list[dict[str, Any]]:
    """All of them: they always fit on one page."""
    listed: list[dict[str, Any]] = market.ask("GET", _PATH)["items"]
    return listed


def _title(identity: dict[str, Any]) -> str:
    return str(identity["provider"] or identity["address"] or identity["kind"])
