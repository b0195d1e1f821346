"""`dml login --by` and `dml account link`: an account elsewhere, by which you sign in here."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Final

import typer

from dml.tool.browsing import PROVIDERS, ask_browser
from dml.tool.common import AsJson, Server, show_item, show_list, signed_in
from dml.tool.passwords import ask_code, ask_proof

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace
    from dml.client.sign_ins import SignIn

COLUMNS: Final = (("provider", "id"), ("name", "name"))
FIELDS: Final = (("by", "kind"), ("provider", "provider"), ("since", "created_at"), ("id", "id"))


def list_providers(server: Server = None, as_json: AsJson = False) -> None:
    """List the providers by which you can sign in here: `dml login --by PROVIDER`."""
    from dml.client.marketplace import Marketplace

    with Marketplace(server) as market:
        show_list(market.ask("GET", PROVIDERS)["items"], COLUMNS, as_json=as_json)


def link(
    provider: Annotated[str, typer.Argument(help="As `dml account providers` lists it.")],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Sign in by an account elsewhere, too.

    Asks for what proves who you are (see `dml withdraw`), and has you sign in there by
    your browser.
    """
    with signed_in(server) as market:
        proof = ask_proof(market)
        body = {**ask_browser(market, provider), "proof": proof}
        added = market.ask("POST", "/v1/users/me/identities/openid", json=body)
        show_item(added, FIELDS, as_json=as_json)


def open_session(market: "Marketplace", provider: str) -> "SignIn":
    """Have somebody sign in at a provider, and return their new session here."""
    opened = market.open_as(provider, PROVIDERS, ask_browser(market, provider), ask_code)
    market.use(opened.access_token, "what it gives as access_token")
    me = market.ask("GET", "/v1/users/me")
    return replace(opened, email=str(me["email"] or me["id"]))
