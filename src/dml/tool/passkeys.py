"""`dml account passkeys`: keys on your devices by which you sign in."""

from typing import TYPE_CHECKING, Annotated

import typer

from dml.tool.common import AsJson, Server, find_id, show_item, show_list, signed_in
from dml.tool.passwords import ask_proof

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace

passkeys = typer.Typer(
    no_args_is_help=True,
    help="Your passkeys: list, rename, remove. To make or use one takes a browser, on a page of "
    "the marketplace; a program of yours signs in by a token (`dml account tokens`).",
)
COLUMNS = (
    *(("passkey", "id"), ("name", "name"), ("for", "relying_party")),
    *(("backed up", "is_backed_up"), ("since", "created_at"), ("last used", "last_used_at")),
)
Named = Annotated[str, typer.Argument(help="Its id, the end of it, or its name.")]
_PATH = "/v1/users/me/passkeys"


@passkeys.command("list")
def list_passkeys(server: Server = None, as_json: AsJson = False) -> None:
    """List your passkeys, oldest first."""
    with signed_in(server) as market:
        show_list(market.ask("GET", _PATH)["items"], COLUMNS, as_json=as_json)


@passkeys.command("rename")
def rename(
    passkey: Named,
    name: Annotated[str, typer.Argument(help="What you call it from now on.")],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Rename a passkey. The device that holds it calls it as before."""
    with signed_in(server) as market:
        path = f"{_PATH}/{_find(market, passkey)}"
        show_item(market.ask("PATCH", path, json={"name": name}), COLUMNS, as_json=as_json)


@passkeys.command("remove")
def remove(passkey: Named, server: Server = None, as_json: AsJson = False) -> None:
    """Remove a passkey: nobody signs in by it any more. Then list what is left.

    Asks for what proves who you are: see `dml withdraw`. Your last way to sign in stays.
    """
    with signed_in(server) as market:
        path = f"{_PATH}/{_find(market, passkey)}/revoke"
        market.ask("POST", path, json={"proof": ask_proof(market)})
        left = market.ask("GET", _PATH)["items"]
    show_list(left, COLUMNS, as_json=as_json)


def _find(market: "Marketplace", passkey: str) -> str:
    return find_id(market.ask("GET", _PATH)["items"], passkey, title="name", what="passkey")
