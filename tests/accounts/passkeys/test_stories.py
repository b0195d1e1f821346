"""Passkeys as a way in, as the only way in, and as a proof of who somebody is."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from dml.accounts.models import User
from dml.accounts.passkeys import service
from dml.accounts.passkeys.models import Passkey, UsedPasskeyChallenge
from tests.accounts.factors.authenticator import BY_PASSWORD, ME, enroll
from tests.accounts.factors.test_proofs import GRAVE
from tests.accounts.notices.told import notices, verify
from tests.accounts.passkeys.authenticator import (
    DOMAIN,
    PATH,
    Authenticator,
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
from tests.accounts.recovery.mailbox import STRONG
from tests.accounts.recovery.test_links import ask, reset_token
from tests.world import Person, World, problem

IDENTITIES = "/v1/users/me/identities"


async def listed(person: Person) -> list[dict[str, Any]]:
    answer = await person.get(PATH)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_passkey_is_added_signs_in_and_is_shown(world: World) -> None:
    ada = await world.person()
    held = Authenticator()
    options = await to_add(ada)
    assert options["rp"]["id"] == DOMAIN
    assert options["user"]["name"] == ada.email
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["attestation"] == "none"
    made = await add(ada, held, name="My phone")
    assert made.status_code == 201, made.text
    (one,) = await listed(ada)
    assert one == made.json()
    assert (one["name"], one["relying_party"]) == ("My phone", DOMAIN)
    assert one["transports"] == ["hybrid", "internal"]  # And no word of the browser's own.
    assert one["last_used_at"] is None
    assert (one["can_be_backed_up"], one["is_backed_up"]) == (True, True)

    asked = await to_sign_in(world)
    assert asked["allowCredentials"] == []
    opened = await sign_in(world, held)
    assert opened.status_code == 200, opened.text
    assert opened.json()["user_id"] == str(ada.id)
    assert (await as_person(world, opened).get(ME)).json()["email"] == ada.email
    (one,) = await listed(ada)
    assert one["last_used_at"] is not None
    assert [it["kind"] for it in (await ada.get(IDENTITIES)).json()["items"]] == [
        "password",
        "passkey",
    ]
    seen = await ada.events(types="user.identity_added,user.passkey_used")
    assert [it["type"] for it in seen] == ["user.identity_added", "user.passkey_used"]
    assert seen[0]["data"]["method"] == "passkey"
    assert seen[1]["data"]["passkey_id"] == one["id"]
    assert seen[1]["data"]["purpose"] == "sign_in"


async def test_an_account_is_opened_by_a_passkey_alone(world: World) -> None:
    held = Authenticator()
    opened = await sign_up(world, held)
    assert opened.status_code == 201, opened.text
    ada = as_person(world, opened)
    me = (await ada.get(ME)).json()
    assert (me["id"], me["email"]) == (opened.json()["user_id"], None)
    again = await sign_in(world, held)
    assert again.json()["user_id"] == me["id"]
    (one,) = await listed(ada)
    assert one["name"] == "Phone"
    problem(
        await ada.post(f"{PATH}/{one['id']}/revoke", {"proof": await proof(ada, held)}),
        409,
        "accounts.last_identity",
    )
    assert (await sign_in(world, held)).status_code == 200


async def test_the_first_passkey_proves_who_adds_the_second_and_then_may_go(world: World) -> None:
    first, second = Authenticator(), Authenticator()
    ada = as_person(world, await sign_up(world, first))
    asked = await to_add(ada)
    assert [it["id"] for it in asked["excludeCredentials"]] == [first.id]
    added = await add(ada, second, await proof(ada, first))
    assert added.status_code == 201, added.text
    asked = await to_prove(ada)
    assert {it["id"] for it in asked["allowCredentials"]} == {first.id, second.id}
    (old, new) = await listed(ada)
    gone = await ada.post(f"{PATH}/{old['id']}/revoke", {"proof": await proof(ada, first)})
    assert gone.status_code == 204, gone.text
    problem(await sign_in(world, first), 403, "accounts.unknown_passkey")
    assert (await sign_in(world, second)).status_code == 200
    assert await listed(ada) == [new | {"last_used_at": (await listed(ada))[0]["last_used_at"]}]
    seen = await ada.events(types="user.identity_revoked")
    assert [it["data"]["method"] for it in seen] == ["passkey"]


async def test_a_passkey_is_renamed_by_its_user_alone(world: World) -> None:
    ada, _ = await with_passkey(world)
    bob, _ = await with_passkey(world)
    (one,) = await listed(ada)
    renamed = await ada.patch(f"{PATH}/{one['id']}", {"name": "Old phone"})
    assert renamed.json()["name"] == "Old phone"
    answer = await bob.patch(f"{PATH}/{one['id']}", {"name": "Mine"})
    problem(answer, 404, "accounts.passkey_not_found")
    answer = await bob.post(f"{PATH}/{one['id']}/revoke", {"proof": BY_PASSWORD})
    problem(answer, 404, "accounts.passkey_not_found")
    (password, _) = (await ada.get(IDENTITIES)).json()["items"]
    answer = await ada.post(f"{PATH}/{password['id']}/revoke", {"proof": BY_PASSWORD})
    problem(answer, 404, "accounts.passkey_not_found")
    assert [it["name"] for it in await listed(ada)] == ["Old phone"]


async def test_a_mail_tells_when_one_is_removed_whichever_way(world: World) -> None:
    ada, held = await with_passkey(world)
    await verify(world, ada)
    (one,) = await listed(ada)
    gone = await ada.post(f"{PATH}/{one['id']}/revoke", {"proof": BY_PASSWORD})
    assert gone.status_code == 204, gone.text
    assert (await add(ada, Authenticator())).status_code == 201
    (one,) = await listed(ada)
    gone = await ada.post(f"{IDENTITIES}/{one['id']}/revoke", {"proof": BY_PASSWORD})
    assert gone.status_code == 204, gone.text
    assert await listed(ada) == []
    told = await notices(world, ada)
    assert [it.kind for it in told] == ["way_in_added", "way_in_removed"] * 2
    assert all("sign in to your account by a passkey." in it.text for it in told)
    problem(await sign_in(world, held), 403, "accounts.unknown_passkey")


async def test_it_is_two_factors_at_once(world: World) -> None:
    ada, held = await with_passkey(world)
    await enroll(world, ada)
    opened = await sign_in(world, held)
    assert opened.status_code == 200, opened.text  # And no ticket.
    answer = await ada.post(f"{ME}/totp/revoke", {"proof": BY_PASSWORD})
    problem(answer, 403, "accounts.factor_proof_needed")
    answer = await ada.post(f"{ME}/totp/revoke", {"proof": await proof(ada, held)})
    assert answer.status_code == 204, answer.text
    seen = await ada.events(types="user.passkey_used")
    assert [it["data"]["purpose"] for it in seen] == ["sign_in", "proof"]


@pytest.mark.parametrize(("method", "path", "body"), GRAVE)
async def test_it_proves_who_asks_for_what_is_grave(
    world: World, method: str, path: str, body: dict[str, Any]
) -> None:
    ada, held = await with_passkey(world)
    await enroll(world, ada)
    proven = await proof(ada, held)
    answer = await ada.ask(method, path, json={**body, "proof": proven})
    assert answer.status_code in (201, 202, 204, 404, 503), answer.text
    again = await ada.ask(method, path, json={**body, "proof": proven})
    problem(again, 403, "accounts.wrong_proof")


async def test_the_graph_does_the_same(world: World) -> None:
    ada, held = await with_passkey(world)

    async def graph(query: str, headers: dict[str, str] | None = None, **variables: Any) -> Any:
        asked = {"query": query, "variables": variables}
        return (await world.client.post("/graphql", json=asked, headers=headers)).json()["data"]

    challenge = await graph("mutation { passkeyChallengesCreateForSession { challenge rpId } }")
    signed = held.sign(challenge["passkeyChallengesCreateForSession"])
    credential = {name: signed[name] for name in ("id", "type", "response")}
    opened = await graph(
        "mutation($it: PasskeySessionCreate!) { sessionsCreateByPasskey(input: $it) { userId } }",
        it={"credential": credential},
    )
    assert opened["sessionsCreateByPasskey"]["userId"] == str(ada.id)
    mine = {"Authorization": f"Bearer {ada.token}"}
    found = await graph("{ passkeys { nodes { name relyingParty } } }", mine)
    (one,) = found["passkeys"]["nodes"]
    assert one["relyingParty"] == DOMAIN


async def test_a_proof_opens_one_thing_once(world: World) -> None:
    ada, held = await with_passkey(world)
    proven = await proof(ada, held)
    bodies = [
        {"credential": Authenticator().create(await to_add(ada)), "proof": proven} for _ in "123"
    ]
    answers = await asyncio.gather(*(ada.post(PATH, it) for it in bodies))
    assert sorted(it.status_code for it in answers) == [201, 403, 403]
    again = await ada.post(PATH, bodies[0])
    problem(again, 403, "accounts.wrong_proof")


async def test_of_two_who_sign_in_by_one_signature_at_once_one_does(world: World) -> None:
    _, held = await with_passkey(world)
    signed = held.sign(await to_sign_in(world))
    answers = await asyncio.gather(*(send_session(world, signed) for _ in "123"))
    assert sorted(it.status_code for it in answers) == [200, 410, 410]
    problem(await send_session(world, signed), 410, "accounts.passkey_challenge_over")


async def test_challenges_that_nobody_used_leave_nothing_behind(world: World) -> None:
    count = select(func.count()).select_from(UsedPasskeyChallenge)
    async with world.parts.sessions() as tx:
        before = await tx.scalar(count)
    ada, _ = await world.person(), await to_sign_in(world)
    await to_sign_up(world)
    await to_add(ada)
    await to_prove(ada)
    async with world.parts.sessions() as tx:
        assert await tx.scalar(count) == before
    assert (await add(ada, Authenticator())).status_code == 201
    async with world.parts.sessions() as tx:
        assert await tx.scalar(count) == (before or 0) + 1
        await service.forget_expired(tx, datetime.now(UTC))
        assert await tx.scalar(count) == (before or 0) + 1
        await service.forget_expired(tx, datetime.now(UTC) + timedelta(minutes=5))
        assert await tx.scalar(count) == 0
        await tx.rollback()


async def test_an_authenticator_that_counts_nothing_signs_in_again_and_again(world: World) -> None:
    _, held = await with_passkey(world)
    for _ in "12":
        assert (await sign_in(world, held)).status_code == 200
    assert held.count == 0


async def test_a_mailbox_that_takes_an_account_back_takes_its_passkeys(world: World) -> None:
    ada, held = await with_passkey(world)
    unproven = update(User).where(User.id == ada.id).values(email_verified_at=None)
    async with world.parts.sessions.begin() as tx:
        await tx.execute(unproven)
    token = await reset_token(world, ada.email)
    done = await ask(world, "password-resets/confirm", token=token, password=STRONG)
    assert done.status_code == 204, done.text
    problem(await sign_in(world, held), 403, "accounts.unknown_passkey")
    # The next time, the address is proven, and what is added then stays.
    body = {"email": ada.email, "password": STRONG}
    opened = await world.client.post("/v1/users/authenticate", json=body)
    ada = replace(as_person(world, opened), email=ada.email)
    by_password = {"kind": "password", "password": STRONG}
    assert (await add(ada, held, by_password)).status_code == 201
    token = await reset_token(world, ada.email)
    done = await ask(world, "password-resets/confirm", token=token, password=f"{STRONG} again")
    assert done.status_code == 204, done.text
    assert (await sign_in(world, held)).status_code == 200


async def test_of_two_who_add_one_passkey_at_once_one_has_it(world: World) -> None:
    held, people = Authenticator(), [await world.person() for _ in "123"]
    bodies = [{"credential": held.create(await to_add(it)), "proof": BY_PASSWORD} for it in people]
    asking = (it.post(PATH, body) for it, body in zip(people, bodies, strict=True))
    answers = await asyncio.gather(*asking)
    assert sorted(it.status_code for it in answers) == [201, 409, 409]


async def test_whoever_erases_the_account_erases_the_passkey(world: World) -> None:
    ada, held = await with_passkey(world)
    erased = await ada.post(f"{ME}/erase", {"proof": await proof(ada, held)})
    assert erased.status_code in (200, 202, 204), erased.text
    async with world.parts.sessions() as tx:
        mine = select(Passkey.id).where(Passkey.user_id == ada.id)
        assert (await tx.scalars(mine)).all() == []
    problem(await sign_in(world, held), 403, "accounts.unknown_passkey")
