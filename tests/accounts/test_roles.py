"""The look-up that reads share answers each of them as the one of a transaction does."""

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from dml.accounts import queries, sessions
from dml.accounts.roles import Roles
from dml.core.context import Actor, Context, Role
from dml.core.ids import SessionId, UserId, new_id
from tests.world import World

ENDED_BY_POSTGRES = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'dml api sessions' AND datname = current_database()
"""


async def test_each_of_many_at_once_learns_its_own(world: World) -> None:
    people = [await world.person(f"reader-{number}") for number in range(3)]
    admin = await world.person("admin", Role.ADMIN)
    now = datetime.now(UTC)
    opened: list[tuple[SessionId, UserId]] = []
    async with world.parts.sessions.begin() as tx:
        for it in (*people, admin):
            made = await sessions.open_session(Context(tx, Actor(it.id), now), it.id, days=1)
            opened.append((made.session.id, it.id))
        ended = Context(tx, Actor(people[0].id), now)
        await sessions.end(ended, opened[0][0])
    asked = [
        *opened,
        (opened[1][0], people[2].id),  # Somebody else's session.
        (SessionId(new_id()), people[1].id),
    ]
    moments = [now, now + timedelta(days=2)]
    roles: Roles = world.app.state.roles
    found = await asyncio.gather(*(roles.find(*it, at) for at in moments for it in asked * 20))
    async with world.parts.sessions() as tx:
        wanted = [await queries.find_role(tx, *it, at) for at in moments for it in asked]
    some = len(asked)
    assert found == wanted[:some] * 20 + wanted[some:] * 20
    assert wanted[:some] == [None, Role.MEMBER, Role.MEMBER, Role.ADMIN, None, None]
    assert wanted[some:] == [None] * some


async def test_a_lost_connection_costs_no_reader_an_answer(world: World) -> None:
    person = await world.person("reader")
    assert (await person.get("/v1/users/me")).status_code == 200
    async with world.parts.sessions.begin() as tx:
        assert len((await tx.execute(text(ENDED_BY_POSTGRES))).all()) == 1
    answers = await asyncio.gather(*(person.get("/v1/users/me") for _ in range(20)))
    assert {it.status_code for it in answers} == {200}
