"""GitHub and Facebook are OAuth 2 and no OpenID: each is asked by its own calls."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from dml.accounts.openid.late import Openid
from dml.accounts.openid.providers import from_settings
from dml.core.ids import new_id
from tests.accounts.openid.browser import APP, Browser
from tests.accounts.openid.stand_in import StandIn, is_pkce, standing_in
from tests.world import World

TOKEN = {"access_token": "theirs", "token_type": "bearer", "scope": "user:email"}


@pytest.fixture
async def theirs(world: World) -> AsyncIterator[StandIn]:
    """The API's providers, as their settings make them; but it is a stand-in that answers."""
    set_up = world.parts.settings.model_copy(
        update={
            "github_client_id": "market",
            "github_client_secret": SecretStr("secret"),
            "facebook_client_id": "market",
            "facebook_client_secret": SecretStr("secret"),
            "openid_return_to": [APP],
            "openid_to_loopback": True,
        }
    )
    async with standing_in() as stand_in:
        providers = [
            replace(it, token_url=f"{stand_in.url}/token", api_url=stand_in.url)
            for it in from_settings(set_up)
        ]
        before = world.app.state.openid
        world.app.state.openid = Openid(providers, set_up)
        yield stand_in
        world.app.state.openid = before


async def come_back(world: World, theirs: StandIn, provider: str) -> tuple[Browser, dict[str, str]]:
    browser = Browser(world)
    url = urlsplit((await browser.start(provider)).headers["location"])
    asked = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert url.scheme == "https"
    assert asked["client_id"] == "market"
    assert asked["redirect_uri"] == f"http://test/openid/{provider}/callback"
    assert "nonce" not in asked
    theirs.answers["/token"] = lambda it: (
        TOKEN if is_pkce(it, asked["code_challenge"]) else {"error": "bad_verification_code"}
    )
    back = await browser.back(f"/openid/{provider}/callback?code=c&state={asked['state']}")
    return browser, dict(back)


def github(theirs: StandIn, who: Any, emails: Any) -> None:
    theirs.answers["/user"] = lambda _: {"id": who, "login": "ada", "email": "wrong@example.org"}
    theirs.answers["/user/emails"] = lambda _: emails


async def test_github_tells_an_address_by_a_call_of_its_own(world: World, theirs: StandIn) -> None:
    email = f"Ada-{new_id()}@example.org"
    emails = [
        {"email": "old@example.org", "primary": False, "verified": True},
        {"email": email, "primary": True, "verified": True},
    ]
    github(theirs, 583_231, emails)
    browser, back = await come_back(world, theirs, "github")
    tokens = (await browser.exchange(back["code"])).json()
    account = await browser.me(tokens)
    assert account["email"] == email.lower()
    assert account["email_verified_at"] is not None
    assert {it.path for it in theirs.asked} == {"/token", "/user", "/user/emails"}
    assert theirs.asked[-1].headers["authorization"] == "Bearer theirs"
    github(theirs, 583_231, [])  # Another address there is the same person here.
    browser, back = await come_back(world, theirs, "github")
    assert (await browser.exchange(back["code"])).json()["user_id"] == tokens["user_id"]


@pytest.mark.parametrize(
    "emails",
    [
        [],
        [{"email": "a@example.org", "primary": True, "verified": False}],
        [{"email": "a@example.org", "primary": True, "verified": "yes"}],
        [{"email": "no address", "primary": True, "verified": True}],
        [{"primary": True, "verified": True}, 5],
    ],
)
async def test_an_address_that_github_has_not_verified_is_none(
    world: World, theirs: StandIn, emails: Any
) -> None:
    github(theirs, int(new_id()) % 10**12, emails)
    browser, back = await come_back(world, theirs, "github")
    tokens = (await browser.exchange(back["code"])).json()
    assert (await browser.me(tokens))["email"] is None


@pytest.mark.parametrize(("who", "emails"), [(None, []), (True, []), ("", []), (1, {"a": 1})])
async def test_what_github_would_not_say_is_refused(
    world: World, theirs: StandIn, who: Any, emails: Any
) -> None:
    github(theirs, who, emails)
    _, back = await come_back(world, theirs, "github")
    assert back == {"error": "accounts.openid_answer_refused"}


async def test_facebook_says_who_it_is_and_nothing_of_an_address(
    world: World, theirs: StandIn
) -> None:
    who = str(int(new_id()) % 10**15)
    theirs.answers["/me"] = lambda _: {"id": who, "email": "ada@example.org"}
    browser, back = await come_back(world, theirs, "facebook")
    tokens = (await browser.exchange(back["code"])).json()
    assert (await browser.me(tokens))["email"] is None
    proof = hmac.new(b"secret", b"theirs", hashlib.sha256).hexdigest()
    assert theirs.asked[-1].query == {"fields": "id", "appsecret_proof": proof}
    browser, back = await come_back(world, theirs, "facebook")
    assert (await browser.exchange(back["code"])).json()["user_id"] == tokens["user_id"]
