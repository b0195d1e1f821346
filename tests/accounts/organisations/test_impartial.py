"""Nobody judges, or profits from, what is their organisation's: now, or within 30 days."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from dml.accounts.organisations.models import Membership
from dml.bounties.models import BountyState
from dml.core.context import Role
from tests.accounts.organisations.societies import (
    ACCEPT,
    PATH,
    Acting,
    acting,
    code_to,
    enrich,
    found,
    invite,
    join,
    prove,
)
from tests.bounties.factories import make_bounty
from tests.jobs.factories import (
    claim,
    fold,
    hand_in,
    make_device,
    make_job,
    make_version,
    work,
)
from tests.world import Person, World, problem


async def founded(world: World, member: Person) -> tuple[Acting, Person]:
    """A rich organisation with this member; as its owner acts for it, and that owner."""
    owner = await world.person("owner")
    society = await found(owner)
    await join(world, owner, society, member)
    await enrich(world, society)
    return acting(owner, society), owner


async def leave(world: World, us: Acting, member: Person, *, days_ago: int = 0) -> None:
    """Have a member leave, and let it be so long ago."""
    answer = await member.ask("DELETE", f"{PATH}/{us.society}/members/{member.id}")
    assert answer.status_code == 204, answer.text
    async with world.parts.sessions.begin() as tx:
        its = update(Membership).where(Membership.user_id == member.id)
        await tx.execute(its.values(left_at=datetime.now(UTC) - timedelta(days=days_ago)))


async def test_a_moderator_judges_no_version_of_their_organisation(world: World) -> None:
    grace = await world.person("grace", Role.MODERATOR)
    us, _ = await founded(world, grace)
    version_id = await make_version(world, us)
    (algorithm,) = (await us.get("/v1/algorithms?mine=true")).json()["items"]
    version = f"/v1/algorithms/{algorithm['id']}/versions/{version_id}"
    bodies = {"approve": {}, "reject": {"reason": "It is ours."}}
    for verb, body in bodies.items():
        problem(await grace.post(f"{version}/{verb}", body), 403, "algorithms.own_version")
    await leave(world, us, grace)
    for verb, body in bodies.items():
        problem(await grace.post(f"{version}/{verb}", body), 403, "algorithms.own_version")
    await leave_long_ago(world, grace)
    again = await grace.post(f"{version}/approve", {})
    problem(again, 409, "algorithms.wrong_state")  # It is approved: they may be asked.


async def leave_long_ago(world: World, member: Person) -> None:
    async with world.parts.sessions.begin() as tx:
        its = update(Membership).where(Membership.user_id == member.id)
        await tx.execute(its.values(left_at=datetime.now(UTC) - timedelta(days=31)))


async def test_a_member_enters_no_bounty_of_their_organisation(world: World) -> None:
    grace, friend = await world.person("grace"), await world.person("friend")
    us, _ = await founded(world, grace)
    bounty = await make_bounty(world, owner=us, team_size_max=2)
    path, accepted = f"{bounty.path}/enrollments", {"accept_rules": True}
    own = "bounties.owner_cannot_enter"
    problem(await grace.post(path, accepted), 403, own)
    team = {**accepted, "team": [{"user_id": str(grace.id), "share_bps": 5_000}]}
    problem(await friend.post(path, team), 403, own)
    problem(await acting(grace, us.society).post(path, accepted), 403, "edge.in_person_only")
    await leave(world, us, grace)
    problem(await grace.post(path, accepted), 403, own)
    await leave_long_ago(world, grace)
    assert (await grace.post(path, accepted)).status_code == 201
    # And an organisation is in no team.
    team["team"] = [{"user_id": us.society, "share_bps": 5_000}]
    other = await make_bounty(world, team_size_max=2)
    refused = await friend.post(f"{other.path}/enrollments", team)
    problem(refused, 409, "accounts.no_person")


async def test_who_entered_does_not_join_whoever_judges(world: World) -> None:
    grace, eve = await world.person("grace"), await world.person("eve")
    us, owner = await founded(world, grace)
    bounty = await make_bounty(world, owner=us)
    entered = await eve.post(f"{bounty.path}/enrollments", {"accept_rules": True})
    assert entered.status_code == 201, entered.text
    await invite(owner, us.society, eve.email)
    await prove(world, eve)
    code = {"code": await code_to(world, eve.email)}
    problem(await eve.post(ACCEPT, code), 409, "accounts.joining_blocked")
    withdrawn = await eve.post(f"{entered.headers['location']}/withdraw")
    assert withdrawn.status_code == 200, withdrawn.text
    assert (await eve.post(ACCEPT, code)).status_code == 201


async def test_a_moderator_decides_about_no_entrant_of_their_organisations_bounty(
    world: World,
) -> None:
    grace, eve = await world.person("grace", Role.MODERATOR), await world.person("eve")
    us, _ = await founded(world, grace)
    bounty = await make_bounty(world, owner=us, state=BountyState.ENROLLING)
    entered = await eve.post(f"{bounty.path}/enrollments", {"accept_rules": True})
    path, body = f"{entered.headers['location']}/disqualify", {"reason": "They may win."}
    problem(await grace.post(path, body), 403, "bounties.not_impartial")


async def test_an_admin_credits_nothing_to_their_organisation(world: World) -> None:
    admin = await world.person("admin", Role.ADMIN)
    us, _ = await founded(world, admin)
    body = {"user_id": us.society, "amount": "1", "reason": "for us"}
    problem(await admin.post("/v1/admin/credits", body), 403, "payments.own_credit")


@pytest.mark.parametrize("whose", ["job", "model"])
async def test_devices_of_members_run_nothing_of_their_organisation(
    world: World, whose: str
) -> None:
    grace, other = await world.person("grace"), await world.person("other")
    us, _ = await founded(world, grace)
    job = await make_job(world, **{"customer" if whose == "job" else "developer": us})
    ours, theirs = await make_device(world, grace), await make_device(world, other)
    assert await claim(ours) == []
    assert len(await claim(theirs)) == 1
    await leave(world, us, grace)
    assert await claim(await make_device(world, grace)) == []
    await leave_long_ago(world, grace)
    (lease,) = await claim(await make_device(world, grace))
    assert lease["job_id"] == str(job.id)


async def test_who_joined_since_does_not_count_as_an_owner(world: World) -> None:
    """Their result is paid, and is in the answer, but the step waits for others."""
    members = [await world.person(f"m{it}") for it in range(2)]
    owner = await world.person("owner")
    society = await found(owner)
    await enrich(world, society)
    us = acting(owner, society)
    job = await make_job(world, customer=us)
    for it in members:
        device = await make_device(world, it)
        (lease,) = await claim(device)
        assert (await hand_in(device, lease)).status_code == 200
        await join(world, owner, society, it)
    await work(world, job, 3)
    await fold(world)
    assert (await job.results())["devices_shown"] == 0  # Five results, of three who count.
    await work(world, job, 5)
    await fold(world)
    assert (await job.results())["devices_shown"] == 10


async def test_who_joins_and_enters_at_once_does_one_of_both(world: World) -> None:
    for number in range(3):
        grace, eve = await world.person("grace"), await world.person(f"eve{number}")
        us, owner = await founded(world, grace)
        bounty = await make_bounty(world, owner=us)
        await invite(owner, us.society, eve.email)
        await prove(world, eve)
        code = {"code": await code_to(world, eve.email)}
        answers = await asyncio.gather(
            eve.post(ACCEPT, code),
            eve.post(f"{bounty.path}/enrollments", {"accept_rules": True}),
        )
        assert sorted(it.status_code for it in answers)[0] == 201
        assert sorted(it.status_code for it in answers)[1] in (403, 409)
