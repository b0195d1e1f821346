"""A stand-in of providers' own calls, that answers as a test says: it may lie, or never answer."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from dml.accounts.openid.rules import challenge_of

KEY: Final = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, auto_kid=False)
OTHER: Final = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"}, auto_kid=False)


@dataclass
class Asked:
    path: str
    query: dict[str, str]
    form: dict[str, str]
    headers: dict[str, str]


Answer = Callable[[Asked], Any]


@dataclass
class StandIn:
    """Answers each path with what its function returns: JSON, or bytes that are sent as they are;
    None: never.
    """

    url: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {
                name.lower(): value for name, _, value in (it.partition(": ") for it in head[1:])
            }
            body = (await reader.readexactly(int(headers.get("content-length", "0")))).decode()
            url = urlsplit(head[0].split(" ")[1])
            asked = Asked(url.path, _first(url.query), _first(body), headers)
            self.asked.append(asked)
            told = self.answers[asked.path](asked)
            if told is None:
                await reader.read()  # Until whoever asks hangs up.
                return
            sent = told if isinstance(told, bytes) else _http(told)
            writer.write(sent)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def _first(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


def _http(told: Any, head: str = "HTTP/1.1 200 OK") -> bytes:
    body = json.dumps(told).encode()
    lines = (head, "Content-Type: application/json", f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


@asynccontextmanager
async def standing_in() -> AsyncIterator[StandIn]:
    stand_in = StandIn()
    server = await asyncio.start_server(stand_in.serve, "127.0.0.1", 0)
    stand_in.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield stand_in
    server.close()


@dataclass
class Tokens:
    """What an OpenID provider's id_token says; a test changes what it likes."""

    nonce: str
    issuer: str
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    key: Any = field(default_factory=lambda: KEY)

    def id_token(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": "market",
            "sub": "ada",
            "nonce": self.nonce,
            "iat": now,
            "exp": now + 300,
            "email": "ada@example.net",
            "email_verified": False,
            **self.claims,
        }
        header = {"alg": "RS256", "kid": "one", **self.header}
        claims = {name: it for name, it in claims.items() if it is not ...}
        return jwt.encode(header, claims, self.key, algorithms=[header["alg"]])


def describe(stand_in: StandIn, **more: Any) -> None:
    """Have it be an OpenID provider, as far as its description and its keys go."""
    description = {
        "issuer": stand_in.url,
        "authorization_endpoint": f"{stand_in.url}/authorize",
        "token_endpoint": f"{stand_in.url}/token",
        "jwks_uri": f"{stand_in.url}/keys",
        **more,
    }
    stand_in.answers["/.well-known/openid-configuration"] = lambda _: description
    stand_in.answers["/keys"] = lambda _: {"keys": [KEY.as_dict(private=False)]}


def is_pkce(asked: Asked, challenge: str) -> bool:
    """Whether a code was asked for with the verifier of this challenge."""
    return challenge_of(asked.form["code_verifier"]) == challenge
