"""Accounts without an e-mail address: nothing is mailed, and no password is set by which nobody
could sign in.
"""

from datetime import UTC, datetime

from dml.accounts import sessions
from dml.accounts.identities.models import Identity, IdentityKind
from dml.accounts.service import register
from dml.core.context import NOBODY, Actor, Context, Role
from dml.core.ids import IdentityId, new_id
from tests.world import PASSWORD, PASSWORD_HASH, Person, World, problem


async def nameless(world: World, password_hash: str = "") -> Person:
    """Somebody who signs in by a wallet, as far as accounts know of it."""
    now = datetime.now(UTC)
    async with world.parts.sessions.begin() as tx:
        ctx = Context(tx, NOBODY, now)
        user = await register(ctx, email=None, password_hash=password_hash)
        way = Identity(
            id=IdentityId(new_id()),
            user_id=user.id,
            kind=IdentityKind.WALLET,
            subject=f"eip155:1:{user.id}",
            created_at=now,
        )
        tx.add(way)
        mine = Context(tx, Actor(user.id, user.role), now)
        opened = await sessions.open_session(mine, user.id, days=1)
    token = sessions.access_token(world.parts.keys, opened.session, now, seconds=3_600)
    return Person(user.id, "", token, world.client)


async def test_any_number_of_accounts_have_no_address(world: World) -> None:
    for person in (await nameless(world), await nameless(world)):
        me = (await person.get("/v1/users/me")).json()
        assert (me["email"], me["email_verified_at"]) == (None, None)
        (way,) = (await person.get("/v1/users/me/identities")).json()["items"]
        assert way["kind"] == "wallet"


async def test_admins_see_and_find_them(world: World) -> None:
    person, admin = await nameless(world), await world.person("admin", Role.ADMIN)
    (found,) = (await admin.get(f"/v1/admin/users?query={person.id}")).json()["items"]
    assert (found["id"], found["email"]) == (str(person.id), None)
    assert (await admin.get("/v1/admin/users?query=nobody@example.org")).status_code == 200


async def test_nothing_is_verified_where_there_is_no_address(world: World) -> None:
    person = await nameless(world)
    answer = await person.post("/v1/users/me/email-verifications")
    problem(answer, 409, "accounts.no_address")


async def test_a_password_needs_an_address_beside_it(world: World) -> None:
    person = await nameless(world, PASSWORD_HASH)
    body = {
        "proof": {"kind": "password", "password": PASSWORD},
        "password": "quite another battery of horses",
    }
    problem(await person.put("/v1/users/me/password", body), 409, "accounts.no_address")
