"""For which domain passkeys are, and which pages may ask for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import ValidationError

from dml.accounts.passkeys.rules import PasskeysNeedAName, has_counted_on, site_of
from dml.core.settings import Settings
from tests.accounts.passkeys.authenticator import Authenticator, add, sign_in, sign_up, to_sign_in
from tests.world import World, problem

APP = "https://app.example.org"


@pytest.mark.parametrize(
    ("base", "domain", "origin"),
    [
        ("http://localhost:8000", "localhost", "http://localhost:8000"),
        ("https://market.example.org", "market.example.org", "https://market.example.org"),
        ("https://Market.Example.org:443/api", "market.example.org", "https://market.example.org"),
        (
            "https://market.example.org:8443",
            "market.example.org",
            "https://market.example.org:8443",
        ),
        ("http://market:80", "market", "http://market"),
    ],
)
def test_it_is_the_host_by_which_we_are_reached(base: str, domain: str, origin: str) -> None:
    site = site_of(base, None, [APP])
    assert (site.relying_party, site.origins) == (domain, (origin, APP))


@pytest.mark.parametrize(
    "base", ["http://127.0.0.1:8000", "http://[::1]:80", "https://203.0.113.7"]
)
def test_an_address_is_no_domain(base: str) -> None:
    with pytest.raises(PasskeysNeedAName):
        site_of(base, None, [])
    assert site_of(base, "example.org", [APP]).relying_party == "example.org"


@pytest.mark.parametrize(
    ("before", "now", "is_fine"),
    [(0, 0, True), (0, 5, True), (5, 6, True), (5, 5, False), (5, 0, False), (2**32 - 1, 0, False)],
)
def test_a_counter_rises_or_is_none(before: int, now: int, *, is_fine: bool) -> None:
    assert has_counted_on(before, now) is is_fine


@pytest.mark.parametrize(
    "wrong",
    [
        {"passkey_relying_party": "127.0.0.1"},
        {"passkey_relying_party": "https://example.org"},
        {"passkey_relying_party": "example.org:443"},
        {"passkey_origins": ["app.example.org"]},
        {"passkey_origins": ["https://app.example.org/"]},
        {"passkey_origins": ["ftp://app.example.org"]},
        {"passkey_origins": ["android:apk-key-hash:short"]},
        {"passkey_relying_party": "example.org", "passkey_origins": ["https://evilexample.org"]},
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(**wrong)


def test_pages_below_the_domain_and_apps_that_it_vouches_for_may_ask() -> None:
    android = f"android:apk-key-hash:{'A' * 43}"
    chosen = Settings(
        passkey_relying_party="example.org",
        passkey_origins=["https://example.org", f"{APP}:8443", android],
    )
    assert android in chosen.passkey_origins


@contextmanager
def set_up(world: World, **settings: Any) -> Iterator[None]:
    state, before = world.app.state, world.parts.settings
    state.settings = before.model_copy(update=settings)
    try:
        yield
    finally:
        state.settings = before


async def test_a_marketplace_without_a_name_says_that_it_needs_one(world: World) -> None:
    ada, held = await world.person(), Authenticator()
    assert (await add(ada, held)).status_code == 201
    signed = held.sign(await to_sign_in(world))
    unnamed = "accounts.passkeys_need_a_name"
    with set_up(world, public_url="https://203.0.113.7"):
        for path in ("/v1/sessions/passkey-challenges", "/v1/users/passkey-challenges"):
            body: Any = {} if "users" in path else None
            told = problem(await world.client.post(path, json=body), 409, unnamed)
            assert "localhost" in told["detail"]
        for path in ("challenges", "proof-challenges"):
            problem(await ada.post(f"/v1/users/me/passkeys/{path}"), 409, unnamed)
    strange = {"Host": "evil.example"}
    answer = await world.client.post("/v1/sessions/passkey-challenges", headers=strange)
    problem(answer, 422, "edge.unknown_host")
    answer = await world.client.post("/v1/sessions/passkey", json={"credential": signed})
    assert answer.status_code == 200, answer.text


async def test_pages_of_a_frontend_on_the_same_domain_may_ask(world: World) -> None:
    chosen = {
        "public_url": "https://api.example.org",
        "passkey_relying_party": "example.org",
        "passkey_origins": [APP],
    }
    held = Authenticator(domain="example.org", origin=APP)
    with set_up(world, **chosen):
        assert (await sign_up(world, held)).status_code == 201
        assert (await sign_in(world, held)).status_code == 200
        held.origin = "https://api.example.org"
        assert (await sign_in(world, held)).status_code == 200
        held.origin = "https://other.example.org"
        problem(await sign_in(world, held), 422, "accounts.passkey_of_another_site")
    # One that was made for another domain is of no use here, and no other is asked for.
    held.origin = APP
    problem(await sign_in(world, held), 422, "accounts.passkey_of_another_site")


async def test_an_operator_closes_the_door_to_new_accounts(world: World) -> None:
    held = Authenticator()
    closed = "accounts.passkey_sign_up_closed"
    before = await world.client.post("/v1/users/passkey-challenges", json={})
    made = held.create(before.json())
    with set_up(world, passkey_sign_up=False):
        answer = await world.client.post("/v1/users/passkey-challenges", json={})
        problem(answer, 403, closed)
        answer = await world.client.post("/v1/users/passkey", json={"credential": made})
        problem(answer, 403, closed)
