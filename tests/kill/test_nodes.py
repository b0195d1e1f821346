"""Several machines behind a proxy: one frozen, one cut off, one killed and one added, under load.

Whatever a client saw as accepted is kept, counted once and paid once, the books are equal, and each
request is answered when it is tried again.
"""

import asyncio
import json
import random
import sys
from typing import Final

import pytest

from dml.jobs.models import JobState
from tests.kill.marketplace import until
from tests.kill.nodes import Machines, machines
from tests.kill.test_kills import Size, Storm, a_seed, judge

LOAD: Final = Size(8, 6, 2, 0.4, 0.4, (), 60)
FROZEN_SECONDS: Final = 12.0  # A lease is good for 4, a sign of life for 10.
CUT_SECONDS: Final = 4.0
BETWEEN_ORDERS_SECONDS: Final = 1.5
OF_A_PROXY: Final = {502, 504}  # Who was asked is gone before the answer.
TRIES_MAX: Final = 6  # Of any request. Some give up their first try in haste.


@pytest.mark.timeout(240)
async def test_nothing_is_lost_where_a_machine_is_frozen_cut_off_killed_or_added() -> None:
    await play(FROZEN_SECONDS)


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_nothing_is_lost_where_a_machine_is_frozen_for_a_minute() -> None:
    await play(60.0)


async def play(frozen_seconds: float) -> None:
    async with machines() as its:
        storm = Storm(its.market, LOAD, random.Random(a_seed()))
        record = storm.record
        record.passing |= OF_A_PROXY
        customer = await storm.gather_people()
        async with asyncio.TaskGroup() as tasks:
            stop = asyncio.Event()
            looking = tasks.create_task(storm.keep_looking())
            for agent in storm.agents:
                tasks.create_task(agent.run(stop))
            await storm.order_wave(customer)
            hit = tasks.create_task(strike(its, frozen_seconds))
            while not hit.done():
                await customer.order(end=JobState.COMPLETED, max_devices=LOAD.places, reward="0.05")
                await asyncio.sleep(BETWEEN_ORDERS_SECONDS)
            record.calm = True

            async def all_ended() -> bool:
                left = its.market.rows("SELECT count(*) FROM jobs WHERE ended_at IS NULL")
                return bool(left == [(0,)])

            await until(all_ended, seconds=LOAD.end_seconds, what="every job ends")
            stop.set()
            looking.cancel()
        unseen = judge(storm, customer)
        assert storm.looks > 0
        told = {
            "jobs": len(customer.ordered),
            "accepted": len(record.accepted),
            "accepted unseen": unseen,
            "most tries": record.most_tries,
            "longest": round(record.longest, 1),
            "seen": dict(record.seen),
        }
        sys.stdout.write(json.dumps(told, indent=1))
        assert record.most_tries <= TRIES_MAX
        assert await its.spare.device_requests() > 0


async def strike(its: Machines, frozen_seconds: float) -> None:
    """Freeze one and add one; meanwhile cut another off, and then kill the third."""
    killed, frozen, cut_off = its.nodes
    its.spare.begin()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(frozen.freeze(frozen_seconds))
        await asyncio.sleep(1)
        await cut_off.cut_off(CUT_SECONDS)
        await cut_off.ready()
        await its.spare.ready()
        killed.kill()
        await asyncio.sleep(0.5)  # What dies by that blow has died.
        await killed.ready()
    await frozen.ready()
