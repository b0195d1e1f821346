"""Devices and customers at work, while everything that serves them is killed again and again.

Whatever a client saw as accepted is kept, counted once and paid once; no place is lost; every job
ends by itself; and `dml doctor` finds nothing wrong, neither in the end nor on the way.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import quantiles
from typing import Any, Final

import psycopg
import pytest

from dml.core import processes
from dml.core.context import SYSTEM, Context
from dml.entrypoints import doctor
from dml.jobs.models import JobState
from tests.devices.factories import pair, permit
from tests.jobs.factories import make_version
from tests.kill import books
from tests.kill.crowd import Agent, Customer, Record
from tests.kill.marketplace import Marketplace, kept, supervised, until
from tests.kill.processes import DML

ALARMS: Final = 8  # Jobs whose deadline passes at the moment when a worker is killed.


@dataclass(frozen=True)
class Size:
    owners: int
    places: int  # Of each job.
    jobs_a_wave: int
    work_seconds: float  # A device takes so long for an assignment, at most;
    idle_seconds: float  # and comes back after so long.
    blows: tuple[str, ...]
    end_seconds: float


QUICK: Final = Size(14, 10, 3, 0.4, 0.4, ("worker", "postgres", "api and worker"), 60)
SUPERVISED: Final = Size(8, 6, 2, 0.4, 0.4, ("supervisor", "api and worker"), 60)
SLOW: Final = Size(
    200, 80, 3, 1, 25, ("api", "worker", "postgres", "backend", "api and worker") * 2, 300
)


@dataclass
class Storm:
    """One run: who takes part, and what is hit."""

    marketplace: Marketplace
    size: Size
    chance: random.Random
    record: Record = field(default_factory=Record)
    agents: list[Agent] = field(default_factory=list)
    takeovers: list[float] = field(default_factory=list)  # In seconds, as all times here.
    recoveries: list[tuple[str, float]] = field(default_factory=list)
    looks: int = 0

    async def gather_people(self) -> Customer:
        world = self.marketplace.world
        developer, person = await world.person("developer"), await world.rich("customer", "100000")
        version_id = await make_version(world, developer)
        some = asyncio.Semaphore(8)

        async def join(number: int) -> None:
            async with some:
                owner = await world.person("owner")
                await permit(owner, "photo")
                for _ in range(2 if number % 5 == 0 else 1):
                    device = await pair(world, owner)
                    chance = random.Random(self.chance.random())
                    paces = self.size.work_seconds, self.size.idle_seconds
                    self.agents.append(Agent(device, self.record, chance, *paces))

        await asyncio.gather(*(join(number) for number in range(self.size.owners)))
        return Customer(person, developer.id, version_id, self.record)

    async def order_wave(self, customer: Customer) -> None:
        for number in range(self.size.jobs_a_wave):
            await customer.order(
                end=JobState.COMPLETED,
                max_devices=self.size.places,
                max_devices_per_owner=1 + (number % 2 if self.size.places > 8 else 0),
                reward=f"0.0{self.chance.randrange(1, 9)}",
            )

    async def strike(self, blow: str, customer: Customer) -> None:
        market = self.marketplace
        struck = time.monotonic()
        match blow:
            case "api":
                market.api.kill()
            case "worker":
                self.takeovers.append(await self._kill_a_busy_worker(customer))
            case "postgres":
                await market.kill_postgres(away_seconds=self.chance.uniform(0, 1))
            case "backend":
                market.kill_backend()
            case "supervisor":
                market.kill_supervisor()
            case _:
                market.api.kill()
                self.chance.choice(market.workers).kill()
        await asyncio.sleep(0.5)  # What dies by that blow has died.
        await market.ready()
        self.recoveries.append((blow, round(time.monotonic() - struck, 1)))

    async def _kill_a_busy_worker(self, customer: Customer) -> float:
        """Kill a worker that is ending jobs. Return how many seconds later another has done so."""
        wanted: dict[str, Any] = {"max_devices": 5, "countries": ["AQ"], "reward": "0.01"}
        wanted["end"] = JobState.EXPIRED
        alarms = await asyncio.gather(*(customer.order(**wanted) for _ in range(ALARMS)))
        ids = [it.id for it in alarms]
        market = self.marketplace
        with psycopg.connect(market.database_url) as holding:
            holding.execute("UPDATE jobs SET deadline = now() WHERE id = ANY (%s)", [ids])
            async with market.world.parts.sessions.begin() as tx:
                ctx = Context(tx, SYSTEM, datetime.now(UTC))
                for job in alarms:
                    assert await processes.reschedule(ctx, f"job:{job.id}:deadline", ctx.now)

            async def begun() -> bool:
                return len(await self._in_hand(ids)) == ALARMS

            await until(begun, seconds=20, what="workers begin to end the jobs")
            by_node = await self._in_hand(ids)
            victim = max(
                market.workers, key=lambda it: sum(f"-{it.pid}-" in by for by in by_node.values())
            )
            taken = [job for job, by in by_node.items() if f"-{victim.pid}-" in by]
            victim.kill()
            killed = time.monotonic()
            holding.commit()

        async def ended() -> bool:
            states = market.rows("SELECT state FROM jobs WHERE id::text = ANY (%(ids)s)", ids=taken)
            return {state for (state,) in states} == {"expired"}

        await until(ended, seconds=30, what="another worker takes over")
        return time.monotonic() - killed

    async def _in_hand(self, ids: Sequence[object]) -> dict[str, str]:
        """Return which node has the end of each of these jobs in hand."""
        rows = self.marketplace.rows(
            """SELECT split_part(workflow_uuid, ':', 2), executor_id FROM dbos.workflow_status
            WHERE status = 'PENDING' AND workflow_uuid = ANY (%(names)s)""",
            names=[f"job:{it}:deadline" for it in ids],
        )
        return dict(rows)

    async def keep_looking(self) -> None:
        """Ask the doctor over and over: a marketplace at work gives no false alarm."""
        while True:
            try:
                diagnosis = await doctor.examine(self.marketplace.database_url)
            except doctor.AWAY:
                pass
            else:
                self.looks += 1
                self.record.wrong += [f"while it runs: {it}" for it in diagnosis.complaints]
            await asyncio.sleep(1)


async def play(size: Size, running: AbstractAsyncContextManager[Marketplace]) -> None:
    begun, seed = time.monotonic(), a_seed()
    async with running as marketplace:
        storm = Storm(marketplace, size, random.Random(seed))
        customer = await storm.gather_people()
        ready = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            stop = asyncio.Event()
            looking = tasks.create_task(storm.keep_looking())
            for agent in storm.agents:
                tasks.create_task(agent.run(stop))
            await run_jobs(storm, customer)
            stop.set()
            looking.cancel()
        ended = time.monotonic()
        unseen = judge(storm, customer)
        assert storm.looks > 0
    took = time.monotonic()
    report = {
        "seed": seed,
        "kills": len(size.blows),
        "jobs": len(customer.ordered),
        "accepted": len(storm.record.accepted),
        "accepted unseen": unseen,
        "takeovers": [round(it, 2) for it in storm.takeovers],
        "recoveries": storm.recoveries,
        "looks": storm.looks,
        "answer_seconds": quantiles(storm.record.answer_seconds, n=100)[49::49],
        "seconds": [round(it) for it in (ready - begun, ended - ready, took - ended)],
        "seen": dict(storm.record.seen),
    }
    sys.stdout.write(f"{json.dumps(report, indent=1)}\n")
    assert all(seconds < 5 for seconds in storm.takeovers), storm.takeovers


async def run_jobs(storm: Storm, customer: Customer) -> None:
    """Order jobs and strike, wave by wave; then wait until every job has ended by itself."""
    many: dict[str, Any] = {"max_devices": 5_000, "reward": "0.01"}
    closed = await customer.order(end=JobState.CANCELLED, **many)
    paused = await customer.order(end=JobState.COMPLETED, max_devices=7, reward="0.5")
    await customer.order(end=JobState.EXPIRED, seconds=6 * len(storm.size.blows), **many)
    await customer.tell(paused, "pause")
    for number, blow in enumerate(storm.size.blows):
        await storm.order_wave(customer)
        await asyncio.sleep(storm.chance.uniform(1, 2))
        await storm.strike(blow, customer)
        if number == 0:
            await customer.tell(closed, "close")
            await customer.tell(paused, "resume")

    storm.record.calm = True

    async def all_ended() -> bool:
        (left,) = storm.marketplace.rows("SELECT count(*) FROM jobs WHERE ended_at IS NULL")
        return bool(left == (0,))

    await until(all_ended, seconds=storm.size.end_seconds, what="every job ends")


def judge(storm: Storm, customer: Customer) -> int:
    marketplace = storm.marketplace
    assert storm.record.wrong == []
    unseen = books.check(marketplace.database_url, storm.record, customer.ordered)
    told = subprocess.run(
        [*DML, "doctor", "--json"],
        env=marketplace.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    checks = len(doctor.ALL_CHECKS)
    assert json.loads(told.stdout) == {"content": True, "complaints": [], "checks": checks}
    assert told.returncode == 0
    assert "deadlock detected" not in marketplace.postgres_log.read_text()
    for process in (marketplace.api, *marketplace.workers):
        assert "AssertionError" not in process.log.read_text()
    return unseen


def a_seed() -> int:
    """Return the seed of a run, which a failure shows; KILL_SEED=… plays the same again."""
    seed = int(os.environ.get("KILL_SEED", 0)) or random.SystemRandom().randrange(1, 2**32)
    sys.stdout.write(f"seed {seed}\n")
    return seed


@pytest.mark.timeout(300)
async def test_nothing_is_lost_or_paid_twice_whatever_is_killed() -> None:
    await play(QUICK, kept())


@pytest.mark.timeout(300)
async def test_nothing_is_lost_where_dml_up_brings_back_what_is_killed() -> None:
    await play(SUPERVISED, supervised())


@pytest.mark.slow
@pytest.mark.timeout(1_200)
async def test_nothing_is_lost_or_paid_twice_in_a_long_storm() -> None:
    await play(SLOW, kept())
