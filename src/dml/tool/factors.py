"""`dml account factors`: an authenticator app, and recovery codes."""

from typing import Annotated, Any

import typer

from dml.tool.common import AsJson, Server, console, show_item, show_json, signed_in
from dml.tool.passwords import ask_proof

factors = typer.Typer(
    no_args_is_help=True,
    help="What is asked for besides your password: an authenticator app, and recovery codes.",
)
FIELDS = (("authenticator app since", "totp_since"), ("recovery codes left", "recovery_codes_left"))
NEW = (("secret", "secret"), ("for a QR code", "uri"), ("confirm until", "expires_at"))
_ME = "/v1/users/me"


@factors.command("show")
def show(server: Server = None, as_json: AsJson = False) -> None:
    """Show whether you have an authenticator app, and how many recovery codes are left."""
    with signed_in(server) as market:
        show_item(market.ask("GET", f"{_ME}/factors"), FIELDS, as_json=as_json)


@factors.command("enroll")
def enroll(server: Server = None, as_json: AsJson = False) -> None:
    """Get a secret for an authenticator app. It counts once you have confirmed it.

    Give the app the secret, or the URI as a QR code; then type `dml account factors confirm CODE`.
    """
    with signed_in(server) as market:
        made = market.ask("POST", f"{_ME}/totp", json={"proof": ask_proof(market)})
        show_item(made, NEW, as_json=as_json)


@factors.command("confirm")
def confirm(
    code: Annotated[str, typer.Argument(help="The six digits that the app shows now.")],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Confirm the app by its first code, and get recovery codes: keep them apart from it."""
    with signed_in(server) as market:
        _show(market.ask("POST", f"{_ME}/totp/confirm", json={"code": code}), as_json=as_json)


@factors.command("recovery-codes")
def renew(server: Server = None, as_json: AsJson = False) -> None:
    """Get new recovery codes. The old ones are void."""
    with signed_in(server) as market:
        body = {"proof": ask_proof(market)}
        _show(market.ask("POST", f"{_ME}/recovery-codes", json=body), as_json=as_json)


@factors.command("remove")
def remove(server: Server = None, as_json: AsJson = False) -> None:
    """Remove the app, by a code of it or a recovery code: your password alone signs you in then."""
    with signed_in(server) as market:
        market.ask("POST", f"{_ME}/totp/revoke", json={"proof": ask_proof(market)})
        show_item(market.ask("GET", f"{_ME}/factors"), FIELDS, as_json=as_json)


def _show(made: dict[str, Any], *, as_json: bool) -> None:
    """Show recovery codes, each in a line."""
    if as_json:
        show_json(made)
        return
    typer.echo("\n".join(made["recovery_codes"]))
    console(to_stderr=True).print("Each signs you in once, without the app: keep them safe.")
