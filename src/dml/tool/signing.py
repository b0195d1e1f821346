"""`dml login --wallet` and `dml account add-wallet`: a wallet as a way to sign in."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from dml.refused import Refused
from dml.tool.common import AsJson, Server, show_item, signed_in
from dml.tool.passwords import ask_code, ask_proof, challenge_of, sign

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace
    from dml.client.sign_ins import SignIn

FIELDS: Final = (("by", "kind"), ("address", "address"), ("since", "created_at"), ("id", "id"))
_IDENTITIES: Final = "/v1/users/me/identities"


def open_session(market: "Marketplace", address: str) -> "SignIn":
    """Sign in with a wallet. What is kept of it is called by its address."""
    told = market.ask("POST", "/v1/sessions/wallet-challenges", json={"address": address})
    return market.open_as(address, "/v1/sessions/wallet", sign(told["message"]), ask_code)


def add_wallet(
    address: Annotated[str, typer.Argument(help="The wallet's address, 0x….")],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Let a wallet sign in to your account: shows a message, which the wallet signs.

    Asks first for what proves who you are: see `dml withdraw`.
    """
    with signed_in(server) as market:
        body: dict[str, Any] = {"proof": ask_proof(market)}
        body |= sign(challenge_of(market, address, "sign_in"))
        made = market.ask("POST", f"{_IDENTITIES}/wallets", json=body)
    show_item(made, FIELDS, as_json=as_json)


def require_one(email: str | None, wallet: str | None) -> None:
    if email is not None and wallet is not None:
        raise Refused("sign in with --email or with --wallet, not with both")
