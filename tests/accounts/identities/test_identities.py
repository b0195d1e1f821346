"""Ways to sign in: rows of their own, proven again where it matters, and never none."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import passwords
from dml.accounts.identities import queries
from dml.accounts.identities.models import Identity, IdentityKind
from dml.accounts.models import User
from dml.core.ids import IdentityId, new_id
from tests.conftest import At
from tests.two_connections import after
from tests.world import PASSWORD, PASSWORD_HASH, Person, World, make_user, problem

PATH = "/v1/users/me/identities"
PROOF = {"proof": {"kind": "password", "password": PASSWORD}}


async def listed(person: Person) -> list[dict[str, Any]]:
    answer = await person.get(PATH)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def add_wallet(world: World, person: Person) -> str:
    """Give somebody a second way to sign in."""
    made = Identity(
        id=IdentityId(new_id()),
        user_id=person.id,
        kind=IdentityKind.WALLET,
        subject=f"eip155:1:{person.id}",
        created_at=datetime.now(UTC),
    )
    async with world.parts.sessions.begin() as tx:
        tx.add(made)
    return str(made.id)


async def sign_in(world: World, person: Person) -> int:
    body = {"email": person.email, "password": PASSWORD}
    return (await world.client.post("/v1/users/authenticate", json=body)).status_code


async def test_who_registers_has_one_way_to_sign_in(world: World) -> None:
    ada = await world.person()
    (one,) = await listed(ada)
    assert one["kind"] == "password"
    assert set(one) == {"id", "kind", "created_at", "address", "provider", "issuer"}
    assert (one["address"], one["provider"], one["issuer"]) == (None, None, None)
    assert await sign_in(world, ada) == 200


async def test_the_last_way_to_sign_in_stays(world: World) -> None:
    ada = await world.person()
    (one,) = await listed(ada)
    problem(await ada.post(f"{PATH}/{one['id']}/revoke", PROOF), 409, "accounts.last_identity")
    assert await sign_in(world, ada) == 200


async def test_one_of_two_can_go_and_then_nobody_signs_in_by_it(world: World) -> None:
    ada = await world.person()
    (one,) = await listed(ada)
    await add_wallet(world, ada)
    assert (await ada.post(f"{PATH}/{one['id']}/revoke", PROOF)).status_code == 204
    assert [it["kind"] for it in await listed(ada)] == ["wallet"]
    assert await sign_in(world, ada) == 401
    seen = await ada.events(types="user.identity_revoked")
    assert [it["data"]["method"] for it in seen] == ["password"]
    # Nor is it a proof any more.
    (left,) = await listed(ada)
    wrong = await ada.post(f"{PATH}/{left['id']}/revoke", PROOF)
    problem(wrong, 403, "accounts.wrong_proof")


async def test_two_who_remove_the_two_last_ones_at_once_leave_one(world: World) -> None:
    ada = await world.person()
    await add_wallet(world, ada)
    ids = [it["id"] for it in await listed(ada)]
    answers = await asyncio.gather(*(ada.post(f"{PATH}/{it}/revoke", PROOF) for it in ids))
    assert 204 in {it.status_code for it in answers}
    assert len(await listed(ada)) == 1


async def test_the_users_row_is_held_while_one_is_removed(world: World) -> None:
    ada = await world.person()
    await add_wallet(world, ada)
    async with world.parts.sessions() as tx:
        await tx.execute(select(User.id).where(User.id == ada.id).with_for_update())
        (one, _) = await listed(ada)
        engine = world.parts.sessions.kw["bind"]
        answer = await after(engine, tx, ada.post(f"{PATH}/{one['id']}/revoke", PROOF))
        assert answer.status_code == 204


@pytest.mark.parametrize(
    ("proof", "status"),
    [
        ({"kind": "password", "password": "another"}, 403),
        ({"kind": "password"}, 422),
        ({"kind": "telepathy", "password": PASSWORD}, 422),
        ({"kind": "password", "password": PASSWORD, "more": 1}, 422),
        (PASSWORD, 422),
        (None, 422),
    ],
)
async def test_nothing_is_removed_without_a_proof(world: World, proof: Any, status: int) -> None:
    ada = await world.person()
    (one,) = await listed(ada)
    await add_wallet(world, ada)
    answer = await ada.post(f"{PATH}/{one['id']}/revoke", {"proof": proof})
    assert answer.status_code == status, answer.text
    assert len(await listed(ada)) == 2


async def test_nobody_removes_anothers(world: World) -> None:
    ada, bob = await world.person(), await world.person()
    (one,) = await listed(ada)
    await add_wallet(world, ada)
    await add_wallet(world, bob)
    answer = await bob.post(f"{PATH}/{one['id']}/revoke", PROOF)
    problem(answer, 404, "accounts.identity_not_found")
    assert len(await listed(ada)) == 2


async def test_proofs_cannot_be_guessed_for_long(world: World) -> None:
    """Whatever they are to open: guesses count by user."""
    ada = await world.person()
    await add_wallet(world, ada)
    (one, _) = await listed(ada)
    guess = {"proof": {"kind": "password", "password": "guessed"}}
    most = world.parts.settings.withdrawal_tries_a_minute
    tries = [await ada.post(f"{PATH}/{one['id']}/revoke", guess) for _ in range(most + 1)]
    assert {it.status_code for it in tries[:most]} == {403}
    problem(tries[most], 429, "edge.too_many_tries")
    answer = await ada.post(f"{PATH}/{one['id']}/revoke", PROOF)
    problem(answer, 429, "edge.too_many_tries")
    assert int(answer.headers["retry-after"]) >= 1


async def test_the_release_before_writes_passwords_where_it_knows_them(
    tx: AsyncSession, at: At
) -> None:
    """It runs on this schema meanwhile, and knows the column of users alone."""
    user = await make_user(tx, f"ada-{new_id()}")
    assert await queries.find_password_hash(tx, user.id) == PASSWORD_HASH
    other = await passwords.hash_password("another password")
    await tx.execute(update(User).where(User.id == user.id).values(password_hash=other))
    assert await queries.find_password_hash(tx, user.id) == other
    await tx.execute(update(User).where(User.id == user.id).values(password_hash=""))
    assert await queries.find_password_hash(tx, user.id) is None
    await tx.execute(update(User).where(User.id == user.id).values(password_hash=other))
    assert await queries.find_password_hash(tx, user.id) == other


async def test_a_way_to_sign_in_is_one_users(tx: AsyncSession) -> None:
    one, other = await make_user(tx, f"a-{new_id()}"), await make_user(tx, f"b-{new_id()}")
    wrong = "UPDATE identities SET subject = :one WHERE user_id = :other"
    async with tx.begin_nested() as nested:
        with pytest.raises(Exception, match="identities_"):
            await tx.execute(text(wrong), {"one": str(one.id), "other": other.id})
        await nested.rollback()
