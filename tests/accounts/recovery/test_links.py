"""Links in mails: each used once, by who reads that mailbox, and by no program that opens it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import text, update

from dml.accounts.recovery.models import Link
from dml.accounts.recovery.service import digest
from dml.core.ids import new_id
from tests.accounts.recovery.mailbox import (
    STRONG,
    last_token,
    letters,
    somebody,
    token_in,
    url_in,
    work,
)
from tests.accounts.test_tokens import with_token
from tests.world import PASSWORD, Person, World, problem

USERS = "/v1/users"
PROOF = {"kind": "password", "password": PASSWORD}


async def ask(world: World, path: str, **body: Any) -> httpx2.Response:
    return await world.client.post(f"{USERS}/{path}", json=body)


async def sign_in(world: World, email: str, password: str) -> int:
    return (await ask(world, "authenticate", email=email, password=password)).status_code


async def reset_token(world: World, email: str) -> str:
    assert (await ask(world, "password-resets", email=email)).status_code == 202
    return await last_token(world, email.lower())


@contextmanager
def settings_of(world: World, **changes: Any) -> Iterator[None]:
    """Have the API decide by these settings meanwhile."""
    before = world.parts.settings
    world.app.state.settings = before.model_copy(update=changes)
    try:
        yield
    finally:
        world.app.state.settings = before


async def types_of(person: Person) -> list[str]:
    return [it["type"] for it in await person.events(types="user.*")]


async def expire(world: World, token: str) -> None:
    gone = update(Link).where(Link.sha256 == digest(token))
    async with world.parts.sessions.begin() as tx:
        await tx.execute(gone.values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))


# Passwords


async def test_who_lost_the_password_chooses_another_by_mail(world: World) -> None:
    ada = await world.person()
    by_token = await with_token(world, ada)
    token = await reset_token(world, ada.email.upper())
    done = await ask(world, "password-resets/confirm", token=token, password=STRONG)
    assert done.status_code == 204, done.text
    assert [await sign_in(world, ada.email, it) for it in (PASSWORD, STRONG)] == [401, 200]
    assert (await ada.get("/v1/users/me")).status_code == 401  # Every session ended.
    assert (await by_token.get("/v1/users/me")).status_code == 401  # And every token.
    kinds = [it.kind for it in await letters(world, ada.email)]
    assert kinds == ["reset_password", "password_changed"]
    again = await ask(world, "password-resets/confirm", token=token, password=STRONG + "!")
    problem(again, 410, "accounts.link_used")
    assert await sign_in(world, ada.email, STRONG) == 200


async def test_a_link_is_kept_as_a_digest_alone(world: World) -> None:
    ada = await world.person()
    token = await reset_token(world, ada.email)
    async with world.parts.sessions() as tx:
        for table in ("account_links", "mails"):
            rows = await tx.execute(text(f"SELECT it::text FROM {table} it"))
            kept = " ".join(rows.scalars())
            assert token not in kept
            assert token.encode().hex() not in kept


async def test_two_who_use_a_link_at_once_use_it_once(world: World) -> None:
    ada = await world.person()
    token = await reset_token(world, ada.email)
    both = (f"{STRONG} one", f"{STRONG} two")
    answers = await asyncio.gather(
        *(ask(world, "password-resets/confirm", token=token, password=it) for it in both)
    )
    assert sorted(it.status_code for it in answers) == [204, 410]
    assert sorted([await sign_in(world, ada.email, it) for it in both]) == [200, 401]


async def test_a_link_that_is_too_old_does_nothing(world: World) -> None:
    ada = await world.person()
    token = await reset_token(world, ada.email)
    await expire(world, token)
    answer = await ask(world, "password-resets/confirm", token=token, password=STRONG)
    problem(answer, 410, "accounts.link_expired")
    assert await sign_in(world, ada.email, PASSWORD) == 200


async def test_a_link_is_for_one_thing_alone(world: World) -> None:
    ada = await world.person()
    token = await reset_token(world, ada.email)
    for path, body in (
        ("email-confirmations", {}),
        ("sign-ups/confirm", {"password": STRONG}),
    ):
        problem(await ask(world, path, token=token, **body), 404, "accounts.link_unknown")
    made_up = await ask(world, "password-resets/confirm", token="x" * 43, password=STRONG)
    problem(made_up, 404, "accounts.link_unknown")


async def test_a_changed_password_makes_mailed_links_void(world: World) -> None:
    ada = await world.person()
    token = await reset_token(world, ada.email)
    body = {"password": STRONG, "proof": PROOF}
    other = (await ask(world, "authenticate", email=ada.email, password=PASSWORD)).json()
    assert (await ada.put(f"{USERS}/me/password", body)).status_code == 204
    answer = await ask(world, "password-resets/confirm", token=token, password=STRONG + "!")
    problem(answer, 410, "accounts.link_used")
    # The session that asked goes on, and no other.
    assert (await ada.get(f"{USERS}/me")).status_code == 200
    refused = await ask(world, "refresh", refresh_token=other["refresh_token"])
    problem(refused, 401, "accounts.bad_refresh_token")
    assert [await sign_in(world, ada.email, it) for it in (PASSWORD, STRONG)] == [401, 200]
    assert "user.password_changed" in await types_of(ada)
    assert [it.kind for it in await letters(world, ada.email)][-1] == "password_changed"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"proof": {"kind": "password", "password": "wrong"}}, 403, "accounts.wrong_proof"),
        ({"password": "password"}, 422, "accounts.weak_password"),
        ({"password": "short"}, 422, "http.422"),
        ({"proof": None}, 422, "http.422"),
    ],
)
async def test_no_password_changes_by_less(
    world: World, body: dict[str, Any], status: int, code: str
) -> None:
    ada = await world.person()
    sent = {"password": STRONG, "proof": PROOF} | body
    problem(await ada.put(f"{USERS}/me/password", sent), status, code)
    assert await sign_in(world, ada.email, PASSWORD) == 200


# Addresses


async def test_an_address_is_verified_by_its_link(world: World) -> None:
    ada = await world.person()
    assert (await ada.get(f"{USERS}/me")).json()["email_verified_at"] is None
    asked = await ada.post(f"{USERS}/me/email-verifications")
    assert (asked.status_code, asked.json()) == (202, {"email": ada.email})
    token = await last_token(world, ada.email)
    assert (await ask(world, "email-confirmations", token=token)).status_code == 204
    assert (await ada.get(f"{USERS}/me")).json()["email_verified_at"] is not None
    assert "user.email_verified" in await types_of(ada)
    problem(await ask(world, "email-confirmations", token=token), 410, "accounts.link_used")
    again = await ada.post(f"{USERS}/me/email-verifications")
    problem(again, 409, "accounts.verified_already")


async def test_an_address_changes_once_the_new_one_confirms_and_the_old_one_is_told(
    world: World,
) -> None:
    ada, new = await world.person(), somebody()
    body = {"email": new.replace("ada", "Ada"), "proof": PROOF}
    assert (await ada.post(f"{USERS}/me/email-changes", body)).status_code == 202
    token = await last_token(world, new)
    assert [await sign_in(world, it, PASSWORD) for it in (ada.email, new)] == [200, 401]
    assert (await ask(world, "email-confirmations", token=token)).status_code == 204
    assert [await sign_in(world, it, PASSWORD) for it in (ada.email, new)] == [401, 200]
    me = (await ada.get(f"{USERS}/me")).json()
    assert (me["email"], me["email_verified_at"] is not None) == (new, True)
    assert [it.kind for it in await letters(world, ada.email)] == ["email_changed"]
    assert "user.email_changed" in await types_of(ada)


async def test_a_link_for_an_address_that_changed_meanwhile_does_nothing(world: World) -> None:
    ada, new = await world.person(), somebody()
    await ada.post(f"{USERS}/me/email-verifications")
    verification = await last_token(world, ada.email)
    reset = await reset_token(world, ada.email)
    await ada.post(f"{USERS}/me/email-changes", {"email": new, "proof": PROOF})
    change = await last_token(world, new)
    assert (await ask(world, "email-confirmations", token=change)).status_code == 204
    for path, token, more in (
        ("email-confirmations", verification, {}),
        ("password-resets/confirm", reset, {"password": STRONG}),
    ):
        problem(await ask(world, path, token=token, **more), 410, "accounts.link_used")


async def test_of_several_new_addresses_the_last_one_is_meant(world: World) -> None:
    ada, first, second = await world.person(), somebody(), somebody()
    tokens = []
    for it in (first, second):
        await ada.post(f"{USERS}/me/email-changes", {"email": it, "proof": PROOF})
        tokens.append(await last_token(world, it))
    answers = [await ask(world, "email-confirmations", token=it) for it in tokens]
    assert [it.status_code for it in answers] == [410, 204]


async def test_an_address_that_somebody_took_meanwhile_is_not_taken_again(world: World) -> None:
    ada, bob, new = await world.person(), await world.person(), somebody()
    tokens = []
    for it in (ada, bob):
        await it.post(f"{USERS}/me/email-changes", {"email": new, "proof": PROOF})
        tokens.append(await last_token(world, new))
    answers = await asyncio.gather(*(ask(world, "email-confirmations", token=it) for it in tokens))
    assert sorted(it.status_code for it in answers) == [204, 409]


async def test_an_address_of_another_account_hears_of_it_and_nobody_else(world: World) -> None:
    ada, bob = await world.person(), await world.person()
    body = {"email": bob.email, "proof": PROOF}
    asked = await ada.post(f"{USERS}/me/email-changes", body)
    assert (asked.status_code, asked.json()) == (202, {"email": bob.email})
    await work(world)
    (letter,) = await letters(world, bob.email)
    assert "http" not in letter.text
    same = await ada.post(f"{USERS}/me/email-changes", body | {"email": ada.email.title()})
    problem(same, 422, "accounts.same_address")
    wrong = {"email": somebody(), "proof": PROOF | {"password": "wrong"}}
    answer = await ada.post(f"{USERS}/me/email-changes", wrong)
    problem(answer, 403, "accounts.wrong_proof")


# Signing up


async def test_an_account_is_opened_by_its_link(world: World) -> None:
    email = somebody()
    asked = await ask(world, "sign-ups", email=email.title())
    assert (asked.status_code, asked.json()["email"].lower()) == (202, email)
    token = await last_token(world, email)
    assert await sign_in(world, email, STRONG) == 401
    made = await ask(world, "sign-ups/confirm", token=token, password=STRONG)
    assert made.status_code == 201, made.text
    assert (made.json()["email"], made.json()["role"]) == (email, "member")
    assert made.json()["email_verified_at"] is not None
    assert made.headers["location"] == f"/v1/users/{made.json()['id']}"
    assert await sign_in(world, email, STRONG) == 200
    again = await ask(world, "sign-ups/confirm", token=token, password=STRONG)
    problem(again, 410, "accounts.link_used")


async def test_two_links_of_one_address_open_one_account(world: World) -> None:
    email, tokens = somebody(), []
    for _ in range(2):
        await ask(world, "sign-ups", email=email)
        tokens.append(await last_token(world, email))
    answers = await asyncio.gather(
        *(ask(world, "sign-ups/confirm", token=it, password=STRONG) for it in tokens)
    )
    assert sorted(it.status_code for it in answers) == [201, 409]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Ada-{}@Example.org", "ada-{}@example.ORG"),
        ("jos\u00e9-{}@example.org", "jose\u0301-{}@example.org"),
        ("ada-{}@b\u00fccher.example.org", "ada-{}@xn--bcher-kva.example.org"),
    ],
)
async def test_an_address_in_another_case_or_form_is_the_same(
    world: World, first: str, second: str
) -> None:
    some = str(new_id())
    written = [it.format(some) for it in (first, second)]
    made = await world.client.post(USERS, json={"email": written[0], "password": STRONG})
    assert made.status_code == 201, made.text
    await ask(world, "sign-ups", email=written[1])
    await work(world)
    told = [it.subject for it in await letters(world, made.json()["email"])]
    assert told == ["You have an account already"]


async def test_where_accounts_are_opened_by_mail_none_is_opened_at_once(
    world: World,
) -> None:
    """No answer then tells who has one."""
    ada = await world.person()
    with settings_of(world, sign_up_by_mail=True):
        for email in (ada.email, somebody()):
            answer = await world.client.post(USERS, json={"email": email, "password": STRONG})
            problem(answer, 403, "accounts.sign_up_by_mail")
    unset = world.parts.settings.model_copy(update={"sign_up_by_mail": None})
    assert unset.opens_by_mail
    assert not unset.model_copy(update={"smtp_host": None}).opens_by_mail


async def test_where_no_mail_leaves_none_is_promised(world: World) -> None:
    ada = await world.person()
    with settings_of(world, smtp_host=None):
        for path in ("sign-ups", "password-resets"):
            problem(await ask(world, path, email=ada.email), 409, "accounts.no_mail")
        body = {"email": somebody(), "proof": PROOF}
        problem(await ada.post(f"{USERS}/me/email-changes", body), 409, "accounts.no_mail")
        # What does not need it is done without.
        set_anew = await ada.put(f"{USERS}/me/password", {"password": STRONG, "proof": PROOF})
        assert set_anew.status_code == 204


async def test_a_link_leads_only_to_a_name_of_ours(world: World) -> None:
    ada = await world.person()
    evil = {"host": "evil.example"}
    answer = await world.client.post(
        f"{USERS}/password-resets", json={"email": ada.email}, headers=evil
    )
    problem(answer, 422, "edge.unknown_host")
    await reset_token(world, ada.email)
    (letter,) = await letters(world, ada.email)
    assert url_in(letter).startswith("http://test/links?token=")


# Pages


async def test_a_program_that_opens_links_uses_nothing_up(world: World) -> None:
    ada = await world.person()
    await ask(world, "password-resets", email=ada.email)
    await work(world)
    url = url_in((await letters(world, ada.email))[-1])
    for method in ("GET", "HEAD", "GET"):
        assert (await world.client.request(method, url)).status_code == 200
    page = await world.client.get(url)
    assert "form-action 'self'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "<script" not in page.text
    typed = {"token": token_in((await letters(world, ada.email))[-1]), "password": STRONG}
    other = await world.client.post("/links", data=typed | {"again": STRONG + "!"})
    assert (other.status_code, "passwords are not the same" in other.text) == (422, True)
    done = await world.client.post("/links", data=typed | {"again": STRONG})
    assert done.status_code == 200, done.text
    assert "Your password is changed" in done.text
    assert await sign_in(world, ada.email, STRONG) == 200
    for answer in (
        await world.client.get(url),
        await world.client.post("/links", data=typed | {"again": STRONG}),
    ):
        problem(answer, 410, "accounts.link_used")


async def test_the_page_of_an_address_needs_a_button_alone(world: World) -> None:
    ada = await world.person()
    await ada.post(f"{USERS}/me/email-verifications")
    url = url_in((await letters(world, ada.email))[-1])
    page = await world.client.get(url)
    assert 'type="password"' not in page.text
    done = await world.client.post("/links", data={"token": url.rpartition("=")[2]})
    assert "Your address is confirmed" in done.text
    assert (await ada.get(f"{USERS}/me")).json()["email_verified_at"] is not None


async def test_the_page_of_a_sign_up_opens_an_account(world: World) -> None:
    email = somebody()
    await ask(world, "sign-ups", email=email)
    typed = {"token": await last_token(world, email), "password": STRONG, "again": STRONG}
    weak = await world.client.post(
        "/links", data=typed | {"password": "password", "again": "password"}
    )
    assert (weak.status_code, "Add another word" in weak.text) == (422, True)
    done = await world.client.post("/links", data=typed)
    assert "Your account is open" in done.text
    assert await sign_in(world, email, STRONG) == 200


async def test_a_browser_reads_what_is_wrong_with_a_link_as_a_page(world: World) -> None:
    html = {"accept": "text/html"}
    answer = await world.client.get("/links?token=x", headers=html)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
