"""Who acts for an organisation: founded, invited, raised, removed."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.organisations import rules, service
from dml.accounts.organisations.models import Invitation, MemberRole, Membership
from dml.core.context import Role
from dml.core.ids import InvitationId, new_id
from tests.accounts.organisations.societies import (
    ACCEPT,
    PATH,
    PROOF,
    code_to,
    found,
    invite,
    join,
    prove,
)
from tests.conditions import compare
from tests.conftest import NOW
from tests.world import World, make_user, problem


async def test_one_is_founded_and_another_is_invited_and_joins(world: World) -> None:
    ada, grace = await world.person("ada"), await world.person("grace")
    society = await found(ada, "Botany")
    assert (await invite(ada, society, grace.email.upper())).json()["email"] == grace.email
    (listed,) = (await ada.get(f"{PATH}/{society}/invitations")).json()["items"]
    assert (listed["role"], listed["inviter_id"]) == ("member", str(ada.id))
    await prove(world, grace)
    joined = await grace.post(ACCEPT, {"code": await code_to(world, grace.email)})
    assert (joined.status_code, joined.json()["name"]) == (201, "Botany")
    assert (await grace.get(joined.headers["location"])).json() == joined.json()
    members = (await grace.get(f"{PATH}/{society}/members")).json()["items"]
    assert [(it["user_id"], it["role"]) for it in members] == [
        (str(ada.id), "owner"),
        (str(grace.id), "member"),
    ]
    assert (await ada.get(f"{PATH}/{society}/invitations")).json() == {"items": []}
    shown = (await world.client.get(f"/v1/users/{society}")).json()
    assert (shown["kind"], shown["first_name"]) == ("organisation", "Botany")
    told = [it["type"] for it in await grace.events(types="organisation.*")]
    assert told == ["organisation.member_added"]
    query = "{organisations {items {name role members {items {userId}}}}}"
    graph = (await grace.post("/graphql", {"query": query})).json()
    (mine,) = graph["data"]["organisations"]["items"]
    assert len(mine["members"]["items"]) == 2


async def test_an_invitation_is_good_once_for_its_address_for_a_week(world: World) -> None:
    ada, grace, eve = [await world.person(it) for it in ("ada", "grace", "eve")]
    society = await found(ada)
    await invite(ada, society, grace.email)
    first = await code_to(world, grace.email)
    await invite(ada, society, grace.email)
    code = await code_to(world, grace.email)
    problem(await grace.post(ACCEPT, {"code": first}), 410, "accounts.invitation_ended")
    problem(await grace.post(ACCEPT, {"code": "no code"}), 404, "accounts.invitation_unknown")
    unproven = await grace.post(ACCEPT, {"code": code})
    problem(unproven, 403, "accounts.invitation_for_another")
    await prove(world, eve)
    stolen = await eve.post(ACCEPT, {"code": code})
    problem(stolen, 403, "accounts.invitation_for_another")
    await prove(world, grace)
    answers = await asyncio.gather(*(grace.post(ACCEPT, {"code": code}) for _ in range(3)))
    assert sorted(it.status_code for it in answers) == [201, 410, 410]
    await invite(ada, society, grace.email)
    again = await grace.post(ACCEPT, {"code": await code_to(world, grace.email)})
    problem(again, 409, "accounts.already_member")
    made = (await invite(ada, society, eve.email)).json()["id"]
    late = await code_to(world, eve.email)
    async with world.parts.sessions.begin() as tx:
        over = datetime.now(UTC) - timedelta(minutes=1)
        its = update(Invitation).where(Invitation.id == InvitationId(made))
        await tx.execute(its.values(expires_at=over))
    problem(await eve.post(ACCEPT, {"code": late}), 410, "accounts.invitation_expired")


async def test_a_revoked_invitation_does_nothing(world: World) -> None:
    ada, grace = await world.person("ada"), await world.person("grace")
    society = await found(ada)
    path = f"{PATH}/{society}/invitations/{(await invite(ada, society, grace.email)).json()['id']}"
    assert (await ada.ask("DELETE", path)).status_code == 204
    problem(await ada.ask("DELETE", path), 404, "accounts.invitation_not_found")
    code = {"code": await code_to(world, grace.email)}
    problem(await grace.post(ACCEPT, code), 410, "accounts.invitation_ended")


async def test_who_is_invited_is_told_the_same_of_every_address(world: World) -> None:
    ada, grace = await world.person("ada"), await world.person("grace")
    society = await found(ada)
    known = await invite(ada, society, grace.email)
    unknown = await invite(ada, society, f"nobody-{new_id()}@example.org")
    assert known.status_code == unknown.status_code == 201
    assert known.json().keys() == unknown.json().keys()


async def test_to_strangers_it_is_not_there_and_members_decide_nothing(world: World) -> None:
    ada, grace, eve = [await world.person(it) for it in ("ada", "grace", "eve")]
    society = await found(ada)
    await join(world, ada, society, grace)
    asked = (
        ("PATCH", "", {"name": "Mine"}),
        ("POST", "/invitations", {"email": "eve@example.org"}),
        ("GET", "/invitations", None),
        ("DELETE", f"/invitations/{new_id()}", None),
        ("PATCH", f"/members/{grace.id}", {"role": "owner", "proof": PROOF}),
        ("DELETE", f"/members/{ada.id}", None),
    )
    for method, path, body in asked:
        answer = await eve.ask(method, f"{PATH}/{society}{path}", json=body)
        problem(answer, 404, "accounts.organisation_not_found")
        answer = await grace.ask(method, f"{PATH}/{society}{path}", json=body)
        problem(answer, 403, "accounts.owners_only")
    for path in ("", "/members"):
        answer = await eve.get(f"{PATH}/{society}{path}")
        problem(answer, 404, "accounts.organisation_not_found")
    # Nor is a person one.
    answer = await eve.get(f"{PATH}/{ada.id}")
    problem(answer, 404, "accounts.organisation_not_found")


async def test_one_owner_is_always_left(world: World) -> None:
    ada, grace = await world.person("ada"), await world.person("grace")
    society = await found(ada)
    await join(world, ada, society, grace)
    me, other = f"{PATH}/{society}/members/{ada.id}", f"{PATH}/{society}/members/{grace.id}"
    problem(await ada.ask("DELETE", me), 409, "accounts.last_owner")
    problem(await ada.patch(me, {"role": "member"}), 409, "accounts.last_owner")
    erasure = await ada.post("/v1/users/me/erase", {"proof": PROOF})
    document = problem(erasure, 409, "accounts.erasure_blocked")
    assert [it["code"] for it in document["blockers"]] == ["last_owner"]
    problem(await ada.patch(other, {"role": "owner"}), 403, "accounts.owner_proof_needed")
    wrong = {"role": "owner", "proof": {**PROOF, "password": "a guess"}}
    problem(await ada.patch(other, wrong), 403, "accounts.wrong_proof")
    assert (await ada.patch(other, {"role": "owner", "proof": PROOF})).status_code == 204
    # Both at once: one of them stays.
    left = await asyncio.gather(ada.ask("DELETE", me), grace.ask("DELETE", other))
    assert sorted(it.status_code for it in left) == [204, 409]


async def test_who_is_removed_is_out_and_may_come_back(world: World) -> None:
    ada, grace = await world.person("ada"), await world.person("grace")
    society = await found(ada)
    await join(world, ada, society, grace)
    path = f"{PATH}/{society}/members/{grace.id}"
    assert (await ada.ask("DELETE", path)).status_code == 204
    problem(await ada.ask("DELETE", path), 404, "accounts.member_not_found")
    problem(await grace.get(f"{PATH}/{society}"), 404, "accounts.organisation_not_found")
    await join(world, ada, society, grace)
    assert (await grace.ask("DELETE", path)).status_code == 204  # They leave.


async def test_who_is_erased_acts_for_nobody(world: World) -> None:
    ada, grace = await world.person("ada"), await world.person("grace")
    society = await found(ada)
    await join(world, ada, society, grace)
    erased = await grace.post("/v1/users/me/erase", {"proof": PROOF})
    assert erased.status_code == 204, erased.text
    members = (await ada.get(f"{PATH}/{society}/members")).json()["items"]
    assert [it["user_id"] for it in members] == [str(ada.id)]


async def test_bad_input_is_refused(world: World) -> None:
    ada = await world.person("ada")
    for name in ("", " ", "a" * 101, "a\0b", None, 1):
        assert (await ada.post(PATH, {"name": name})).status_code == 422
    society = await found(ada)
    for body in ({"email": "none"}, {"email": "a@example.org", "role": "admin"}, {}):
        answer = await ada.post(f"{PATH}/{society}/invitations", body)
        assert answer.status_code == 422
    for code in ("", "a" * 101, None):
        assert (await ada.post(ACCEPT, {"code": code})).status_code == 422
    assert (await ada.get(f"{PATH}/mine")).status_code == 422
    assert (await world.client.get(PATH)).status_code == 401


async def test_there_are_limits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = await world.person("ada")
    monkeypatch.setattr(rules, "OWNED_MAX", 1)
    society = await found(ada)
    problem(await ada.post(PATH, {"name": "More"}), 409, "accounts.too_many_organisations")
    monkeypatch.setattr(rules, "INVITATIONS_AN_HOUR", 1)
    assert (await invite(ada, society, f"a-{new_id()}@example.org")).status_code == 201
    refused = await invite(ada, society, f"b-{new_id()}@example.org")
    problem(refused, 429, "accounts.too_many_invitations")
    monkeypatch.setattr(rules, "INVITATIONS_AN_HOUR", 9)
    monkeypatch.setattr(rules, "MEMBERS_MAX", 1)
    grace = await world.person("grace")
    await invite(ada, society, grace.email)
    await prove(world, grace)
    full = await grace.post(ACCEPT, {"code": await code_to(world, grace.email)})
    problem(full, 409, "accounts.too_many_members")


async def test_nobody_signs_in_as_one_nor_makes_it_an_admin(world: World) -> None:
    ada, admin = await world.person("ada"), await world.person("admin", Role.ADMIN)
    society = await found(ada)
    path = f"/v1/admin/users/{society}"
    problem(await admin.patch(path, {"role": "admin"}), 409, "accounts.no_person")
    (shown,) = (await admin.get(f"/v1/admin/users?query={society}")).json()["items"]
    assert (shown["id"], shown["kind"]) == (society, "organisation")
    for change in ("role = 'admin'", "email = 'a@example.org'"):
        async with world.parts.sessions() as tx:
            with pytest.raises(IntegrityError):
                await tx.execute(text(f"UPDATE users SET {change} WHERE id = '{society}'"))


async def test_who_is_interested_has_one_answer(tx: AsyncSession) -> None:
    """Against the clock of the database, which the statements of devices ask."""
    now = datetime.now(UTC)
    lefts = [None, *(now - timedelta(days=it) for it in (0, 29, 31))]
    rows = [{"left_at": it} for it in lefts]
    condition = rules.IS_INTERESTED.replace("m.", "")
    await compare(tx, Membership, lambda it: rules.is_interested(it, now), condition, rows)


async def test_memberships_that_count_no_more_are_forgotten(tx: AsyncSession) -> None:
    user, organisation = await make_user(tx, f"a-{new_id()}"), await make_user(tx, f"b-{new_id()}")
    tx.add(
        Membership(
            user_id=user.id,
            organisation_id=organisation.id,
            role=MemberRole.MEMBER,
            since=NOW,
            left_at=NOW,
        )
    )
    await tx.flush()
    key = (user.id, organisation.id)
    await service.forget_expired(tx, NOW + timedelta(days=29))
    assert await tx.get(Membership, key, populate_existing=True) is not None
    await service.forget_expired(tx, NOW + timedelta(days=31))
    tx.expire_all()
    assert await tx.get(Membership, key) is None
