"""`dml login`, `logout`, `whoami` and `dml account`: who you are at a marketplace."""

import os
import sys
from typing import Annotated

import typer

from dml.refused import Refused
from dml.tool.common import AsJson, Server, console, show_item, show_json, show_list, signed_in

account = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Your account: create it, show it, change your profile.",
)
Email = Annotated[str | None, typer.Option(help="Your e-mail address. [default: you are asked]")]
FIELDS = (
    ("e-mail", "email"),
    ("user", "id"),
    ("role", "role"),
    ("first name", "first_name"),
    ("last name", "last_name"),
    ("country", "country"),
    ("devices may process", "permitted_kinds"),
    ("since", "created_at"),
)


def login(server: Server = None, email: Email = None) -> None:
    """Sign in, and stay signed in on this machine until `dml logout`.

    Asks for the password, or reads it from `DML_PASSWORD`, or from standard input where that is no
    terminal. What is kept is a session, not the password, in `~/.config/dml`, for you alone. With
    several accounts, the one that signed in last counts, or the one that `DML_AS` names.
    """
    from dml.client.marketplace import Marketplace
    from dml.client.sign_ins import SignIns

    kept = SignIns()
    with Marketplace(server, sign_ins=kept) as market:
        opened = market.open_session(email or _ask_email(), ask_password())
        with kept.held():
            kept.keep(opened)
    console(to_stderr=True).print(f"You are signed in to {opened.server} as {opened.email}.")


def logout(server: Server = None) -> None:
    """Sign out: the session ends here and at the marketplace."""
    from dml.client.marketplace import Marketplace
    from dml.client.sign_ins import SignIns

    kept = SignIns()
    with Marketplace(server, sign_ins=kept) as market, kept.held():
        found = kept.find(market.url)
        if found is None:
            raise Refused(f"you are not signed in to {market.url}")
        kept.forget(found)
        market.ask("POST", "/v1/users/logout", json={"refresh_token": found.refresh_token})
    console(to_stderr=True).print(f"{found.email} has signed out of {market.url}.")


def whoami(server: Server = None, as_json: AsJson = False) -> None:
    """Say who you are, and where."""
    with signed_in(server) as market:
        me = market.ask("GET", "/v1/users/me")
    if as_json:
        show_json({"server": market.url, **me})
        return
    typer.echo(f"{me['email']} ({me['role']}) at {market.url}")


@account.command("create")
def create(server: Server = None, email: Email = None) -> None:
    """Create an account, and sign in to it."""
    from dml.client.marketplace import Marketplace
    from dml.client.sign_ins import SignIns

    kept = SignIns()
    with Marketplace(server, sign_ins=kept) as market:
        address = email or _ask_email()
        password = ask_password(is_new=True)
        market.ask("POST", "/v1/users", json={"email": address, "password": password})
        opened = market.open_session(address, password)
        with kept.held():
            kept.keep(opened)
    console(to_stderr=True).print(f"Created, and signed in to {opened.server} as {opened.email}.")


@account.command("list")
def list_accounts(as_json: AsJson = False) -> None:
    """List the accounts that are signed in here; the last one counts, or the one in `DML_AS`."""
    from dml.client.sign_ins import SignIns

    listed = [{"email": it.email, "server": it.server, "id": it.user_id} for it in SignIns().all()]
    show_list(listed, (("e-mail", "email"), ("at", "server"), ("user", "id")), as_json=as_json)


@account.command("show")
def show(server: Server = None, as_json: AsJson = False) -> None:
    """Show your account."""
    with signed_in(server) as market:
        show_item(market.ask("GET", "/v1/users/me"), FIELDS, as_json=as_json)


@account.command("set")
def edit(
    server: Server = None,
    first_name: Annotated[str | None, typer.Option(help="Your given name.")] = None,
    last_name: Annotated[str | None, typer.Option(help="Your family name.")] = None,
    country: Annotated[str | None, typer.Option(help="Two letters, such as PT.")] = None,
    bio: Annotated[str | None, typer.Option(help="What you tell about yourself.")] = None,
    permit: Annotated[
        list[str] | None,
        typer.Option(help="A kind of data that models may process on your devices; repeat it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change your profile. What you leave out stays as it is."""
    told = {"first_name": first_name, "last_name": last_name, "country": country, "bio": bio}
    changes = {name: value for name, value in told.items() if value is not None}
    body = changes | ({} if permit is None else {"permitted_kinds": permit})
    if not body:
        raise typer.BadParameter("say what to change: see --help")
    with signed_in(server) as market:
        show_item(market.ask("PATCH", "/v1/users/me", json=body), FIELDS, as_json=as_json)


def _ask_email() -> str:
    if named := os.environ.get("DML_EMAIL"):
        return named
    if not sys.stdin.isatty():
        raise Refused("who are you? Name your address with --email")
    return str(typer.prompt("E-mail", err=True))


def ask_password(*, is_new: bool = False) -> str:
    if named := os.environ.get("DML_PASSWORD"):
        return named
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=is_new, err=True))
    return sys.stdin.readline().rstrip("\n")
