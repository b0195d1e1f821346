"""`dml login --by` and `dml account link`: an account elsewhere, by which you sign in here.

The browser brings a code back to this command, which listens on this machine for it. The code is
good only with a secret that never leaves the command (RFC 8252, RFC 7636).
"""

import hashlib
import secrets
import time
from base64 import urlsafe_b64encode
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import typer

from dml.refused import Refused
from dml.tool.common import AsJson, Server, console, show_item, show_list, signed_in
from dml.tool.passwords import ask_code, ask_proof

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace
    from dml.client.sign_ins import SignIn

WAIT_SECONDS: Final = 600  # As long as the marketplace waits.
COLUMNS: Final = (("provider", "id"), ("name", "name"))
FIELDS: Final = (("by", "kind"), ("since", "created_at"), ("id", "id"))
_PATH: Final = "/v1/sessions/openid"


def list_providers(server: Server = None, as_json: AsJson = False) -> None:
    """List the providers by which you can sign in here: `dml login --by PROVIDER`."""
    from dml.client.marketplace import Marketplace

    with Marketplace(server) as market:
        show_list(market.ask("GET", _PATH)["items"], COLUMNS, as_json=as_json)


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
    opened = market.open_as(provider, _PATH, ask_browser(market, provider), ask_code)
    market.use(opened.access_token, "what it gives as access_token")
    me = market.ask("GET", "/v1/users/me")
    return replace(opened, email=str(me["email"] or me["id"]))


def ask_browser(market: "Marketplace", provider: str) -> dict[str, str]:
    """Have somebody sign in at a provider, and return the code of that with its verifier."""
    verifier, path = secrets.token_urlsafe(48), f"/{secrets.token_urlsafe(16)}"
    hashed = hashlib.sha256(verifier.encode()).digest()
    challenge = urlsafe_b64encode(hashed).decode().rstrip("=")
    with _Listening(path) as listening:
        asked = {"return_to": listening.url, "code_challenge": challenge}
        where = f"{market.url}{_PATH}/{quote(provider, safe='')}?{urlencode(asked)}"
        console(to_stderr=True).print("Open this in your browser, and sign in there:")
        typer.echo(where, err=True)
        told = listening.wait()
    if "code" not in told:
        raise Refused(f"nobody signed in ({told.get('error', 'no code came back')})")
    return {"code": told["code"], "code_verifier": verifier}


class _Listening(HTTPServer):
    """Waits for a browser on this machine alone, at a path that nobody else knows."""

    def __init__(self, path: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.path, self.told = path, dict[str, str]()
        self.url = f"http://127.0.0.1:{self.server_port}{path}"

    def wait(self) -> dict[str, str]:
        until = time.monotonic() + WAIT_SECONDS
        while not self.told and (left := until - time.monotonic()) > 0:
            self.timeout = left
            self.handle_request()
        return self.told


class _Handler(BaseHTTPRequestHandler):
    server: _Listening
    timeout = 5  # Of one that connects and says nothing.

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        is_it = url.path == self.server.path
        if is_it:
            self.server.told = {name: it[0] for name, it in parse_qs(url.query).items()}
        page = b"You can close this page now, and go back to your terminal.\n"
        self.send_response(200 if is_it else 404)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(page) if is_it else 0))
        self.end_headers()
        self.wfile.write(page if is_it else b"")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the code is in the path."""
