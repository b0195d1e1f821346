"""`dml admin users`: find accounts, look at them, suspend and restore them, change roles."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dml.tool.common import (
    AsJson,
    Server,
    Yes,
    confirm,
    find_id,
    show_item,
    show_json,
    show_list,
    signed_in,
)

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace

users = typer.Typer(
    no_args_is_help=True,
    help="Accounts, for admins who are signed in: list, show, suspend, restore, change the role. A "
    "user is named by their e-mail address or their id.",
)
Named = Annotated[str, typer.Argument(metavar="USER", help="Their e-mail address, or their id.")]
Why = Annotated[str, typer.Option("--reason", help="Why. The user can see it.")]
COLUMNS = (
    *(("user", "id"), ("e-mail", "email"), ("role", "role"), ("state", "state")),
    ("since", "created_at"),
)
FIELDS = (
    *(("e-mail", "email"), ("user", "id"), ("role", "role"), ("state", "state")),
    *(("suspended", "suspended_at"), ("because", "suspension_reason")),
    *(("first name", "first_name"), ("last name", "last_name"), ("country", "country")),
    *(("since", "created_at"), ("available", "available"), ("pending", "pending")),
    ("reserved", "reserved"),
)
HELD = (("account", "code"), ("tokens", "balance"))
MOVED = (
    ("when", "created_at"),
    ("what", "code"),
    ("from", "source"),
    ("to", "target"),
    ("tokens", "amount"),
)
_PATH = "/v1/admin/users"


@users.command("list")
def list_users(
    query: Annotated[
        str | None, typer.Option(help="A part of the e-mail address or name, or the id.")
    ] = None,
    role: Annotated[str | None, typer.Option(help="member, moderator or admin.")] = None,
    state: Annotated[str | None, typer.Option(help="active or suspended.")] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """List accounts, newest first."""
    asked = {"query": query, "role": role, "state": state}
    filters = {name: value for name, value in asked.items() if value is not None}
    with signed_in(server) as market:
        show_list(market.all_of(_PATH, **filters), COLUMNS, as_json=as_json)


@users.command("show")
def show(user: Named, server: Server = None, as_json: AsJson = False) -> None:
    """Show an account with its balance, what holds the rest of its tokens, and what moved last."""
    with signed_in(server) as market:
        path = _path(market, user)
        account, books = market.ask("GET", path), market.ask("GET", f"{path}/books")
    if as_json:
        show_json({**account, "books": books})
        return
    show_item({**account, **books["balance"]}, FIELDS, as_json=False)
    for title, columns in (("accounts", HELD), ("transfers", MOVED)):
        typer.echo()
        show_list(books[title], columns, as_json=False)


@users.command("suspend")
def suspend(
    user: Named, reason: Why, server: Server = None, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Suspend an account: its sessions and leases end, its jobs pause, its tokens stay."""
    with signed_in(server) as market:
        path = _path(market, user)
        confirm(f"Suspend {user}?", yes=yes)
        _decided(market.ask("POST", f"{path}/suspend", json={"reason": reason}), as_json)


@users.command("restore")
def restore(user: Named, reason: Why, server: Server = None, as_json: AsJson = False) -> None:
    """Restore a suspended account: it can sign in again."""
    with signed_in(server) as market:
        path = _path(market, user)
        _decided(market.ask("POST", f"{path}/restore", json={"reason": reason}), as_json)


@users.command("remove-photo")
def remove_photo(user: Named, reason: Why, server: Server = None, as_json: AsJson = False) -> None:
    """Delete a user's photo that nobody should see."""
    with signed_in(server) as market:
        market.ask("DELETE", f"{_path(market, user)}/photo", params={"reason": reason})
    if as_json:
        show_json({"removed": True})


@users.command("role")
def change_role(
    user: Named,
    role: Annotated[str, typer.Argument(help="member, moderator or admin.", metavar="ROLE")],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Make somebody a member, a moderator or an admin."""
    with signed_in(server) as market:
        _decided(market.ask("PATCH", _path(market, user), json={"role": role}), as_json)


def _decided(account: dict[str, Any], as_json: bool) -> None:
    show_item(account, FIELDS, as_json=as_json)


def _path(market: "Marketplace", user: str) -> str:
    found = market.all_of(_PATH, query=user)
    return f"{_PATH}/{find_id(found, user, title='email', what='user')}"
