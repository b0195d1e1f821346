"""A crowd that was made in bulk works as any devices do."""

import asyncio
import json

from sqlalchemy import func, select

from dml.accounts.models import User
from dml.core.money import parse
from dml.devices.keys import check_key
from dml.devices.models import Device
from dml.payments import queries as payment_queries
from dml.payments.rules import wallet
from dml.sim import ledger, population
from dml.sim.engine import Address, Engine, Script
from dml.sim.ledger import Counted
from dml.sim.population import Crowd, JobTerms, Operator
from dml.sim.wire import Head
from tests.jobs.factories import fold
from tests.world import World

RESULT = json.dumps(
    {
        "items": 4,
        "labels": {"3": 2, "7": 1},
        "uncertain": 1,
        "months": {"2026-03": {"3": 2}},
        "undated": 1,
    }
).encode()


def work(crowd: Crowd, number: int, accepted: list[bytes]) -> Script:
    head = Head("localhost", crowd.token(number))
    claimed = yield ("claim", head.claim())
    assignment = claimed.text(b'"id":"')
    if not assignment:
        assert claimed.number(b'"retry_after_seconds":') > 0
        return
    beat = yield ("heartbeat", head.heartbeat(assignment))
    assert beat.status == 200, beat.raw
    answer = yield ("result", head.result(assignment, RESULT))
    assert answer.status == 200, answer.raw
    accepted.append(assignment)


async def test_a_crowd_claims_hands_in_and_is_paid(
    world: World, operator: Operator, address: Address
) -> None:
    here = "XT"  # A country of this test's own.
    crowd = await population.gather(operator, devices=20, owners=10, countries=[here])
    offer = await population.offer(operator, tokens="1000")
    (job,) = await population.order(operator, offer, JobTerms(30, countries=[here], reward="0.5"))
    accepted: list[bytes] = []
    with Engine([address], connections=8) as engine:
        run = await asyncio.to_thread(engine.run, [work(crowd, n, accepted) for n in range(20)])
    # Each owner has two devices, and one place.
    assert run.verbs["claim"].statuses == {200: 20}
    assert len(accepted) == run.verbs["result"].succeeded == 10
    await fold(world)
    async with operator.sessions() as tx:
        earned = [
            await payment_queries.get_account_balance(tx, wallet(it))
            for it in dict.fromkeys(crowd.owners)
        ]
        counted = await ledger.count(tx, [job])
    assert earned == [parse("0.5")] * 10
    assert counted == Counted(10, 0)


async def test_a_released_place_is_free_again(operator: Operator, address: Address) -> None:
    crowd = await population.gather(operator, devices=1, countries=["XU"])
    offer = await population.offer(operator, tokens="10")
    await population.order(operator, offer, JobTerms(5, countries=["XU"]))
    seen: list[tuple[int, bytes]] = []

    def script() -> Script:
        head = Head("localhost", crowd.token(0), forwarded_for="10.1.2.3")
        for _ in range(2):
            claimed = yield ("claim", head.claim())
            released = yield ("release", head.release(claimed.text(b'"id":"')))
            seen.append((released.status, claimed.text(b'"id":"')))

    with Engine([address]) as engine:
        await asyncio.to_thread(engine.run, [script()])
    assert [status for status, _ in seen] == [204, 204]
    assert seen[0] == seen[1]


async def test_many_are_made_with_distinct_valid_keys(operator: Operator) -> None:
    crowd = await population.gather(operator, devices=300, owners=100, name="many")
    assert len(crowd) == len(set(crowd.devices)) == 300
    assert len(set(crowd.owners)) == 100
    async with operator.sessions() as tx:
        rows = (await tx.scalars(select(Device).where(Device.id.in_(crowd.devices)))).all()
        people = await tx.scalar(
            select(func.count()).select_from(User).where(User.email.like("sim-many-%"))
        )
    assert people == 100
    assert len({it.public_key for it in rows}) == 300
    for row in rows[:20]:
        check_key(row.public_key)


async def test_many_jobs_are_ordered(operator: Operator) -> None:
    offer = await population.offer(operator)
    ordered = await population.order(operator, offer, JobTerms(10, countries=["XV"]), number=201)
    assert len(set(ordered)) == 201
