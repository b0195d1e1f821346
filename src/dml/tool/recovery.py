"""`dml account`: your password and your address, and the links that are mailed to it."""

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qs, urlsplit

import typer

from dml.refused import Refused
from dml.tool.common import AsJson, Server, console, show_json, signed_in
from dml.tool.passwords import ask_password, ask_proof

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace

Link = Annotated[
    str | None,
    typer.Argument(help="The link from the mail, or its token. [default: one is mailed]"),
]


def change_password(server: Server = None, as_json: AsJson = False) -> None:
    """Change your password. Your other sessions end.

    Asks for the old one (or reads `DML_PASSWORD`), or for a code of your authenticator app (or
    `DML_CODE`), and for the new one (or `DML_NEW_PASSWORD`).
    """
    with signed_in(server) as market:
        proof = ask_proof(market)
        new = ask_password(is_new=True, variable="DML_NEW_PASSWORD")
        market.ask("PUT", "/v1/users/me/password", json={"password": new, "proof": proof})
    _say("Your password is changed, and your other sessions are ended.", {}, as_json=as_json)


def reset_password(
    link: Link = None,
    email: Annotated[
        str | None, typer.Option(help="Your address, to which a link is mailed.")
    ] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Choose another password, where you lost yours: by a link that is mailed to you.

    First with `--email`; then with the link. You need not be signed in.
    """
    from dml.client.marketplace import Marketplace

    if (link is None) == (email is None):
        raise typer.BadParameter("name your address with --email, or give the link from the mail")
    with Marketplace(server) as market:
        if link is None:
            _ask_for_mail(market, "password-resets", {"email": email}, as_json=as_json)
            return
        new = ask_password(is_new=True, variable="DML_NEW_PASSWORD")
        body = {"token": token_of(link), "password": new}
        market.ask("POST", "/v1/users/password-resets/confirm", json=body)
    _say("Your password is changed: sign in with `dml login`.", {}, as_json=as_json)


def verify_email(link: Link = None, server: Server = None, as_json: AsJson = False) -> None:
    """Verify that your address is yours: by a link that is mailed to you.

    First without a link; then with it. It also confirms a new address (`dml account change-email`).
    """
    if link is None:
        with signed_in(server) as market:
            _ask_for_mail(market, "me/email-verifications", None, as_json=as_json)
        return
    from dml.client.marketplace import Marketplace

    with Marketplace(server) as market:
        market.ask("POST", "/v1/users/email-confirmations", json={"token": token_of(link)})
    _say("The address is confirmed.", {}, as_json=as_json)


def change_email(
    email: Annotated[str, typer.Argument(help="The new address.")],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Ask to have another address: a link is mailed there, and counts once it is used.

    Asks for your password (or reads `DML_PASSWORD`), or for a code of your authenticator app (or
    `DML_CODE`).
    """
    with signed_in(server) as market:
        proof = ask_proof(market)
        body = {"email": email, "proof": proof}
        _ask_for_mail(market, "me/email-changes", body, as_json=as_json)


def confirm(
    link: Annotated[str, typer.Argument(help="The link from the mail, or its token.")],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Open the account of a mailed link (`dml account create`), and choose its password."""
    from dml.client.marketplace import Marketplace

    with Marketplace(server) as market:
        new = ask_password(is_new=True)
        body = {"token": token_of(link), "password": new}
        made = market.ask("POST", "/v1/users/sign-ups/confirm", json=body)
    _say("Your account is open: sign in with `dml login`.", made, as_json=as_json)


def ask_sign_up(market: "Marketplace", email: str, *, as_json: bool) -> None:
    """Have a link to open an account mailed."""
    told = market.ask("POST", "/v1/users/sign-ups", json={"email": email})
    said = "A link is on its way to {email}: open it, or type `dml account confirm LINK`."
    _say(said, told, as_json=as_json)


def token_of(link: str) -> str:
    """Return the token of a link, or what was typed, where it is one."""
    if "://" not in link:
        return link
    found = parse_qs(urlsplit(link).query).get("token")
    if not found:
        raise Refused("this is no link from a mail of the marketplace: it has no token")
    return found[0]


def _ask_for_mail(market: "Marketplace", path: str, body: Any, *, as_json: bool) -> None:
    told = market.ask("POST", f"/v1/users/{path}", json=body)
    _say(
        "A link is on its way to {email}, if there is a reason to mail one.", told, as_json=as_json
    )


def _say(text: str, told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(told)
        return
    console(to_stderr=True).print(text.format_map(told))
