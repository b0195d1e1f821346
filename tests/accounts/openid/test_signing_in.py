"""Signing in by a real OpenID provider, from the first request to the tokens."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select, update

from dml.accounts.models import User
from dml.accounts.openid.models import OpenidLogin, OpenidStart
from dml.accounts.openid.rules import challenge_of
from dml.accounts.openid.service import forget_expired
from dml.accounts.sessions import digest
from dml.core.context import Role
from dml.core.ids import new_id
from tests.accounts.factors.authenticator import enroll, finish
from tests.accounts.notices.told import notices, verified
from tests.accounts.openid.browser import APP, VERIFIER, Browser
from tests.world import PASSWORD, Person, World, make_user, problem

PROOF = {"kind": "password", "password": PASSWORD}
LINK = "/v1/users/me/identities/openid"


def somebody(name: str = "ada") -> str:
    return f"{name}-{new_id()}"


async def link(browser: Browser, person: Person, code: str, **more: Any) -> Any:
    body = {"code": code, "code_verifier": VERIFIER, "proof": PROOF, **more}
    return await person.post(LINK, body)


async def test_the_providers_are_listed_by_name(browser: Browser) -> None:
    answer = await browser.ours.get("/v1/sessions/openid")
    assert answer.json()["items"] == [{"id": "openid", "name": "OpenID", "is_proof": True}]


async def test_who_never_came_gets_an_account_without_a_password_and_comes_back_to_it(
    world: World, browser: Browser
) -> None:
    name = somebody()
    tokens = await browser.sign_in(name)
    account = await browser.me(tokens)
    assert account["email"] == f"{name}@example.com"
    assert account["email_verified_at"] is not None
    again = await Browser(world).sign_in(name)
    assert again["user_id"] == tokens["user_id"]
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    listed = await browser.ours.get("/v1/users/me/identities", headers=headers)
    (way,) = listed.json()["items"]
    assert (way["kind"], way["provider"]) == ("openid", "openid")
    assert way["issuer"].startswith("http://127.0.0.1:")
    tried = {"email": account["email"], "password": ""}
    assert (await browser.ours.post("/v1/users/authenticate", json=tried)).status_code in (401, 422)


async def test_the_provider_is_asked_with_pkce_state_and_nonce_and_the_cookie_is_the_browsers_alone(
    world: World, browser: Browser
) -> None:
    answer = await browser.start()
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["response_type"] == ["code"]
    assert asked["redirect_uri"] == ["http://test/openid/openid/callback"]
    assert {"state", "nonce", "code_challenge"} <= asked.keys()
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/openid" in cookie
    assert "Max-Age=600" in cookie
    assert answer.headers["cache-control"] == "no-store"
    # What is kept gives none of it away.
    async with world.parts.sessions() as tx:
        kept = (await tx.scalars(select(OpenidStart))).all()
    secret = browser.ours.cookies["dml_openid"]
    assert digest(secret) in [it.sha256 for it in kept]
    assert secret not in str([vars(it) for it in kept])


async def test_no_token_is_in_a_url_and_the_code_is_good_once(browser: Browser) -> None:
    returned = await browser.back(await browser.go(somebody()))
    assert returned.keys() == {"code"}
    assert (await browser.exchange(returned["code"])).status_code == 200
    problem(await browser.exchange(returned["code"]), 401, "accounts.openid_code_refused")


async def test_a_stolen_code_is_worth_nothing_and_still_its_owners(browser: Browser) -> None:
    code = await browser.code(somebody())
    stolen = await browser.exchange(code, verifier="b" * 43)
    problem(stolen, 401, "accounts.openid_code_refused")
    assert (await browser.exchange(code)).status_code == 200


async def test_a_code_is_good_for_a_minute(world: World, browser: Browser) -> None:
    code = await browser.code(somebody())
    async with world.parts.sessions.begin() as tx:
        before = datetime.now(UTC) - timedelta(seconds=61)
        mine = OpenidLogin.sha256 == digest(code)
        await tx.execute(update(OpenidLogin).where(mine).values(created_at=before))
    problem(await browser.exchange(code), 401, "accounts.openid_code_refused")


async def test_an_address_that_has_an_account_is_linked_by_its_owner_alone(
    world: World, browser: Browser
) -> None:
    name = somebody()
    async with world.parts.sessions.begin() as tx:
        await make_user(tx, name)
    email = f"{name}@example.org"
    async with world.parts.sessions.begin() as tx:  # The provider's are of another domain.
        await tx.execute(
            update_email(email, f"{name}@example.com"),
        )
    refused = await browser.exchange(await browser.code(name))
    problem(refused, 409, "accounts.openid_address_taken")
    body = {"email": f"{name}@example.com", "password": PASSWORD}
    tokens = (await browser.ours.post("/v1/users/authenticate", json=body)).json()
    ada = Person(tokens["user_id"], body["email"], tokens["access_token"], browser.ours)
    answer = await link(browser, ada, await browser.code(name))
    assert answer.status_code == 201, answer.text
    assert answer.json()["kind"] == "openid"
    signed_in = await Browser(world).sign_in(name)
    assert signed_in["user_id"] == tokens["user_id"]
    # The provider has verified the very address of the account.
    assert (await browser.me(signed_in))["email_verified_at"] is not None


def update_email(before: str, after: str) -> Any:
    return update(User).where(User.email == before).values(email=after)


async def test_an_address_that_is_not_verified_there_is_none(
    world: World, browser: Browser
) -> None:
    name = somebody("unverified")
    assert (await browser.me(await browser.sign_in(name)))["email"] is None
    # Linked to an account, it says nothing of that account's address.
    ada, name = await world.person(), somebody("unverified")
    code = await Browser(world).code(name)
    assert (await link(browser, ada, code)).status_code == 201
    assert (await ada.get("/v1/users/me")).json()["email_verified_at"] is None
    assert (await Browser(world).sign_in(name))["user_id"] == str(ada.id)


async def test_a_login_is_one_users_and_unlinked_it_opens_nothing(
    world: World, browser: Browser
) -> None:
    name, ada, bob = somebody(), await verified(world), await world.person()
    linked = await link(browser, ada, await browser.code(name))
    again = await link(browser, ada, await browser.code(name))
    problem(again, 409, "accounts.openid_linked_already")
    others = await link(browser, bob, await browser.code(name))
    problem(others, 409, "accounts.openid_linked_already")
    seen = (await ada.get("/v1/events?types=user.identity_added")).json()["items"]
    assert [it["data"]["method"] for it in seen] == ["openid"]
    (told,) = await notices(world, ada)
    assert f"by an account at {urlsplit(seen[0]['data']['by']).netloc}." in told.text
    path = f"/v1/users/me/identities/{linked.json()['id']}/revoke"
    assert (await ada.post(path, {"proof": PROOF})).status_code == 204
    assert (await browser.sign_in(name))["user_id"] != str(ada.id)


async def test_a_wrong_proof_links_nothing_and_leaves_the_code(
    world: World, browser: Browser
) -> None:
    ada, code = await world.person(), await browser.code(somebody())
    wrong = {"proof": {"kind": "password", "password": "guessed"}}
    problem(await link(browser, ada, code, **wrong), 403, "accounts.wrong_proof")
    assert (await link(browser, ada, code)).status_code == 201


async def test_another_state_is_refused_and_ends_the_sign_in(browser: Browser) -> None:
    url = await browser.go(somebody())
    state = parse_qs(urlsplit(url).query)["state"][0]
    returned = await browser.back(url.replace(state, challenge_of("another")))
    assert returned == {"error": "accounts.openid_state_refused"}
    problem(await browser.ours.get(url), 410, "accounts.openid_start_unknown")


async def test_an_answer_comes_to_the_browser_that_began_and_once(
    world: World, browser: Browser
) -> None:
    url = await browser.go(somebody())
    stranger = Browser(world)
    problem(await stranger.ours.get(url), 410, "accounts.openid_start_unknown")
    cookie = browser.ours.cookies["dml_openid"]
    await browser.back(url)
    assert "dml_openid" not in browser.ours.cookies
    again = await browser.ours.get(url, headers={"cookie": f"dml_openid={cookie}"})
    problem(again, 410, "accounts.openid_start_unknown")


async def test_an_answer_may_take_ten_minutes(world: World, browser: Browser) -> None:
    url = await browser.go(somebody())
    async with world.parts.sessions.begin() as tx:
        await forget_expired(tx, datetime.now(UTC) + timedelta(minutes=9))
    mine = OpenidStart.sha256 == digest(browser.ours.cookies["dml_openid"])
    async with world.parts.sessions.begin() as tx:
        await tx.execute(update(OpenidStart).where(mine).values(expires_at=datetime.now(UTC)))
    problem(await browser.ours.get(url), 410, "accounts.openid_start_unknown")
    async with world.parts.sessions.begin() as tx:
        await forget_expired(tx, datetime.now(UTC))
        assert await tx.scalar(select(OpenidStart).where(mine)) is None


async def test_who_cancels_there_is_told_so_where_they_began(browser: Browser) -> None:
    answer = await browser.start(return_to=f"{APP}?theirs=1")
    state = parse_qs(urlsplit(answer.headers["location"]).query)["state"][0]
    url = f"/openid/openid/callback?error=access_denied&state={state}&more=1"
    returned = await browser.back(url)
    assert returned == {"theirs": "1", "error": "accounts.openid_denied"}


@pytest.mark.parametrize("code", ["rubbish", "x" * 4_000])
async def test_a_code_that_the_provider_did_not_give_is_refused(
    browser: Browser, real: Any, code: str
) -> None:
    answer = await browser.start()
    state = parse_qs(urlsplit(answer.headers["location"]).query)["state"][0]
    issuer = real.providers[0].issuer
    url = f"/openid/openid/callback?code={code}&state={state}&iss={issuer}"
    assert await browser.back(url) == {"error": "accounts.openid_answer_refused"}


async def test_a_code_of_another_sign_in_fails_by_its_verifier(
    world: World, browser: Browser
) -> None:
    """The provider holds a code to the challenge that came with its sign-in."""
    url, thief = await browser.go(somebody()), Browser(world)
    began = await thief.start()
    state = parse_qs(urlsplit(began.headers["location"]).query)["state"][0]
    mine = parse_qs(urlsplit(url).query)["state"][0]
    returned = await thief.back(url.replace(mine, state))
    assert returned == {"error": "accounts.openid_answer_refused"}


async def test_an_answer_of_another_issuer_is_refused(browser: Browser) -> None:
    url = await browser.go(somebody())
    issuer = parse_qs(urlsplit(url).query)["iss"][0]
    assert issuer
    mixed = url.replace("&iss=", "&iss=x")
    assert await browser.back(mixed) == {"error": "accounts.openid_answer_refused"}


@pytest.mark.parametrize(
    "return_to",
    [
        "https://evil.example.org/",
        "https://app.example.org/signed-in/../elsewhere",
        "https://app.example.org.evil.example/signed-in",
        "https://app.example.org@evil.example/signed-in",
        f"{APP}#fragment",
        f"{APP}?code=mine",
        f"{APP}?error=1",
        "javascript:alert(1)",
        "//evil.example.org",
        "https://127.0.0.1/",
        "http://user@127.0.0.1/",
        "http://[::1",
        f"{APP}\\@evil",
        f"{APP}?ü",
    ],
)
async def test_a_browser_is_sent_only_where_the_operator_said(
    browser: Browser, return_to: str
) -> None:
    answer = await browser.start(return_to=return_to)
    problem(answer, 422, "accounts.openid_return_to_refused")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("asked", [{"code_challenge": "short"}, {"fresh": "yes"}, {"more": "1"}])
async def test_what_is_asked_for_wrongly_is_named(browser: Browser, asked: dict[str, str]) -> None:
    assert (await browser.start(**asked)).status_code == 422


async def test_a_provider_that_is_not_set_up_is_none(browser: Browser) -> None:
    missing = await browser.start("google")
    problem(missing, 404, "accounts.openid_provider_not_found")
    problem(
        await browser.ours.get("/openid/google/callback"),
        404,
        "accounts.openid_provider_not_found",
    )


async def test_a_suspended_user_is_told_why(world: World, browser: Browser) -> None:
    name, admin = somebody(), await world.person("admin", Role.ADMIN)
    tokens = await browser.sign_in(name)
    path = f"/v1/admin/users/{tokens['user_id']}/suspend"
    assert (await admin.post(path, {"reason": "for a test"})).status_code == 200
    document = problem(await browser.exchange(await browser.code(name)), 403, "accounts.suspended")
    assert document["why"] == "for a test"


async def test_a_second_factor_is_asked_for_behind_a_provider_too(
    world: World, browser: Browser
) -> None:
    name, ada = somebody(), await world.person()
    assert (await link(browser, ada, await browser.code(name))).status_code == 201
    app = await enroll(world, ada)
    code = await browser.code(name)
    document = problem(await browser.exchange(code), 401, "accounts.second_factor_needed")
    problem(await browser.exchange(code), 401, "accounts.openid_code_refused")  # It is used.
    opened = await finish(world, document["ticket"], await app.proof())
    assert opened.status_code == 200, opened.text
    assert opened.json()["user_id"] == str(ada.id)
