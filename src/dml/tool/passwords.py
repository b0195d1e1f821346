"""How the tool asks for a password, a code or a signature, and for what proves who you are."""

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import typer

from dml.refused import Refused
from dml.tool.browsing import PROVIDERS, ask_browser

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace


def ask_password(*, is_new: bool = False, variable: str = "DML_PASSWORD") -> str:
    """Return the password in a variable of the environment, or what is typed; a new one twice."""
    if named := os.environ.get(variable):
        return named
    if sys.stdin.isatty():
        asked = "New password" if is_new else "Password"
        return str(typer.prompt(asked, hide_input=True, confirmation_prompt=is_new, err=True))
    return sys.stdin.readline().rstrip("\n")


def ask_code() -> str:
    """Return the code in `DML_CODE`, or what is typed: the authenticator app's, or a recovery code.

    Each is good once.
    """
    if named := os.environ.get("DML_CODE"):
        return named
    if sys.stdin.isatty():
        return str(typer.prompt("Code of your authenticator app, or a recovery code", err=True))
    return sys.stdin.readline().rstrip("\n")


def ask_proof(market: "Marketplace") -> dict[str, str]:
    """Return what proves who is signed in: by the second factor where they have one, else by their
    password, else by a wallet or by an account elsewhere by which they sign in. A passkey proves
    it in a browser alone.
    """
    from dml.client.marketplace import ApiRefused
    from dml.client.sign_ins import code_proof

    has_factor = bool(os.environ.get("DML_CODE"))
    if not has_factor:
        with suppress(ApiRefused):  # A token may lack the scope: then the answer will tell.
            has_factor = market.ask("GET", "/v1/users/me/factors")["totp_since"] is not None
    if has_factor:
        return code_proof(ask_code())
    ways = [] if os.environ.get("DML_PASSWORD") else _ways_in(market)
    if not ways or any(it["kind"] == "password" for it in ways):
        return {"kind": "password", "password": ask_password()}
    wallet = next((str(it["address"]) for it in ways if it["kind"] == "wallet"), None)
    if wallet is not None:
        return {"kind": "wallet", **sign(challenge_of(market, wallet, "proof"))}
    if all(it["kind"] == "passkey" for it in ways):
        raise Refused("what you sign in by proves who you are in a browser alone: do this there")
    return {"kind": "openid", **ask_browser(market, _provider(market, ways), fresh=True)}


def sign(message: str) -> dict[str, str]:
    """Show a message, and return it with its signature, which is typed or comes in by a pipe."""
    typer.echo(f"{message}\n", err=True)
    if sys.stdin.isatty():
        signature = str(typer.prompt("Signature of this message", err=True))
    else:
        signature = sys.stdin.readline()
    return {"message": message, "signature": signature.strip()}


def challenge_of(market: "Marketplace", address: str, purpose: str) -> str:
    """Get a message for a wallet to sign."""
    body = {"address": address, "purpose": purpose}
    return str(market.ask("POST", "/v1/wallets/challenges", json=body)["message"])


def _ways_in(market: "Marketplace") -> list[dict[str, Any]]:
    """By what somebody signs in; nothing where a token lacks the scope to tell."""
    from dml.client.marketplace import ApiRefused

    ways: list[dict[str, Any]] = []
    with suppress(ApiRefused):
        ways = market.ask("GET", "/v1/users/me/identities")["items"]
    return ways


def _provider(market: "Marketplace", ways: list[dict[str, Any]]) -> str:
    """The provider at which somebody can prove who they are who has nothing else."""
    proving = {it["id"] for it in market.ask("GET", PROVIDERS)["items"] if it["is_proof"]}
    found = next((str(it["provider"]) for it in ways if it["provider"] in proving), None)
    if found is None:
        raise Refused(
            "nothing by which you sign in can prove now that it is you: choose a password by a "
            "mailed link (`dml account reset-password`)"
        )
    return found
