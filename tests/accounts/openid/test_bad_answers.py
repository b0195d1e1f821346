"""What a provider says is not believed because it says so."""

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from dml.accounts.openid import calls
from dml.accounts.openid.late import Openid
from dml.accounts.openid.providers import from_settings
from tests.accounts.openid.browser import APP, Browser
from tests.accounts.openid.stand_in import (
    KEY,
    OTHER,
    StandIn,
    Tokens,
    describe,
    is_pkce,
    standing_in,
)
from tests.world import World, problem

REFUSED = {"error": "accounts.openid_answer_refused"}
AWAY = {"error": "accounts.openid_provider_unreachable"}


@pytest.fixture
async def liar(world: World) -> AsyncIterator[StandIn]:
    """The API's only provider: a stand-in."""
    async with standing_in() as stand_in:
        describe(stand_in)
        set_up = world.parts.settings.model_copy(
            update={
                "openid_issuer": stand_in.url,
                "openid_client_id": "market",
                "openid_client_secret": SecretStr("secret"),
                "openid_return_to": [APP],
                "openid_to_loopback": True,
            }
        )
        before = world.app.state.openid
        world.app.state.openid = Openid(from_settings(set_up), set_up)
        yield stand_in
        world.app.state.openid = before


async def told_by(world: World, liar: StandIn, **says: Any) -> dict[str, str]:
    """Sign in at a provider that answers so, and return what the page that began is told."""
    browser = Browser(world)
    asked = _asked(await browser.start(**says.pop("start", {})))
    forged = says.pop("forged", lambda it: it)
    sent = forged(Tokens(asked["nonce"], liar.url, **says).id_token())
    liar.answers["/token"] = lambda it: (
        {"access_token": "a", "token_type": "bearer", "id_token": sent}
        if is_pkce(it, asked["code_challenge"])
        else {"error": "invalid_grant"}
    )
    return dict(await browser.back(f"/openid/openid/callback?code=c&state={asked['state']}"))


def _asked(answer: Any) -> dict[str, str]:
    assert answer.status_code == 303, answer.text
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    return {name: values[0] for name, values in query.items()}


async def test_what_is_right_is_believed(world: World, liar: StandIn) -> None:
    assert (await told_by(world, liar)).keys() == {"code"}
    several = {"aud": ["other", "market"], "azp": "market"}
    assert (await told_by(world, liar, claims=several)).keys() == {"code"}


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://accounts.google.com"},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": ["market", "another"]},
        {"aud": ["market", "another"], "azp": "another"},
        {"azp": "another"},
        {"azp": None},
        {"nonce": "of another sign-in"},
        {"nonce": ...},
        {"nonce": 5},
        {"exp": timedelta(hours=-1)},
        {"exp": "tomorrow"},
        {"exp": True},
        {"exp": 1e300},
        {"exp": ...},
        {"iat": timedelta(hours=1)},
        {"iat": timedelta(hours=-1)},
        {"iat": ...},
        {"sub": ...},
        {"sub": ""},
        {"sub": "x" * 256},
        {"sub": "ádá"},
        {"sub": ["ada"]},
    ],
    ids=str,
)
async def test_claims_that_are_not_for_this_sign_in_are_refused(
    world: World, liar: StandIn, claims: dict[str, Any]
) -> None:
    says = {
        name: time.time() + it.total_seconds() if isinstance(it, timedelta) else it
        for name, it in claims.items()
    }
    assert await told_by(world, liar, claims=says) == REFUSED


async def test_who_had_to_prove_it_anew_must_have_done_so(world: World, liar: StandIn) -> None:
    fresh = {"fresh": "true"}
    assert await told_by(world, liar, start=fresh) == REFUSED
    old = {"auth_time": int(time.time()) - 600}
    assert await told_by(world, liar, start=fresh, claims=old) == REFUSED
    now = {"auth_time": int(time.time())}
    assert (await told_by(world, liar, start=fresh, claims=now)).keys() == {"code"}


def part(it: Any) -> str:
    raw = it if isinstance(it, bytes) else json.dumps(it).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def by_secret(token: str, secret: bytes) -> str:
    """The same claims, but signed with a secret: one that is known to others."""
    signed = f"{part({'alg': 'HS256', 'kid': 'one'})}.{token.split('.')[1]}"
    return f"{signed}.{part(hmac.digest(secret, signed.encode(), 'sha256'))}"


FORGED: Final = {
    "none": lambda it: f"{part({'alg': 'none', 'kid': 'one'})}.{it.split('.')[1]}.",
    "the signature left out": lambda it: it.rpartition(".")[0] + ".",
    "HS256 by the public key": lambda it: by_secret(it, KEY.as_pem(private=False)),
    "HS256 by our secret": lambda it: by_secret(it, b"secret"),
    "other claims": lambda it: ".".join([it.split(".")[0], part({"sub": "eve"}), it.split(".")[2]]),
    "no token": lambda _: "rubbish",
    "no JSON": lambda _: "a.b.c",
    "an endless one": lambda it: it + "x" * 20_000,
}


@pytest.mark.parametrize("how", FORGED)
async def test_no_signature_and_one_by_what_others_have_are_refused(
    world: World, liar: StandIn, how: str
) -> None:
    assert await told_by(world, liar, forged=FORGED[how]) == REFUSED


async def test_a_key_that_is_not_known_is_looked_for_once_a_minute(
    world: World, liar: StandIn
) -> None:
    for _ in range(3):
        assert await told_by(world, liar, header={"kid": "two"}, key=OTHER) == REFUSED
    assert await told_by(world, liar, key=OTHER) == REFUSED  # Another one of that name.
    assert [it.path for it in liar.asked].count("/keys") == 1
    # A minute later it was added, and is found.
    exchange = await world.app.state.openid.exchange()
    (known,) = exchange._known.values()
    known.keys_at -= 61
    both = [it.as_dict(private=False) for it in (KEY, OTHER)]
    liar.answers["/keys"] = lambda _: {"keys": both}
    assert (await told_by(world, liar, header={"kid": "two"}, key=OTHER)).keys() == {"code"}


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"access_token": "a", "token_type": "bearer"},
        {"access_token": 5, "token_type": "bearer", "id_token": "a.b.c"},
        {"error": "invalid_grant"},
        [],
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nrubb",
    ],
    ids=str,
)
async def test_an_answer_that_is_none_is_refused(world: World, liar: StandIn, sent: Any) -> None:
    browser = Browser(world)
    asked = _asked(await browser.start())
    liar.answers["/token"] = lambda _: sent
    back = await browser.back(f"/openid/openid/callback?code=c&state={asked['state']}")
    assert back == REFUSED


ENDLESS = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b" " * (calls.ANSWER_BYTES_MAX + 1)
GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"
ELSEWHERE = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
BROKEN = b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("sent", [None, ENDLESS, GZIP, BROKEN, b"rubbish\r\n\r\n", b""])
async def test_a_provider_that_hangs_or_floods_holds_nobody_up(
    world: World, liar: StandIn, monkeypatch: pytest.MonkeyPatch, sent: bytes | None
) -> None:
    monkeypatch.setattr(calls, "CALL_SECONDS", 0.3)
    browser = Browser(world)
    asked = _asked(await browser.start())
    liar.answers["/token"] = lambda _: sent
    back = await browser.back(f"/openid/openid/callback?code=c&state={asked['state']}")
    assert back == AWAY


@pytest.mark.parametrize("sent", [None, ELSEWHERE, BROKEN, {}, {"issuer": "https://other"}, []])
async def test_a_provider_that_cannot_be_read_is_not_asked_by_everybody_who_waits(
    world: World, liar: StandIn, monkeypatch: pytest.MonkeyPatch, sent: Any
) -> None:
    monkeypatch.setattr(calls, "CALL_SECONDS", 0.3)
    liar.answers["/.well-known/openid-configuration"] = lambda _: sent
    for _ in range(3):
        problem(await Browser(world).start(), 503, "accounts.openid_provider_unreachable")
    assert len(liar.asked) == 1


@pytest.mark.parametrize(
    "url", ["http://example.org/token", "ftp://127.0.0.1/", "/token", None, 5, "https://"]
)
async def test_a_secret_goes_nowhere_in_the_clear(world: World, liar: StandIn, url: Any) -> None:
    describe(liar, token_endpoint=url)
    problem(await Browser(world).start(), 503, "accounts.openid_provider_unreachable")


async def test_users_data_of_somebody_else_are_refused(world: World, liar: StandIn) -> None:
    describe(liar, userinfo_endpoint=f"{liar.url}/me")
    liar.answers["/me"] = lambda _: {"sub": "eve", "email": "e@example.net", "email_verified": True}
    assert await told_by(world, liar, claims={"email": ...}) == REFUSED
    liar.answers["/me"] = lambda _: {"sub": "ada"}
    assert (await told_by(world, liar, claims={"email": ...})).keys() == {"code"}
