"""PostgreSQL is away, or hangs: devices are told so in time, and served again once it is back."""

import asyncio
import os
import signal
import time
from pathlib import Path

import httpx2
import pytest

from dml.entrypoints.embedded import postgres, servers
from tests.devices.factories import TestDevice, pair, permit
from tests.kill.marketplace import Marketplace, kept

# Two seconds of patience, and what a machine adds that runs other tests. A client waits for eight.
TOLD_SECONDS = 5.0
BACK_SECONDS = 1.0


async def a_device(market: Marketplace) -> TestDevice:
    owner = await market.world.person("owner")
    await permit(owner, "photo")
    device = await pair(market.world, owner)
    assert (await device.post("/v1/assignments/claim", {"max": 1})).status_code == 200
    return device


def all_of_postgres(home: Path) -> list[int]:
    """Every process of the PostgreSQL of this home, the first one first."""
    leader = postgres.process(home)
    assert leader is not None
    told = Path(f"/proc/{leader.pid}/task/{leader.pid}/children").read_text()
    return [leader.pid, *map(int, told.split())]


async def claim(device: TestDevice) -> tuple[httpx2.Response, float]:
    began = time.monotonic()
    return await device.post("/v1/assignments/claim", {"max": 1}), time.monotonic() - began


async def expect_503(device: TestDevice) -> None:
    """Ask several times, at once and one after the other.

    Who served us outlives the first process for an instant, and does so rightly: until then, wait.
    """
    began = time.monotonic()
    while (await claim(device))[0].status_code == 200:
        assert time.monotonic() - began < BACK_SECONDS
    for at_once in (1, 20, 1):
        for answer, seconds in await asyncio.gather(*(claim(device) for _ in range(at_once))):
            assert (answer.status_code, seconds < TOLD_SECONDS) == (503, True), (
                seconds,
                answer.text,
            )
            assert answer.headers["retry-after"].isdigit()


async def expect_200(device: TestDevice) -> None:
    """Ask again and again, as a client does, until it is served."""
    began = time.monotonic()
    while (await claim(device))[0].status_code != 200:
        assert time.monotonic() - began < BACK_SECONDS
    assert time.monotonic() - began < BACK_SECONDS


@pytest.mark.timeout(120)
async def test_who_asks_while_postgresql_is_away_is_told_so_and_served_when_it_is_back() -> None:
    async with kept(workers=1) as market:
        device, home = await a_device(market), market.settings.home
        os.kill(all_of_postgres(home)[0], signal.SIGKILL)
        await expect_503(device)
        await asyncio.to_thread(servers.start_postgres, home)
        await expect_200(device)

        everyone = all_of_postgres(home)
        for pid in everyone:
            os.kill(pid, signal.SIGSTOP)
        try:
            await expect_503(device)
        finally:
            for pid in everyone:
                os.kill(pid, signal.SIGCONT)
        await expect_200(device)
