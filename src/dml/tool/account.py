"""`dml login`, `logout`, `whoami` and `dml account`: who you are at a marketplace."""

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dml.refused import Refused
from dml.tool import debit_limit, openid, privacy, profile, recovery, signing
from dml.tool.agreement import CURRENT, agreement, state_of
from dml.tool.common import AsJson, Server, console, show_item, show_json, show_list, signed_in
from dml.tool.factors import factors
from dml.tool.identities import identities
from dml.tool.passkeys import passkeys
from dml.tool.passwords import ask_code, ask_password
from dml.tool.photo import photo
from dml.tool.sessions import sessions
from dml.tool.tokens import tokens

if TYPE_CHECKING:
    from dml.client.sign_ins import SignIn

account = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Your account: create it, show it, change your profile, see where you are signed in.",
)
account.add_typer(sessions, name="sessions")
account.command("confirm")(recovery.confirm)
account.command("add-wallet")(signing.add_wallet)
account.command("change-password")(recovery.change_password)
account.command("reset-password")(recovery.reset_password)
account.command("change-email")(recovery.change_email)
account.command("verify-email")(recovery.verify_email)
account.command("debit-limit")(debit_limit.debit_limit)
account.command("export")(privacy.export)
account.command("erase")(privacy.erase)
account.add_typer(photo, name="photo")
account.add_typer(agreement, name="agreement")
account.command("profile")(profile.show)
account.add_typer(tokens, name="tokens")
account.command("providers")(openid.list_providers)
account.command("link")(openid.link)
account.add_typer(factors, name="factors")
account.add_typer(identities, name="identities")
account.add_typer(passkeys, name="passkeys")
Email = Annotated[str | None, typer.Option(help="Your e-mail address. [default: you are asked]")]
FIELDS = (
    ("e-mail", "email"),
    ("verified", "email_verified_at"),
    ("user", "id"),
    ("role", "role"),
    ("first name", "first_name"),
    ("last name", "last_name"),
    ("country", "country"),
    ("photo", "photo_url"),
    ("devices may process", "permitted_kinds"),
    ("shows prizes", "shows_prizes"),
    ("developer agreement", "agreed"),
    ("since", "created_at"),
)


By = Annotated[
    str | None,
    typer.Option(help="By an account elsewhere, in your browser: see `dml account providers`."),
]


def login(
    server: Server = None,
    email: Email = None,
    by: By = None,
    wallet: Annotated[
        str | None, typer.Option(help="A wallet's address: it signs a message, shown to you.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Sign in, and stay signed in on this machine until `dml logout`.

    Asks for the password, or reads it from `DML_PASSWORD`, or from standard input where that is no
    terminal; and for a code where you have an authenticator app (or reads `DML_CODE`). What is kept
    is a session, not the password, in `~/.config/dml`, for you alone. With several accounts, the
    one that signed in last counts, or the one that `DML_AS` names.

    With `--wallet`, a wallet signs instead; one that has no account here gets one.
    """
    from dml.client.marketplace import Marketplace
    from dml.client.sign_ins import SignIns

    kept = SignIns()
    with Marketplace(server, sign_ins=kept) as market:
        if by is not None:
            opened = openid.open_session(market, by)
        elif wallet is not None:
            signing.require_one(email, wallet)
            opened = signing.open_session(market, wallet)
        else:
            opened = market.open_session(email or _ask_email(), ask_password(), ask_code)
        with kept.held():
            kept.keep(opened)
    _say(opened, "You are signed in to {server} as {email}.", as_json=as_json)


def logout(server: Server = None, as_json: AsJson = False) -> None:
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
    _say(found, "{email} has signed out of {server}.", as_json=as_json)


def whoami(server: Server = None, as_json: AsJson = False) -> None:
    """Say who you are, and where."""
    with signed_in(server) as market:
        me = market.ask("GET", "/v1/users/me")
    if as_json:
        show_json({"server": market.url, **me})
        return
    typer.echo(f"{me['email'] or me['id']} ({me['role']}) at {market.url}")


@account.command("create")
def create(server: Server = None, email: Email = None, as_json: AsJson = False) -> None:
    """Create an account, and sign in to it.

    Where accounts are opened by mail, a link is on its way then: `dml account confirm LINK`.
    """
    from dml.client.marketplace import ApiRefused, Marketplace
    from dml.client.sign_ins import SignIns

    kept = SignIns()
    with Marketplace(server, sign_ins=kept) as market:
        address = email or _ask_email()
        password = ask_password(is_new=True)
        try:
            market.ask("POST", "/v1/users", json={"email": address, "password": password})
        except ApiRefused as refusal:
            if refusal.code != "accounts.sign_up_by_mail":
                raise
            recovery.ask_sign_up(market, address, as_json=as_json)
            return
        opened = market.open_session(address, password)
        with kept.held():
            kept.keep(opened)
    _say(opened, "Created, and signed in to {server} as {email}.", as_json=as_json)


@account.command("list")
def list_accounts(as_json: AsJson = False) -> None:
    """List the accounts that are signed in here; the last one counts, or the one in `DML_AS`."""
    from dml.client.sign_ins import SignIns

    listed = [_shown(it) for it in SignIns().all()]
    show_list(listed, (("e-mail", "email"), ("at", "server"), ("user", "id")), as_json=as_json)


@account.command("show")
def show(server: Server = None, as_json: AsJson = False) -> None:
    """Show your account."""
    with signed_in(server) as market:
        me = market.ask("GET", "/v1/users/me")
        agreed = None if as_json else state_of(market.ask("GET", CURRENT))
    _show_me(me, as_json=as_json, agreed=agreed)


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
    show_prizes: Annotated[
        bool | None,
        typer.Option("--show-prizes/--hide-prizes", help="Whether everybody sees what you won."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change your profile. What you leave out stays as it is."""
    told = {"first_name": first_name, "last_name": last_name, "country": country, "bio": bio}
    changes = {name: value for name, value in told.items() if value is not None}
    body: dict[str, Any] = changes | ({} if permit is None else {"permitted_kinds": permit})
    if show_prizes is not None:
        body["shows_prizes"] = show_prizes
    if not body:
        raise typer.BadParameter("say what to change: see --help")
    with signed_in(server) as market:
        me = market.ask("PATCH", "/v1/users/me", json=body)
    _show_me(me, as_json=as_json)


def _show_me(me: dict[str, Any], *, as_json: bool, agreed: str | None = None) -> None:
    if as_json:
        show_json(me)
        return
    photo_url = me["photo"] and me["photo"]["url"]
    show_item({**me, "photo_url": photo_url, "agreed": agreed}, FIELDS, as_json=False)


def _shown(kept: "SignIn") -> dict[str, str]:
    """A session without its tokens."""
    return {"email": kept.email, "server": kept.server, "id": kept.user_id}


def _say(kept: "SignIn", text: str, *, as_json: bool) -> None:
    if as_json:
        show_json(_shown(kept))
        return
    console(to_stderr=True).print(text.format_map(_shown(kept)))


def _ask_email() -> str:
    if named := os.environ.get("DML_EMAIL"):
        return named
    if not sys.stdin.isatty():
        raise Refused("who are you? Name your address with --email")
    return str(typer.prompt("E-mail", err=True))
