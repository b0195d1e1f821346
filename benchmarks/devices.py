"""Devices that do nothing but claim and hand in, as fast as they are answered; and a loop alike
without HTTP, which is what they are measured by."""

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any, Final

import uvloop

from benchmarks.market import Market
from dml.core.batching import Raced
from dml.core.db import connect_hot
from dml.core.ids import AssignmentId, DeviceId, JobId, UserId, new_id
from dml.jobs.budgets.rules import BudgetBounds
from dml.jobs.device_path import statements
from dml.jobs.device_path.outcomes import Claim, Sent
from dml.sim import population
from dml.sim.engine import Engine, Script
from dml.sim.figures import Run
from dml.sim.population import Crowd, JobTerms
from dml.sim.truth import Truth
from dml.sim.wire import Head

LEASE: Final = timedelta(seconds=600)
BUDGET: Final = BudgetBounds(usual=10**15, most=10**15)
BODIES: Final = 500
_ID: Final = b'"id":"'


@dataclass
class Scene:
    """Devices with tokens, jobs for all of them, and what they hand in."""

    crowd: Crowd
    heads: list[Head]
    jobs: list[JobId]
    bodies: list[bytes]
    turn: Iterator[int]

    def script(self) -> Script:
        """One device's claim and result."""
        turn = next(self.turn)
        head = self.heads[turn % len(self.heads)]
        answer = yield "claim", head.claim()
        assignment_id = answer.text(_ID)
        if assignment_id:
            yield "result", head.result(assignment_id, self.bodies[turn % BODIES])

    def scripts(self) -> Iterator[Script]:
        while True:
            yield self.script()


def prepare(market: Market, *, devices: int, jobs: int, places: int) -> Scene:
    """Make devices, each of another owner, and equal jobs that each of them may run."""

    async def make() -> tuple[Crowd, list[JobId]]:
        with market.operator() as (operator, engine):
            crowd = await population.gather(operator, devices=devices)
            of = await population.offer(operator)
            terms = JobTerms(places, reward="0.0001")
            made = await population.order(operator, of, terms, number=jobs)
            await engine.dispose()
            return crowd, made

    crowd, made = asyncio.run(make())
    host = f"127.0.0.1:{market.port}"
    heads = [Head(host, crowd.token(it)) for it in range(devices)]
    chance = random.Random(1)
    truth = Truth.draw(population.LABELS, chance)
    bodies = [chance.choice(truth.honest).result(chance.randrange(100)) for _ in range(BODIES)]
    return Scene(crowd, heads, made, bodies, count())


def drive(
    market: Market,
    scene: Scene,
    *,
    seconds: float,
    connections: int = 256,
    rate: float | None = None,
) -> dict[str, float]:
    """Let devices come, closed loop unless a rate is said. Return rates, latencies and costs."""
    with Engine([("127.0.0.1", market.port)], connections=connections) as engine:
        engine.run(scene.scripts(), at_once=connections, seconds=0.5)  # So that all are connected.
        before = market.api_seconds(), market.postgres_seconds()
        run = engine.run(
            scene.scripts(),
            at_once=connections if rate is None else None,
            rate=rate,
            seconds=seconds,
        )
        after = market.api_seconds(), market.postgres_seconds()
    return _told(run, after[0] - before[0], after[1] - before[1])


def _told(run: Run, api: float, database: float) -> dict[str, float]:
    claims, results = run.verbs["claim"], run.verbs["result"]
    pairs = max(1, results.succeeded)
    told = {
        "pairs_per_second": results.succeeded / run.wall_seconds,
        "api_us_per_pair": 1e6 * api / pairs,
        "postgres_us_per_pair": 1e6 * database / pairs,
        "client_us_per_pair": 1e6 * run.cpu_seconds / pairs,
        "refused": claims.refused + results.refused,
    }
    for name, figures in (("claim", claims), ("result", results)):
        p50, p99 = figures.quantiles(0.5, 0.99)
        told |= {f"{name}_p50_ms": 1e3 * p50, f"{name}_p99_ms": 1e3 * p99}
    return told


def loop(market: Market, scene: Scene, *, seconds: float, connections: int) -> dict[str, float]:
    """Run the two statements over asyncpg, one after the other on each of these connections."""
    before = market.postgres_seconds()
    spent = time.process_time()
    pairs, wall, claims = uvloop.run(_loop(market.url, scene, seconds, connections))
    return {
        "pairs_per_second": pairs / wall,
        "client_us_per_pair": 1e6 * (time.process_time() - spent) / pairs,
        "postgres_us_per_pair": 1e6 * (market.postgres_seconds() - before) / pairs,
        "claim_p50_ms": 1e3 * sorted(claims)[len(claims) // 2],
    }


async def _loop(
    url: str, scene: Scene, seconds: float, connections: int
) -> tuple[int, float, list[float]]:
    open_connections = [await connect_hot(url, name="benchmark") for _ in range(connections)]
    end, pairs, claims = time.perf_counter() + seconds, 0, list[float]()

    async def work(connection: Any) -> None:
        nonlocal pairs
        while (began := time.perf_counter()) < end:
            turn = next(scene.turn)
            device = turn % len(scene.crowd)
            job_id = scene.jobs[turn // len(scene.crowd) % len(scene.jobs)]
            ids = scene.crowd.devices[device], scene.crowd.owners[device]
            (claimed,) = await statements.claim(
                connection, [_claim(job_id, *ids)], lease=LEASE, longest=LEASE, budget=BUDGET
            )
            claims.append(time.perf_counter() - began)
            if isinstance(claimed, Raced) or not claimed.leases:
                continue
            body = scene.bodies[turn % BODIES]
            await statements.accept(connection, [Sent(claimed.leases[0].id, *ids, body)])
            pairs += 1

    began = time.perf_counter()
    await asyncio.gather(*(work(it) for it in open_connections))
    wall = time.perf_counter() - began
    for it in open_connections:
        await it.close()
    return pairs, wall, claims


def _claim(job_id: JobId, device_id: DeviceId, owner_id: UserId) -> Claim:
    return Claim(AssignmentId(new_id()), job_id, device_id, owner_id, stamp=2, most=1)
