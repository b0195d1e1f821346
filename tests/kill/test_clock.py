"""The clock of a machine is set back a minute under load: leases, tokens and deadlines go on.

What a lease is good for, PostgreSQL's clock says, so that machines need not agree.
"""

import asyncio
import random
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

import pytest

from tests.kill.marketplace import Marketplace, kept, until
from tests.kill.test_kills import Size, Storm, a_seed, judge
from tests.kill.test_upgrade import all_ended

COMPILER: Final = shutil.which("cc")
LOAD: Final = Size(6, 5, 2, 0.3, 0.3, (), 60)
OFF_SECONDS: Final = (60, -60, 0)
BETWEEN_SECONDS: Final = 2.0
ABOUT_SECONDS: Final = 20  # A busy machine answers late.


class Clock:
    """The wall clock of the processes that are started with these variables."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "off"
        self.set(0)
        library, source = folder / "clock.so", Path(__file__).with_name("clock.c")
        assert COMPILER
        subprocess.run(
            [COMPILER, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True
        )
        self.variables: Mapping[str, str] = {
            "LD_PRELOAD": str(library),
            "CLOCK_OFF_BY": str(self.file),
        }

    def set(self, seconds: int) -> None:
        """Set it off by so many seconds, at once."""
        with self.file.open("r+b" if self.file.exists() else "wb") as file:
            file.write(seconds.to_bytes(8, "little", signed=True))


@pytest.mark.skipif(COMPILER is None, reason="a clock of its own is compiled, and no cc is there")
@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_clock_that_is_set_back_or_ahead_by_a_minute_loses_nothing(
    open_folder: Path,
) -> None:
    clock = await asyncio.to_thread(Clock, open_folder)
    async with kept(workers=1, **clock.variables) as market:
        storm = Storm(market, LOAD, random.Random(a_seed()))
        customer = await storm.gather_people()
        async with asyncio.TaskGroup() as tasks:
            stop = asyncio.Event()
            looking = tasks.create_task(storm.keep_looking())
            for agent in storm.agents:
                tasks.create_task(agent.run(stop))
            for seconds in OFF_SECONDS:
                await asyncio.to_thread(clock.set, seconds)

                async def is_set(seconds: int = seconds) -> bool:
                    return abs(await off_by(market) - seconds) < ABOUT_SECONDS

                await until(is_set, seconds=30, what="the API has another time")
                await storm.order_wave(customer)
                await asyncio.sleep(BETWEEN_SECONDS)
            storm.record.calm = True
            await until(lambda: all_ended(market), seconds=LOAD.end_seconds, what="every job ends")
            stop.set()
            looking.cancel()
        judge(storm, customer)


async def off_by(market: Marketplace) -> float:
    """How many seconds the API's clock is ahead of ours."""
    answer = await market.world.client.get("/healthz")
    return (parsedate_to_datetime(answer.headers["date"]) - datetime.now(UTC)).total_seconds()
