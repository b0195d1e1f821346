"""The figures of the device path. Each compares what takes turns in the same minutes."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

import psycopg

from benchmarks import devices, folding, start
from benchmarks.devices import Scene
from benchmarks.figures import Figure, absolute, compared, only_told
from benchmarks.market import Market, opened, vacuum
from benchmarks.watchers import watching
from dml.accounts import sessions
from dml.core.context import Actor, Context
from dml.core.ids import UserId
from dml.sim.engine import Script
from dml.sim.watching import Watcher, ages

WARM_SECONDS: Final = 4.0
Told = dict[str, float]
Say = Callable[[str], None]


@contextmanager
def scene_of(
    home: Path,
    name: str,
    *,
    devices_: int = 4_000,
    jobs: int = 200,
    places: int = 100_000,
    old: int = 0,
    warm_seconds: float = WARM_SECONDS,
) -> Iterator[tuple[Market, Scene]]:
    """A marketplace with one API process, warm, in a database of its own."""
    with opened(home, name) as market:
        scene = devices.prepare(market, devices=devices_, jobs=jobs, places=places)
        if old:
            add_history(market, old)
        vacuum(market)
        market.start(apis=1)
        devices.drive(market, scene, seconds=warm_seconds)
        yield market, scene


def against_loops(home: Path, rounds: int, seconds: float, say: Say) -> list[Figure]:
    """Pairs a second through one API process, and by the bare statements without HTTP."""
    told: dict[str, list[Told]] = {"api": [], "loop_1": [], "loop_16": [], "tenth": []}
    with scene_of(home, "loops") as (market, scene):
        for number in range(rounds):
            told["loop_1"].append(devices.loop(market, scene, seconds=seconds, connections=1))
            told["api"].append(devices.drive(market, scene, seconds=seconds))
            told["loop_16"].append(devices.loop(market, scene, seconds=seconds, connections=16))
            rate = told["api"][-1]["pairs_per_second"] / 10
            told["tenth"].append(devices.drive(market, scene, seconds=seconds, rate=rate))
            say(f"round {number + 1}: " + _line({it: told[it][-1] for it in told}))

    def middle(what: str, key: str) -> float:
        return median([it[key] for it in told[what]])

    pairs = middle("api", "pairs_per_second")
    alone = middle("loop_1", "pairs_per_second")
    return [
        compared("pairs_per_second_vs_loop_1", pairs, alone, "≥ 4", "pairs/s"),
        compared(
            "pairs_per_second_vs_loop_16",
            pairs,
            middle("loop_16", "pairs_per_second"),
            "≥ 1.2",
            "pairs/s",
        ),
        absolute("api_us_per_pair", middle("api", "api_us_per_pair"), "≤ 320", "µs"),
        absolute("postgres_us_per_pair", middle("api", "postgres_us_per_pair"), "≤ 140", "µs"),
        only_told("client_us_per_pair", middle("api", "client_us_per_pair"), "µs"),
        compared(
            "claim_p50_at_a_tenth",
            middle("tenth", "claim_p50_ms"),
            middle("loop_1", "claim_p50_ms"),
            "≤ 3",
            "ms",
        ),
        absolute(
            "p99_at_full_load_ms",
            max(middle("api", "claim_p99_ms"), middle("api", "result_p99_ms")),
            "≤ 150",
            "ms",
        ),
        absolute("refused_at_full_load", middle("api", "refused"), "≤ 0", "requests"),
    ]


def flat(home: Path, rounds: int, seconds: float, say: Say) -> list[Figure]:
    """The same devices where there is little, and where there is much, of one thing."""
    scenes: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "flat_places": ({"places": 1_000}, {"places": 1_000_000}),
        "flat_jobs": (
            {"jobs": 10, "devices_": 16_000, "warm_seconds": 10.0},
            {"jobs": 10_000, "places": 1_000, "devices_": 16_000, "warm_seconds": 10.0},
        ),
        "flat_history": ({}, {"old": 1_000_000}),
    }
    figures = []
    for name, (little, much) in scenes.items():
        with ExitStack() as stack:
            sides = [
                stack.enter_context(scene_of(home, f"{name}_{n}", **of))
                for n, of in enumerate((little, much))
            ]
            rates: tuple[list[float], list[float]] = ([], [])
            for _ in range(rounds):
                for (market, scene), rate in zip(sides, rates, strict=True):
                    told = devices.drive(market, scene, seconds=seconds)
                    rate.append(told["pairs_per_second"])
            say(f"{name}: {[round(it) for it in rates[0]]} and {[round(it) for it in rates[1]]}")
        slow, fast = sorted(map(median, rates))  # Flat both ways.
        figures.append(compared(name, fast, slow, "≤ 1.25", "pairs/s"))
    return figures


def visible(home: Path, rounds: int, seconds: float, say: Say) -> list[Figure]:
    """From an accepted result to a total that its customer sees, while a worker folds."""
    waits: dict[float, list[float]] = {0.5: [], 1.0: []}
    with scene_of(home, "visible", devices_=8_000, jobs=20) as (market, scene):
        top = devices.drive(market, scene, seconds=seconds)["pairs_per_second"]
        market.start(workers=1)
        token, address = customer_token(market), ("127.0.0.1", market.port)
        until_folded(market)
        for _ in range(rounds):
            for load, known in waits.items():
                watchers = [Watcher([address], it, token) for it in scene.jobs]
                for it in watchers:
                    it.start()
                time.sleep(1.0)
                before = {str(it.newest["job_id"]): it.done for it in watchers}
                accepted = Accepted(scene)
                rate = top / 2 if load < 1 else None
                devices.drive(market, accepted, seconds=seconds, rate=rate)
                until_folded(market)
                time.sleep(1.0)
                for it in watchers:
                    it.stop()
                    job_id = str(it.newest["job_id"])
                    seen = [(news.at, news.done - before[job_id]) for news in it.news]
                    known += ages(accepted.at.get(job_id, []), seen)
    half, full = (sorted(it)[int(0.99 * len(it))] for it in waits.values())
    say(f"visible p99 {half:.2f} s at half load, {full:.2f} s at full load")
    return [
        absolute("visible_p99_seconds", half, "≤ 1", "s"),
        only_told("visible_p99_seconds_at_full_load", full, "s"),
    ]


class Accepted(Scene):
    """A scene that notes when results of each job were accepted."""

    def __init__(self, of: Scene) -> None:
        super().__init__(of.crowd, of.heads, of.jobs, of.bodies, of.turn)
        self.at: dict[str, list[float]] = {}

    def script(self) -> Script:
        turn = next(self.turn)
        head = self.heads[turn % len(self.heads)]
        answer = yield "claim", head.claim()
        assignment_id = answer.text(b'"id":"')
        if assignment_id:
            job_id = answer.text(b'"job_id":"').decode()
            body = self.bodies[turn % len(self.bodies)]
            answer = yield "result", head.result(assignment_id, body)
            if answer.status == 200:
                self.at.setdefault(job_id, []).append(time.monotonic())


def watchers(home: Path, rounds: int, seconds: float, say: Say) -> list[Figure]:
    """What a thousand watchers of one job take of the pairs, while a worker folds."""
    rates: tuple[list[float], list[float]] = ([], [])
    with scene_of(home, "watchers", jobs=400) as (market, scene):
        market.start(workers=1)
        token = customer_token(market)
        for _ in range(rounds):
            until_folded(market)
            told = devices.drive(market, scene, seconds=seconds)
            rates[0].append(told["pairs_per_second"])
            until_folded(market)
            with watching(market.port, scene.jobs[0], token, 1_000):
                told = devices.drive(market, scene, seconds=seconds)
            rates[1].append(told["pairs_per_second"])
    say(f"pairs/s {[round(it) for it in rates[0]]}, watched {[round(it) for it in rates[1]]}")
    return [compared("watched", median(rates[1]), median(rates[0]), "≥ 0.9", "pairs/s")]


def folds(home: Path, accepting: float, say: Say) -> list[Figure]:
    """Folding a backlog with all that it earns, by as many workers as `dml up` starts."""
    told = folding.measure(home, results=100_000, workers=2)
    say(f"folding: {told}")
    rate = float(told["results_per_second"])
    return [compared("folding_vs_accepting", rate, accepting, "≥ 2", "results/s")]


def at_rest(say: Say) -> list[Figure]:
    """What `make run` takes when nobody uses it, and how long its second start takes."""
    told = start.measure()
    say(f"start: {told}")
    return [
        absolute("idle_pss_mb", told["idle_pss_mb"], "≤ 450", "MB"),
        only_told("idle_rss_mb", told["idle_rss_mb"], "MB"),
        absolute("idle_core_percent", told["idle_core_percent"], "≤ 2", "%"),
        compared("start_vs_import", told["start_seconds"], told["import_seconds"], "≤ 2.5", "s"),
    ]


def add_history(market: Market, number: int) -> None:
    """Add so many accepted, folded assignments with their results, of devices long gone."""
    with psycopg.connect(market.url) as connection:
        connection.execute(
            """
            WITH gone AS MATERIALIZED (
                SELECT uuidv7() AS id, uuidv7() AS job_id, gen_random_uuid() AS device_id,
                       gen_random_uuid() AS owner_id
                FROM generate_series(1, %s)
            ),
            done AS (
                INSERT INTO assignments (id, job_id, device_id, owner_id, bucket, slot, state,
                                         tries, lease_expires_at, created_at, fold_id)
                SELECT id, job_id, device_id, owner_id, 0, 0, 'accepted', 1, now(), now(), job_id
                FROM gone
            )
            INSERT INTO results (assignment_id, body, received_at)
            SELECT id, convert_to(repeat('x', 700), 'UTF8'), now() FROM gone""",
            (number,),
        )


def until_folded(market: Market) -> None:
    """Wait until nothing waits to be folded."""
    with psycopg.connect(market.url, autocommit=True) as connection:
        while connection.execute("SELECT 1 FROM result_inbox LIMIT 1").fetchone():
            time.sleep(0.2)


def customer_token(market: Market) -> str:
    """Sign the customer of these jobs in, as the operator can."""

    async def signed() -> str:
        with market.operator() as (operator, engine):
            now = datetime.now(UTC)
            async with operator.sessions.begin() as tx:
                raw = await tx.connection()
                customer = UserId(
                    (await raw.exec_driver_sql("SELECT customer_id FROM jobs LIMIT 1")).scalar_one()
                )
                opened_ = await sessions.open_session(
                    Context(tx, Actor(customer), now), customer, days=1
                )
            token = sessions.access_token(operator.keys, opened_.session, now, seconds=3_600)
            await engine.dispose()
            return token

    return asyncio.run(signed())


def _line(told: dict[str, Told]) -> str:
    return ", ".join(f"{it} {values['pairs_per_second']:.0f}/s" for it, values in told.items())
