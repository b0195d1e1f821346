"""`dml account sessions`: where you are signed in."""

from typing import TYPE_CHECKING, Annotated

import typer

from dml.tool.common import AsJson, Server, find_id, show_list, signed_in

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace

sessions = typer.Typer(
    no_args_is_help=True, help="Where you are signed in: list the sessions, end some."
)
COLUMNS = (
    *(("session", "id"), ("device", "device"), ("network", "network")),
    *(("since", "created_at"), ("last used", "last_used_at"), ("this one", "is_current")),
)
_PATH = "/v1/users/me/sessions"


@sessions.command("list")
def list_sessions(server: Server = None, as_json: AsJson = False) -> None:
    """List where you are signed in, newest first."""
    with signed_in(server) as market:
        show_list(market.all_of(_PATH), COLUMNS, as_json=as_json)


@sessions.command("end")
def end(
    session: Annotated[
        str | None, typer.Argument(help="Its id, or the end of it.", metavar="ID")
    ] = None,
    all_others: Annotated[
        bool, typer.Option("--all", help="End all but the one of this command.")
    ] = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """End a session, such as of a device that was lost, or all others; then list what is left."""
    if all_others == (session is not None):
        raise typer.BadParameter("name a session, or end all others with --all")
    with signed_in(server) as market:
        path = _PATH if session is None else f"{_PATH}/{_find(market, session)}"
        market.ask("DELETE", path)
        left = list(market.all_of(_PATH))
    show_list(left, COLUMNS, as_json=as_json)


def _find(market: "Marketplace", session: str) -> str:
    return find_id(market.all_of(_PATH), session, title="device", what="session")
