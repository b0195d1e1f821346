"""Two or ten of the same at once: one of them happens, and the books balance."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from dml.bounties import lifecycle, queries, service
from dml.bounties.models import BountyState
from dml.bounties.rules import WrongState
from dml.core.context import SYSTEM, Actor, Context
from dml.core.db import connect
from dml.core.settings import Settings
from tests.bounties.factories import (
    assert_sound,
    available,
    balance,
    bring_to,
    enroll,
    make_bounty,
    moderator,
    place,
    settle,
)
from tests.two_connections import after
from tests.world import World


@pytest.fixture
async def own(settings: Settings) -> AsyncIterator[AsyncEngine]:
    """A connection of our own, that sees who waits."""
    url = settings.database_url
    assert url is not None
    engine = connect(url.get_secret_value(), name="test watcher", connections=1)
    yield engine
    await engine.dispose()


YES = {"accept_rules": True}


async def test_ten_fundings_at_once_fund_once(world: World) -> None:
    bounty = await make_bounty(world, state=BountyState.DRAFT)
    asked = (bounty.owner.post(f"{bounty.path}/fund") for _ in range(10))
    answers = await asyncio.gather(*asked)
    assert sorted(it.status_code for it in answers) == [200, *[409] * 9]
    assert (await balance(bounty.owner))["available"] == "850"
    await assert_sound(world, bounty)


async def test_two_bounties_do_not_spend_one_balance(world: World) -> None:
    owner = await world.rich("owner", "150")
    drafts = [await make_bounty(world, state=BountyState.DRAFT, owner=owner) for _ in range(5)]
    answers = await asyncio.gather(*(owner.post(f"{it.path}/fund") for it in drafts))
    assert sorted(it.status_code for it in answers) == [200, *[409] * 4]
    assert (await balance(owner))["available"] == "0"


async def test_entering_ten_times_at_once_is_entering_once(world: World) -> None:
    bounty = await make_bounty(world, enrollment_fee="1")
    person = await world.rich("eager", "10")
    asked = (person.post(f"{bounty.path}/enrollments", YES) for _ in range(10))
    answers = await asyncio.gather(*asked)
    assert sorted(it.status_code for it in answers) == [201, *[409] * 9]
    assert await available(person) == "9"
    await assert_sound(world, bounty)


async def test_ten_who_enter_at_once_all_get_in_with_their_own_numbers(world: World) -> None:
    bounty = await make_bounty(world, enrollment_fee="1")
    people = [await world.rich("eager", "10") for _ in range(10)]
    answers = await asyncio.gather(*(it.post(f"{bounty.path}/enrollments", YES) for it in people))
    assert sorted(it.json()["number"] for it in answers) == list(range(1, 11))
    await assert_sound(world, bounty)


async def test_one_name_is_one_entrants(world: World) -> None:
    bounty = await make_bounty(world)
    people = [await world.person("eager") for _ in range(5)]
    body = YES | {"name": "The Owls"}
    answers = await asyncio.gather(*(it.post(f"{bounty.path}/enrollments", body) for it in people))
    assert sorted(it.status_code for it in answers) == [201, *[409] * 4]


async def test_two_teams_do_not_get_one_member(world: World) -> None:
    bounty = await make_bounty(world, team_size_max=2)
    mate = await world.person("mate")
    team = [{"user_id": str(mate.id), "share_bps": 5_000}]
    teams = [await enroll(world, bounty, team=team) for _ in range(5)]
    paths = [f"{bounty.path}/enrollments/{it.enrollment_id}/agree" for it in teams]
    answers = await asyncio.gather(*(mate.post(it, YES) for it in paths))
    assert sorted(it.status_code for it in answers) == [200, *[409] * 4]
    await assert_sound(world, bounty)


async def test_a_cancel_among_people_who_enter_and_withdraw_loses_nothing(world: World) -> None:
    bounty = await make_bounty(world, enrollment_fee="1")
    people = [await world.rich("eager", "10") for _ in range(10)]
    first = [await enroll(world, bounty) for _ in range(5)]
    enter = [it.post(f"{bounty.path}/enrollments", YES) for it in people]
    leave = [it.post(f"{bounty.path}/enrollments/{it.enrollment_id}/withdraw") for it in first]
    judge = await moderator(world)
    cancel = [
        it.post(f"{bounty.path}/cancel", {"reason": "Enough."}) for it in (bounty.owner, judge)
    ]
    moves = [bounty.owner.post(f"{bounty.path}/{verb}") for verb in ("start", "close", "start")]
    answers = await asyncio.gather(*enter, *leave, *cancel, *moves)
    assert {it.status_code for it in answers} <= {200, 201, 409}
    assert [it.status_code for it in answers[15:17]].count(200) == 1
    await settle(world, bounty)
    assert {await available(it) for it in (*people, *first)} == {"10"}
    assert await available(bounty.owner) == "1000"
    await assert_sound(world, bounty)


async def test_a_cancel_waits_for_an_alarm_and_finds_it_finished(
    world: World, own: AsyncEngine
) -> None:
    """Two connections: whoever holds the bounty first decides how it ends."""
    bounty = await make_bounty(world)
    entrant = await enroll(world, bounty)
    await bring_to(bounty, BountyState.EVALUATING)
    sessions = world.parts.sessions

    async def cancel() -> str:
        async with sessions.begin() as tx:
            ctx = Context(tx, Actor(bounty.owner.id), datetime.now(UTC))
            try:
                await service.cancel(ctx, bounty.id, reason="I changed my mind.")
            except WrongState as refused:
                return str(refused.facts["state"])
        return "cancelled"

    async with sessions() as first:
        ctx = Context(first, SYSTEM, datetime.now(UTC))
        row = await queries.lock_bounty(first, bounty.id)
        await lifecycle.open_disputes(ctx, row)
        assert await after(own, first, cancel()) == "disputing"
    assert (await bounty.get())["state"] == "disputing"
    assert entrant.enrollment_id
    await assert_sound(world, bounty)


async def test_two_alarms_at_once_finish_once(world: World, own: AsyncEngine) -> None:
    bounty = await make_bounty(world)
    entrant = await enroll(world, bounty)
    await bring_to(bounty, BountyState.EVALUATING)
    await place(world, bounty, [(entrant, "100")])
    until = datetime.fromisoformat((await bounty.get())["disputes_until"])
    sessions = world.parts.sessions

    async def again() -> str:
        async with sessions.begin() as tx:
            return await lifecycle.catch_up(Context(tx, SYSTEM, until), bounty.id)

    async with sessions() as first:
        assert await lifecycle.catch_up(Context(first, SYSTEM, until), bounty.id) == "finish"
        assert await after(own, first, again()) == "nothing is due"
    assert await available(entrant) == "110"
    await assert_sound(world, bounty)


async def test_two_settlers_at_once_pay_once(world: World) -> None:
    bounty = await make_bounty(world, enrollment_fee="1")
    entrants = [await enroll(world, bounty) for _ in range(3)]
    await bounty.post("cancel", {"reason": "Enough."})
    await asyncio.gather(*(settle(world, bounty) for _ in range(5)))
    assert {await available(it) for it in entrants} == {"10"}
    await assert_sound(world, bounty)
