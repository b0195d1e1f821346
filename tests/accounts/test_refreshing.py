"""A refresh whose answer was lost, two at once, and a token that was stolen."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from dml.accounts import rules, sessions
from dml.accounts.models import RefreshToken
from dml.accounts.sessions import Lasting
from dml.core.context import NOBODY, Context
from dml.core.ids import new_id
from tests.conftest import Sessions
from tests.two_connections import after
from tests.world import World, make_user, problem


async def refresh(world: World, token: str) -> httpx2.Response:
    return await world.client.post("/v1/users/refresh", json={"refresh_token": token})


async def me(world: World, tokens: Any) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    return await world.client.get("/v1/users/me", headers=headers)


async def signed_in(world: World) -> str:
    body = {"email": f"ada-{new_id()}@example.org", "password": "correct horse"}
    await world.client.post("/v1/users", json=body)
    tokens = (await world.client.post("/v1/users/authenticate", json=body)).json()
    return str(tokens["refresh_token"])


async def age(world: World, token: str, seconds: float) -> None:
    """Let it be so long ago that this token was used."""
    async with world.parts.sessions.begin() as tx:
        earlier = datetime.now(UTC) - timedelta(seconds=seconds)
        used = update(RefreshToken).where(RefreshToken.sha256 == sessions.digest(token))
        await tx.execute(used.values(used_at=earlier))


async def test_an_answer_that_was_lost_is_given_again(world: World) -> None:
    first = await signed_in(world)
    answers = [(await refresh(world, first)).json() for _ in range(3)]
    assert len({it["refresh_token"] for it in answers} - {first}) == 1
    for it in answers:
        assert (await me(world, it)).status_code == 200
    following = await refresh(world, answers[0]["refresh_token"])
    assert (await me(world, following.json())).status_code == 200
    assert (await me(world, answers[0])).status_code == 200


async def test_many_at_once_get_the_same_next_token(world: World) -> None:
    first = await signed_in(world)
    answers = await asyncio.gather(*(refresh(world, first) for _ in range(8)))
    assert [it.status_code for it in answers] == [200] * 8
    assert len({it.json()["refresh_token"] for it in answers}) == 1
    for it in answers:
        assert (await me(world, it.json())).status_code == 200


async def test_a_token_used_once_more_after_the_grace_ends_the_session(world: World) -> None:
    first = await signed_in(world)
    fresh = (await refresh(world, first)).json()
    grace = world.parts.settings.refresh_grace_seconds
    await age(world, first, grace - 5)
    assert (await refresh(world, first)).json()["refresh_token"] == fresh["refresh_token"]
    await age(world, first, grace)  # Asking again made the grace no longer.
    problem(await refresh(world, first), 401, "accounts.refresh_token_reused")
    problem(await me(world, fresh), 401, "core.not_signed_in")
    problem(await refresh(world, fresh["refresh_token"]), 401, "accounts.bad_refresh_token")


async def test_once_the_next_token_was_used_the_one_before_ends_the_session(world: World) -> None:
    first = await signed_in(world)
    second = (await refresh(world, first)).json()
    third = (await refresh(world, second["refresh_token"])).json()
    problem(await refresh(world, first), 401, "accounts.refresh_token_reused")
    problem(await me(world, third), 401, "core.not_signed_in")
    problem(await refresh(world, third["refresh_token"]), 401, "accounts.bad_refresh_token")


async def test_a_thief_within_the_grace_holds_no_line_of_tokens_of_their_own(world: World) -> None:
    first = await signed_in(world)
    of_owner = (await refresh(world, first)).json()["refresh_token"]
    of_thief = (await refresh(world, first)).json()["refresh_token"]
    further = (await refresh(world, of_thief)).json()
    await age(world, of_owner, 3_600)  # The owner comes back when the access token has expired.
    problem(await refresh(world, of_owner), 401, "accounts.refresh_token_reused")
    problem(await me(world, further), 401, "core.not_signed_in")
    problem(await refresh(world, further["refresh_token"]), 401, "accounts.bad_refresh_token")


async def test_no_answer_is_given_again_once_the_session_was_ended(world: World) -> None:
    first = await signed_in(world)
    fresh = (await refresh(world, first)).json()
    body = {"refresh_token": fresh["refresh_token"]}
    assert (await world.client.post("/v1/users/logout", json=body)).status_code == 204
    problem(await refresh(world, first), 401, "accounts.bad_refresh_token")


async def test_the_database_holds_no_more_than_the_last_answer_needs(world: World) -> None:
    token = await signed_in(world)
    known = [token]
    for _ in range(3):
        known.append((await refresh(world, known[-1])).json()["refresh_token"])
    async with world.parts.sessions() as tx:
        digests = [sessions.digest(it) for it in known]
        kept = select(RefreshToken.sha256).where(
            RefreshToken.sha256.in_(digests), RefreshToken.successor_salt.is_not(None)
        )
        assert list(await tx.scalars(kept)) == [digests[2]]


async def opened(committing: Sessions) -> str:
    async with committing.begin() as tx:
        ctx = Context(tx, NOBODY, datetime.now(UTC))
        user = await make_user(tx, f"ada-{new_id()}")
        return (await sessions.open_session(ctx, user.id, days=1)).refresh_token


async def test_what_was_killed_before_it_was_committed_used_nothing(committing: Sessions) -> None:
    token = await opened(committing)
    async with committing() as tx:
        ctx = Context(tx, NOBODY, datetime.now(UTC))
        lost = await sessions.refresh(ctx, token, Lasting(1, 90, 30))
        await tx.flush()
    async with committing.begin() as tx:
        later = Context(tx, NOBODY, ctx.now + timedelta(hours=1))
        again = await sessions.refresh(later, token, Lasting(1, 90, 30))
        assert again.refresh_token != lost.refresh_token
        with pytest.raises(rules.BadRefreshToken):
            await sessions.refresh(later, lost.refresh_token, Lasting(1, 90, 30))


async def test_a_refresh_and_its_repetition_wait_for_each_other(
    committing: Sessions, own_engine: AsyncEngine
) -> None:
    token = await opened(committing)
    async with committing() as one, committing() as other:
        now = datetime.now(UTC)
        first = await sessions.refresh(Context(one, NOBODY, now), token, Lasting(1, 90, 30))
        await one.flush()
        again = sessions.refresh(Context(other, NOBODY, now), token, Lasting(1, 90, 30))
        second = await after(own_engine, one, again)
        assert second.refresh_token == first.refresh_token
