"""`dml account debit-limit`: how much jobs and bounties may take from your balance."""

from typing import Annotated, Any, Final

import typer

from dml.tool.common import AsJson, Server, show_item, signed_in
from dml.tool.passwords import ask_proof

_PATH: Final = "/v1/payments/debit-limit"
NONE: Final = "none"
FIELDS: Final = (
    *(("limit", "limit"), ("taken in 30 days", "taken"), ("left", "left"), ("set", "changed_at")),
)


def debit_limit(
    limit: Annotated[
        str | None,
        typer.Argument(help="How many tokens, or `none`. [default: it is shown]"),
    ] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Show or set the most that jobs and bounties may take from your balance in any 30 days.

    To raise it asks for what proves who you are: see `dml withdraw`.
    """
    from dml.client.marketplace import ApiRefused

    with signed_in(server) as market:
        if limit is None:
            show_item(market.ask("GET", _PATH), FIELDS, as_json=as_json)
            return
        body: dict[str, Any] = {"limit": None if limit == NONE else limit}
        try:
            found = market.ask("PUT", _PATH, json=body)
        except ApiRefused as refusal:
            if refusal.code != "payments.proof_needed":
                raise
            body["proof"] = ask_proof(market)
            found = market.ask("PUT", _PATH, json=body)
        show_item(found, FIELDS, as_json=as_json)
