"""How a command has somebody sign in at a provider, in their browser.

The browser brings a code back to the command, which listens on this machine for it. The code is
good only with a secret that never leaves the command (RFC 8252, RFC 7636).
"""

import hashlib
import secrets
import time
from base64 import urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import typer

from dml.refused import Refused
from dml.tool.common import console

if TYPE_CHECKING:
    from dml.client.marketplace import Marketplace

WAIT_SECONDS: Final = 600  # As long as the marketplace waits.
PROVIDERS: Final = "/v1/sessions/openid"


def ask_browser(market: "Marketplace", provider: str, *, fresh: bool = False) -> dict[str, str]:
    """Have somebody sign in at a provider, and return the code of that with its verifier.

    `fresh`: they have to type their password there again, so that it is a proof of who they are.
    """
    verifier, path = secrets.token_urlsafe(48), f"/{secrets.token_urlsafe(16)}"
    hashed = hashlib.sha256(verifier.encode()).digest()
    challenge = urlsafe_b64encode(hashed).decode().rstrip("=")
    with _Listening(path) as listening:
        asked = {"return_to": listening.url, "code_challenge": challenge}
        asked |= {"fresh": "true"} if fresh else {}
        where = f"{market.url}{PROVIDERS}/{quote(provider, safe='')}?{urlencode(asked)}"
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
