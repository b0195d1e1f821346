"""Signs of life: they come from the loops that do the work, and their age is the database's."""

import asyncio

from sqlalchemy import text

from dml.core import nodes
from dml.core.nodes import ROUND_SECONDS, Pulse
from tests.conftest import Sessions


def test_a_loop_that_does_not_go_on_stops_the_pulse() -> None:
    now = [0.0]
    pulse = Pulse(lambda: now[0])
    assert pulse.find_stuck() is None
    pulse.beat("folding")
    pulse.beat("cleaning", rests_seconds=600)
    now[0] = ROUND_SECONDS
    assert pulse.find_stuck() is None
    now[0] += 1
    assert pulse.find_stuck() == "folding"
    pulse.beat("folding")
    assert pulse.find_stuck() is None
    now[0] = 600 + ROUND_SECONDS + 1
    pulse.beat("folding")
    assert pulse.find_stuck() == "cleaning"


async def test_who_hangs_says_no_more_that_it_lives(committing: Sessions) -> None:
    now = [0.0]
    pulse = Pulse(lambda: now[0])
    pulse.beat("folding")
    keeping = asyncio.create_task(nodes.keep_alive(committing, "it", "worker", {}, pulse))
    await _until_alive(committing)
    now[0] = ROUND_SECONDS + 1
    async with committing.begin() as tx:
        await tx.execute(text("UPDATE nodes SET seen_at = now() - interval '11 seconds'"))
    await asyncio.sleep(nodes.EVERY_SECONDS * 1.5)
    assert not await _alive(committing)
    pulse.beat("folding")
    await _until_alive(committing)
    await _end(keeping)


async def test_who_ends_in_order_is_no_more_taken_for_alive(committing: Sessions) -> None:
    keeping = asyncio.create_task(nodes.keep_alive(committing, "it", "worker", {}))
    await _until_alive(committing)
    await _end(keeping)
    assert keeping.cancelled()
    assert not await _alive(committing)


async def _end(keeping: asyncio.Task[None]) -> None:
    await asyncio.sleep(0.2)  # Until it rests: its commit may be there before its answer.
    keeping.cancel()
    await asyncio.wait([keeping])


async def _alive(sessions: Sessions) -> bool:
    async with sessions() as tx:
        return bool(await nodes.alive(tx, "worker"))


async def _until_alive(sessions: Sessions) -> None:
    for _ in range(200):
        if await _alive(sessions):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("no sign of life")
