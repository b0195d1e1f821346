"""Debit limits: what jobs and bounties may take in 30 days, whoever asks at once."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from dml.core.money import MicroTokens
from dml.payments.debit_limits import rules
from dml.payments.debit_limits.models import DebitLimit
from dml.payments.debit_limits.rules import Taken
from dml.payments.models import Transfer
from dml.payments.rules import wallet
from tests.accounts.recovery.test_commands import typed
from tests.agent.market import Market
from tests.bounties.factories import enroll, make_bounty, plan
from tests.jobs.factories import make_version, order
from tests.two_connections import after
from tests.world import PASSWORD, Person, World, problem

PATH = "/v1/payments/debit-limit"
PROOF = {"proof": {"kind": "password", "password": PASSWORD}}
NOW = datetime(2026, 1, 31, tzinfo=UTC)


def taken(*amounts: int) -> list[Taken]:
    """Amounts that were taken, one each day, the last one yesterday."""
    days = range(len(amounts), 0, -1)
    return [
        Taken(MicroTokens(it), NOW - timedelta(days=day))
        for it, day in zip(amounts, days, strict=True)
    ]


@pytest.mark.parametrize(
    ("limit", "before", "amount", "free_after_days"),
    [
        (10, (), 10, None),
        (10, (4, 3), 3, None),
        (10, (4, 3), 4, 28),
        (10, (4, 3), 8, 29),
        (10, (9, 9), 1, 28),  # It was lowered since.
        (10, (), 11, "never"),
        (0, (), 1, "never"),
        (0, (), 0, None),
    ],
)
def test_what_is_free_and_from_when(
    limit: int, before: tuple[int, ...], amount: int, free_after_days: Any
) -> None:
    limited, used, asked = MicroTokens(limit), taken(*before), MicroTokens(amount)
    if free_after_days is None:
        rules.require_within(limited, used, asked)
        return
    with pytest.raises(rules.DebitLimitReached):
        rules.require_within(limited, used, asked)
    never = free_after_days == "never"
    due = None if never else NOW + timedelta(days=free_after_days)
    assert rules.free_at(limited, used, asked) == due


@pytest.mark.parametrize(
    ("before", "after_", "raised"),
    [
        (None, 5, False),
        (5, 4, False),
        (5, 5, False),
        (5, 6, True),
        (5, None, True),
        (0, 1, True),
        (None, None, False),
    ],
)
def test_what_raises_a_limit(before: Any, after_: Any, raised: bool) -> None:
    assert rules.is_raised(before, after_) == raised


async def limit(person: Person, tokens: str | None, **more: Any) -> Any:
    return await person.put(PATH, {"limit": tokens} | more)


async def buyer(world: World, tokens: str) -> tuple[Person, dict[str, Any]]:
    """Somebody with a limit, and an order whose cost is a bit more than 1."""
    person = await world.rich("buyer", "1000")
    assert (await limit(person, tokens)).status_code == 200
    return person, order(await make_version(world, await world.person("developer")))


async def test_jobs_take_no_more_than_the_limit_and_it_is_told_what_is_left(world: World) -> None:
    person, body = await buyer(world, "2")
    first = await person.post("/v1/jobs", body)
    assert first.status_code == 201
    cost = float(first.json()["cost"])
    told = problem(await person.post("/v1/jobs", body), 409, "payments.debit_limit_reached")
    assert told["limit"] == "2"
    assert float(told["left"]) == pytest.approx(2 - cost)
    begins = datetime.fromisoformat(first.json()["created_at"])
    assert datetime.fromisoformat(told["free_at"]) == begins + rules.WINDOW
    shown = (await person.get(PATH)).json()
    assert shown["limit"] == "2"
    assert float(shown["taken"]) == pytest.approx(cost)
    # What comes back is not given back to the limit; what is older than 30 days is.
    closed = await person.post(f"/v1/jobs/{first.json()['id']}/close", {})
    assert closed.status_code == 200, closed.text
    problem(await person.post("/v1/jobs", body), 409, "payments.debit_limit_reached")
    async with world.parts.sessions.begin() as tx:
        old = update(Transfer).where(Transfer.source == wallet(person.id))
        await tx.execute(old.values(created_at=datetime.now(UTC) - rules.WINDOW))
    assert (await person.post("/v1/jobs", body)).status_code == 201


async def test_prizes_and_enrollment_fees_count(world: World) -> None:
    owner = await world.rich("owner", "10000")
    await limit(owner, "1")
    made = await owner.post("/v1/bounties", plan(judging="manual"))
    funded = await owner.post(f"{made.headers['location']}/fund")
    assert problem(funded, 409, "payments.debit_limit_reached")["free_at"] is None

    bounty = await make_bounty(world, enrollment_fee="3")
    entrant = await world.rich("entrant", "10")
    await limit(entrant, "2.999999")
    answer = await entrant.post(f"{bounty.path}/enrollments", {"accept_rules": True})
    problem(answer, 409, "payments.debit_limit_reached")
    assert (await limit(entrant, "3", **PROOF)).status_code == 200
    await enroll(world, bounty, person=entrant)


async def test_of_two_at_once_that_pass_it_together_one_is_refused(world: World) -> None:
    person, body = await buyer(world, "1.9")
    answers = await asyncio.gather(*(person.post("/v1/jobs", body) for _ in range(4)))
    assert sorted(it.status_code for it in answers if it.status_code != 503)[:2] != [201, 201]
    async with world.parts.sessions() as tx:
        query = select(Transfer.amount).where(Transfer.source == wallet(person.id))
        assert sum((await tx.scalars(query)).all()) <= 1_900_000


async def test_whoever_takes_waits_for_who_changes_the_limit(world: World) -> None:
    person, body = await buyer(world, "100")
    async with world.parts.sessions() as tx:
        held = update(DebitLimit).where(DebitLimit.user_id == person.id)
        await tx.execute(held.values(amount=1))
        answer = await after(world.parts.sessions.kw["bind"], tx, person.post("/v1/jobs", body))
    assert answer.status_code in (201, 409)


async def test_to_raise_it_takes_a_proof_and_to_lower_it_none(world: World) -> None:
    ada = await world.person("ada")
    assert (await ada.get(PATH)).json()["limit"] is None
    assert (await limit(ada, "5")).json()["left"] == "5"
    assert (await limit(ada, "4")).status_code == 200
    for raised in ("4.000001", None):
        problem(await limit(ada, raised), 403, "payments.proof_needed")
        wrong = {"proof": {"kind": "password", "password": "another"}}
        problem(await limit(ada, raised, **wrong), 403, "accounts.wrong_proof")
    assert (await ada.get(PATH)).json()["limit"] == "4"
    assert (await limit(ada, None, **PROOF)).json()["limit"] is None
    assert (await limit(ada, "0")).json()["left"] == "0"
    seen = (await ada.get("/v1/events?types=user.debit_limit_set")).json()["items"]
    assert [it["data"]["limit"] for it in seen] == ["5", "4", None, "0"]


@pytest.mark.parametrize("bad", ["-1", "1.0000001", "1e3", "x", 5, 1.5, [], {}])
async def test_a_limit_is_an_amount(world: World, bad: Any) -> None:
    ada = await world.person("ada")
    assert (await limit(ada, bad)).status_code == 422
    assert (await ada.put(PATH, {})).status_code == 422


async def test_the_tool_shows_and_sets_it_and_asks_for_the_password_where_it_must(
    world: World, tmp_path: Path
) -> None:
    ada, market = await world.person("ada"), Market(world)
    await market.open()
    for typed_, limit_, more in (
        ([], None, {}),
        (["5"], "5", {}),
        (["6"], "6", {"DML_PASSWORD": PASSWORD}),
        (["none"], None, {"DML_PASSWORD": PASSWORD}),
    ):
        told = await typed(market, tmp_path, ada, "debit-limit", *typed_, **more)
        assert told["limit"] == limit_
    await market.close()
