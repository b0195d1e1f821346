"""`dml events` against a server that listens: what happened, and what happens now."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator

import pytest

from tests.agent.market import Market
from tests.core.engine_watch import until
from tests.jobs.factories import make_job
from tests.world import Person, World


@pytest.fixture
async def market(world: World) -> AsyncIterator[Market]:
    opened = Market(world)
    await opened.open()
    yield opened
    await opened.close()


async def type_(market: Market, who: Person, *arguments: str) -> asyncio.subprocess.Process:
    environment = {**os.environ, "DML_SERVER": market.url, "DML_TOKEN": who.token}
    program = [sys.executable, "-m", "dml.entrypoints.cli", "events", *arguments]
    return await asyncio.create_subprocess_exec(
        *program,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def printed(market: Market, who: Person, *arguments: str) -> list[str]:
    process = await type_(market, who, *arguments)
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode().splitlines()


async def test_what_happened_is_shown_and_gone_on_from(world: World, market: Market) -> None:
    job = await make_job(world)
    await job.customer.post(f"{job.path}/pause")
    about = ("--about", f"job:{job.id}")

    async def is_settled() -> bool:
        return len(await printed(market, job.customer, *about)) == 2

    await until(is_settled)
    created, paused = await printed(market, job.customer, *about)
    assert "job.created" in created
    assert f"job {str(job.id)[-8:]}" in paused
    told = [json.loads(it) for it in await printed(market, job.customer, "--json", *about)]
    assert [it["type"] for it in told] == ["job.created", "job.paused"]
    later = await printed(market, job.customer, "--after", told[0]["id"], "--types", "job.*")
    assert len(later) == 1
    process = await type_(market, job.customer, "--types", "job.stopped")
    _, err = await process.communicate()
    assert process.returncode == 1
    assert b"did you mean job.closed" in err or b"has no type" in err


async def test_what_happens_now_is_followed(world: World, market: Market) -> None:
    job = await make_job(world)
    process = await type_(market, job.customer, "--follow", "--json")
    assert process.stdout is not None

    async def is_told(wanted: str) -> None:
        """It begins with what is settled by now: what came just before may be told, too."""
        assert process.stdout is not None
        while json.loads(await process.stdout.readline())["type"] != wanted:
            pass

    async def follows() -> bool:
        return bool(world.app.state.event_streams._by_name)

    await until(follows)
    async with asyncio.timeout(30):
        await job.customer.post(f"{job.path}/pause")
        await is_told("job.paused")
        await job.customer.post(f"{job.path}/resume")
        await is_told("job.resumed")
    process.terminate()
    await process.wait()
