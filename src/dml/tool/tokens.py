"""`dml account tokens`: what programs of yours sign in with."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dml.tool.common import AsJson, Server, find_id, show_item, show_list, signed_in

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace

tokens = typer.Typer(
    no_args_is_help=True,
    help="Personal access tokens, for programs of yours: list, create, revoke. A program has it in "
    "`DML_TOKEN`.",
)
COLUMNS = (
    *(("token", "id"), ("name", "name"), ("may", "scopes")),
    *(("expires", "expires_at"), ("last used", "last_used_at")),
)
FIELDS = (("token", "token"), ("id", "id"), ("may", "scopes"), ("expires", "expires_at"))
_PATH = "/v1/users/me/tokens"


@tokens.command("list")
def list_tokens(server: Server = None, as_json: AsJson = False) -> None:
    """List your tokens, newest first."""
    with signed_in(server) as market:
        show_list(market.all_of(_PATH), COLUMNS, as_json=as_json)


@tokens.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[list[str], typer.Option(help="What it may do, such as jobs:read; repeat it.")],
    days: Annotated[int, typer.Option(help="After how many days it expires.")] = 30,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Create a token, and show it, this once.

    Where it may do more than read, asks first for what proves who you are: see `dml withdraw`.
    """
    from dml.tool.passwords import ask_proof

    body: dict[str, Any] = {"name": name, "scopes": scope, "days": days}
    with signed_in(server) as market:
        if any(not it.endswith(":read") for it in scope):
            body["proof"] = ask_proof(market)
        show_item(market.ask("POST", _PATH, json=body), FIELDS, as_json=as_json)


@tokens.command("revoke")
def revoke(
    token: Annotated[str, typer.Argument(help="Its id, the end of it, or its name.")],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Revoke a token: it stops working at once. Then list what is left."""
    with signed_in(server) as market:
        market.ask("DELETE", f"{_PATH}/{_find(market, token)}")
        left = list(market.all_of(_PATH))
    show_list(left, COLUMNS, as_json=as_json)


def _find(market: "Marketplace", token: str) -> str:
    return find_id(market.all_of(_PATH), token, title="name", what="token")
