"""A browser in which somebody signs in at a provider, and comes back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx2

from dml.accounts.openid.rules import challenge_of
from tests.world import World

APP: Final = "https://app.example.org/signed-in"
VERIFIER: Final = "a-verifier-of-the-tests-that-is-as-long-as-needed"
_ACTION: Final = re.compile(r'action="([^"]+)"')
_PROMPT: Final = re.compile(r'name="prompt" value="([a-z]+)"')
REDIRECTS_MAX: Final = 20


@dataclass
class Browser:
    """It keeps cookies, as another one for each test."""

    world: World
    ours: httpx2.AsyncClient = field(init=False)
    theirs: httpx2.Cookies = field(default_factory=httpx2.Cookies)

    def __post_init__(self) -> None:
        hooks: Any = self.world.client.event_hooks
        transport = self.world.client._transport
        self.ours = httpx2.AsyncClient(
            transport=transport, base_url="http://test", event_hooks=hooks
        )

    async def start(self, provider: str = "openid", **asked: str) -> httpx2.Response:
        query = {"return_to": APP, "code_challenge": challenge_of(VERIFIER), **asked}
        return await self.ours.get(f"/v1/sessions/openid/{provider}", params=query)

    async def go(self, name: str, provider: str = "openid", **asked: str) -> str:
        """Begin, sign in at the provider, and return the URL with which it sends us back."""
        answer = await self.start(provider, **asked)
        assert answer.status_code == 303, answer.text
        return await self.sign_in_there(answer.headers["location"], name)

    async def sign_in_there(self, url: str, name: str) -> str:
        """Fill in the provider's forms until it sends the browser away."""
        async with httpx2.AsyncClient(trust_env=False, cookies=self.theirs) as client:
            back = await self._fill_in(client, url, name)
            self.theirs = client.cookies
        return back

    async def _fill_in(self, client: httpx2.AsyncClient, url: str, name: str) -> str:
        answer = await client.get(url)
        for _ in range(REDIRECTS_MAX):
            if answer.status_code == 200:
                form = _PROMPT.search(answer.text), _ACTION.search(answer.text)
                assert form[0], answer.text
                assert form[1], answer.text
                data = {"prompt": form[0][1], "login": name, "password": "any"}
                answer = await client.post(answer.url.join(form[1][1]), data=data)
                continue
            assert answer.is_redirect, answer.text
            following = answer.url.join(answer.headers["location"])
            if (following.host, following.port) != (answer.url.host, answer.url.port):
                return str(following)
            answer = await client.get(following)
        raise AssertionError("it never ends")

    async def back(self, url: str) -> Mapping[str, str]:
        """Come back to us, and return what the page that began is told."""
        answer = await self.ours.get(url)
        assert answer.status_code == 303, answer.text
        return told(answer.headers["location"])

    async def code(self, name: str, provider: str = "openid", **asked: str) -> str:
        """Sign in at the provider, and return the code for that."""
        return (await self.back(await self.go(name, provider, **asked)))["code"]

    async def exchange(self, code: str, verifier: str = VERIFIER) -> httpx2.Response:
        body = {"code": code, "code_verifier": verifier}
        return await self.ours.post("/v1/sessions/openid", json=body)

    async def sign_in(self, name: str, provider: str = "openid") -> dict[str, Any]:
        """Do all of it, and return the tokens."""
        answer = await self.exchange(await self.code(name, provider))
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    async def me(self, tokens: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        account: dict[str, Any] = (await self.ours.get("/v1/users/me", headers=headers)).json()
        return account


def told(url: str) -> dict[str, str]:
    """What the query of a URL says."""
    assert url.startswith(APP), url
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
