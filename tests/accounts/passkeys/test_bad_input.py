"""What no browser sends, or none of this site: each is refused for its reason, and nothing ends in
a 500.
"""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from dml.accounts.passkeys.challenges import Challenge
from dml.accounts.passkeys.rules import Purpose
from dml.core import base64url
from dml.core.context import Role
from tests.accounts.passkeys.authenticator import (
    ORIGIN,
    PATH,
    UP,
    UV,
    Authenticator,
    Told,
    add,
    as_person,
    proof,
    send_session,
    sign_in,
    sign_up,
    to_add,
    to_prove,
    to_sign_in,
    to_sign_up,
    with_passkey,
)
from tests.accounts.recovery.mailbox import letters
from tests.world import Person, World, problem

OVER: Final = "accounts.passkey_challenge_over"
UNREADABLE: Final = "accounts.passkey_unreadable"
BY_PASSWORD: Final = {"kind": "password", "password": "a password"}


async def refuse_session(
    world: World, held: Authenticator, status: int, code: str, **lies: Any
) -> Any:
    """Sign in with an authenticator or a browser that lies so."""
    before = {name: getattr(held, name) for name in lies}
    for name, it in lies.items():
        setattr(held, name, it)
    answer = await sign_in(world, held)
    for name, it in before.items():
        setattr(held, name, it)
    return problem(answer, status, code)


async def test_what_another_page_or_domain_asked_for_is_refused(world: World) -> None:
    ada, held = await with_passkey(world)
    elsewhere = "accounts.passkey_of_another_site"
    for origin in ("https://evil.example", "https://test", "http://test:81", "http://test.evil"):
        told = await refuse_session(world, held, 422, elsewhere, origin=origin)
        assert told["origins"] == [ORIGIN]
    await refuse_session(world, held, 422, elsewhere, domain="evil.example")
    await refuse_session(world, held, 422, elsewhere, page={"crossOrigin": True})
    for lies in ({"origin": "http://evil"}, {"domain": "evil"}, {"page": {"crossOrigin": 1}}):
        problem(await add(ada, Authenticator(**lies)), 422, elsewhere)
        problem(await sign_up(world, Authenticator(**lies)), 422, elsewhere)
    assert (await sign_in(world, held)).status_code == 200


async def test_a_user_who_was_not_verified_is_refused(world: World) -> None:
    ada, held = await with_passkey(world)
    unverified = "accounts.passkey_user_not_verified"
    await refuse_session(world, held, 422, unverified, flags=UP)
    problem(await add(ada, Authenticator(flags=UP)), 422, unverified)
    problem(await sign_up(world, Authenticator(flags=UP)), 422, unverified)
    signed = held.sign(await to_prove(ada), held.data(UP))
    body = {"proof": {"kind": "passkey", "credential": signed}}
    (one,) = (await ada.get(PATH)).json()["items"]
    problem(await ada.post(f"{PATH}/{one['id']}/revoke", body), 403, "accounts.wrong_proof")
    # Present, but not verified; and verified by nobody who was there.
    await refuse_session(world, held, 422, "accounts.passkey_wrong_signature", flags=UV)


async def test_a_counter_that_falls_is_refused_and_told_once_in_an_hour(world: World) -> None:
    ada, held = await with_passkey(world)
    held.count = 7
    assert (await sign_in(world, held)).status_code == 200  # It says 8.
    fell = "accounts.passkey_counter_fell"
    for said in (3, 7, 0):  # The last ones, when it signs, say 8 and 0.
        await refuse_session(world, held, 403, fell, count=said)
    problem(
        await ada.post(PATH, await body_to_add(ada, await proof(ada, set_back(held, 2)))), 403, fell
    )
    held.count = 8
    assert (await sign_in(world, held)).status_code == 200
    told = [it.kind for it in await letters(world, ada.email)]
    assert told == ["passkey_counter_fell"]
    seen = await ada.events(types="user.passkey_counter_fell")
    assert len(seen) == 4


def set_back(held: Authenticator, count: int) -> Authenticator:
    held.count = count
    return held


async def body_to_add(person: Person, proven: Any) -> Told:
    return {"credential": Authenticator().create(await to_add(person)), "proof": proven}


async def test_a_challenge_is_for_one_purpose_and_one_user(world: World) -> None:
    ada, held = await with_passkey(world)
    bob, other = await with_passkey(world)
    # To sign in, with what was given for something else.
    for options in (await to_prove(ada), await to_add(ada), await to_sign_up(world)):
        problem(await send_session(world, held.sign(options)), 410, OVER)
    # To add one, with what was given to somebody else, or for something else.
    for options in (await to_add(bob), await to_sign_up(world)):
        body = {"credential": Authenticator().create(options), "proof": BY_PASSWORD}
        problem(await ada.post(PATH, body), 410, OVER)
    # To open an account.
    body = {"credential": Authenticator().create(await to_add(ada))}
    problem(await world.client.post("/v1/users/passkey", json=body), 410, OVER)
    # To prove who asks: by another's passkey, by another's challenge, by one to sign in.
    for signed in (
        other.sign(await to_prove(ada)),
        held.sign(await to_prove(bob)),
        held.sign(await to_sign_in(world)),
    ):
        body = await body_to_add(ada, {"kind": "passkey", "credential": signed})
        problem(await ada.post(PATH, body), 403, "accounts.wrong_proof")
    assert len((await ada.get(PATH)).json()["items"]) == 1


async def test_a_challenge_that_is_old_or_none_of_ours_is_refused(world: World) -> None:
    _, held = await with_passkey(world)
    now = datetime.now(UTC)
    old = Challenge(Purpose.SIGN_IN, None, now, ORIGIN).write(world.parts.keys)
    good = Challenge(Purpose.SIGN_IN, None, now + timedelta(minutes=1), ORIGIN).write(
        world.parts.keys
    )
    turned = bytes([good[0] ^ 1]) + good[1:]
    for raw in (old, turned, good[:-1], good + b"\0", secrets.token_bytes(64), b"short"):
        signed = held.sign({"challenge": base64url.encode(raw)})
        problem(await send_session(world, signed), 410, OVER)
    # One spelling of it is read: another one would be another challenge.
    signed = held.sign({"challenge": base64url.encode(good) + "="})
    problem(await send_session(world, signed), 422, UNREADABLE)
    signed = held.sign({"challenge": base64url.encode(good)})
    assert (await send_session(world, signed)).status_code == 200


async def test_a_signature_that_was_sent_is_of_no_more_use(world: World) -> None:
    _, held = await with_passkey(world)
    signed = held.sign(await to_sign_in(world))
    assert (await send_session(world, signed)).status_code == 200
    problem(await send_session(world, signed), 410, OVER)
    fresh = held.sign(await to_sign_in(world))
    fresh["response"]["signature"] = signed["response"]["signature"]
    problem(await send_session(world, fresh), 422, "accounts.passkey_wrong_signature")


async def test_what_another_key_signed_is_refused(world: World) -> None:
    ada, held = await with_passkey(world)
    wrong = "accounts.passkey_wrong_signature"
    key = ec.generate_private_key(ec.SECP256R1())
    await refuse_session(world, held, 422, wrong, key=key)
    _, bobs = await with_passkey(world)
    await refuse_session(world, held, 422, wrong, handle=bobs.handle)
    await refuse_session(world, held, 422, wrong, handle=None)
    stranger = Authenticator(handle=held.handle)
    problem(await sign_in(world, stranger), 403, "accounts.unknown_passkey")
    # A proof needs no handle: it was asked of one user's passkeys.
    held.handle = None
    answer = await ada.post(PATH, await body_to_add(ada, await proof(ada, held)))
    assert answer.status_code == 201, answer.text


async def test_a_passkey_is_of_one_account(world: World) -> None:
    ada, held = await with_passkey(world)
    bob = await world.person()
    taken = "accounts.passkey_taken"
    assert problem(await add(ada, held), 409, taken)["is_yours"] is True
    assert problem(await add(bob, held), 409, taken)["is_yours"] is False
    # Its id, with a key of one's own.
    mine = Authenticator(credential_id=held.credential_id)
    assert problem(await add(bob, mine), 409, taken)["is_yours"] is False
    assert problem(await sign_up(world, mine), 409, taken)["is_yours"] is False
    problem(await sign_in(world, mine), 422, "accounts.passkey_wrong_signature")


async def test_a_suspended_user_is_told_why_and_an_erased_one_is_nobody(world: World) -> None:
    held, admin = Authenticator(), await world.person("admin", Role.ADMIN)
    ada = as_person(world, await sign_up(world, held))
    path = f"/v1/admin/users/{ada.id}"
    assert (await admin.post(f"{path}/suspend", {"reason": "for a test"})).status_code == 200
    told = problem(await sign_in(world, held), 403, "accounts.suspended")
    assert told["why"] == "for a test"
    assert (await admin.post(f"{path}/restore", {"reason": "it was a test"})).status_code == 200
    ada = as_person(world, await sign_in(world, held))
    erased = await ada.post("/v1/users/me/erase", {"proof": await proof(ada, held)})
    assert erased.is_success, erased.text
    problem(await sign_in(world, held), 403, "accounts.unknown_passkey")


PAGES: Final = {
    "no JSON": b"{",
    "a list": b"[]",
    "nothing in it": b"{}",
    "deep": b'{"challenge":' + b"[" * 2_500,
    "a number for a challenge": b'{"type":"webauthn.get","challenge":1,"origin":"http://test"}',
    "no UTF-8": b'{"challenge":"\xff"}',
}


@pytest.mark.parametrize("name", PAGES)
async def test_what_no_browser_says_of_its_page_is_refused(world: World, name: str) -> None:
    _, held = await with_passkey(world)
    signed = held.sign(await to_sign_in(world))
    signed["response"]["clientDataJSON"] = base64url.encode(PAGES[name])
    problem(await send_session(world, signed), 422, UNREADABLE)


async def test_another_kind_of_ceremony_is_refused(world: World) -> None:
    ada, held = await with_passkey(world)
    problem(await refused(world, held, type="webauthn.create"), 422, UNREADABLE)
    problem(await refused(world, held, type=["webauthn.get"]), 422, UNREADABLE)
    problem(
        await refused(world, held, origin=["http://test"]), 422, "accounts.passkey_of_another_site"
    )
    held.page = {"type": "webauthn.get"}
    problem(await add(ada, Authenticator(page=held.page)), 422, UNREADABLE)


async def refused(world: World, held: Authenticator, **page: Any) -> Any:
    held.page = page
    return await sign_in(world, held)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "x" * 100_000),
        ("id", "x" * 1_365),
        ("id", "a+b/"),
        ("id", ""),
        ("id", 7),
        ("id", None),
        ("type", "password"),
        ("type", None),
        ("response", None),
        ("response", []),
        ("response", "x"),
        ("response.clientDataJSON", "x" * 100_000),
        ("response.clientDataJSON", ""),
        ("response.clientDataJSON", "a\0b"),
        ("response.authenticatorData", "x" * 100_000),
        ("response.authenticatorData", None),
        ("response.signature", "x" * 100_000),
        ("response.signature", {}),
        ("response.userHandle", "x" * 101),
        ("response.userHandle", 5),
    ],
    ids=lambda it: str(it)[:26].replace("\0", "NUL"),
)
async def test_what_has_another_shape_is_refused(world: World, field: str, value: Any) -> None:
    _, held = await with_passkey(world)
    signed = held.sign(await to_sign_in(world))
    at, name = (signed, field) if "." not in field else (signed["response"], field[9:])
    at[name] = value
    problem(await send_session(world, signed), 422, "http.422")


async def test_what_is_another_spelling_of_the_same_is_refused(world: World) -> None:
    """Base64 has several texts of the same bytes, where some bits of the last letter are free."""
    held = Authenticator(credential_id=secrets.token_bytes(19))
    made = held.create(await to_sign_up(world))
    last = "AEIMQUYcgkosw048"
    made["id"] = made["id"][:-1] + chr(ord(made["id"][-1]) + 1)
    assert base64url.encode(held.credential_id)[-1] in last + "BCDFGHJKLNOPRSTVWXZ"
    body = {"credential": made}
    problem(await world.client.post("/v1/users/passkey", json=body), 422, UNREADABLE)


async def test_the_body_of_a_request_has_an_end(world: World) -> None:
    ada = await world.person()
    held = Authenticator()
    for body in (
        {"credential": held.create(await to_add(ada)), "name": "x" * 101, "proof": BY_PASSWORD},
        {"credential": held.create(await to_add(ada)), "name": "a\0", "proof": BY_PASSWORD},
        {"credential": held.create(await to_add(ada))},
        {"credential": held.create(await to_add(ada), b"x" * 8_000), "proof": BY_PASSWORD},
        {"proof": BY_PASSWORD},
    ):
        problem(await ada.post(PATH, body), 422, "http.422")
    many = held.create(await to_add(ada))
    many["response"]["transports"] = ["usb"] * 21
    problem(await ada.post(PATH, {"credential": many, "proof": BY_PASSWORD}), 422, "http.422")


async def test_nothing_is_added_without_a_proof(world: World) -> None:
    ada = await world.person()
    wrong = {"kind": "password", "password": "a wrong one"}
    problem(await add(ada, Authenticator(), wrong), 403, "accounts.wrong_proof")
    asked = {"name": "n", "scopes": ["account:write"], "proof": BY_PASSWORD}
    token = (await ada.post("/v1/users/me/tokens", asked)).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    body = await body_to_add(ada, BY_PASSWORD)
    problem(await ada.post(PATH, body, headers=headers), 403, "edge.out_of_scope")
    for path in (PATH, f"{PATH}/challenges", f"{PATH}/proof-challenges"):
        problem(await world.client.post(path, json=body), 401, "core.not_signed_in")
