"""A whole simulation against the real API, while a worker folds."""

import asyncio
import contextlib
import hashlib
import io
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console
from sqlalchemy import text

from dml.core.context import SYSTEM, Context
from dml.jobs import settling
from dml.jobs.models import JobState
from dml.sim import report
from dml.sim.engine import Address
from dml.sim.figures import Run
from dml.sim.outcome import faults
from dml.sim.play import Manners
from dml.sim.population import Operator
from dml.sim.simulation import Scenario, simulate
from tests.jobs.factories import fold
from tests.kill.marketplace import until
from tests.world import World

_countries: Iterator[str] = iter(("NR", "NU", "PM", "PN", "TK", "TV", "WF", "WS"))


class Quiet:
    """A screen that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.accepted: list[int] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def show(self, run: Run, *, accepted: int, places: int, counted: int) -> None:
        assert accepted <= places
        self.accepted.append(accepted)


@asynccontextmanager
async def folding(world: World) -> AsyncIterator[None]:
    """Fold what waits, and end what is full or closed, again and again, as a worker does."""
    ending = text("""
        SELECT j.id, j.state FROM jobs j JOIN job_totals t ON t.job_id = j.id
        WHERE j.title = 'Simulated'
            AND (j.state = 'settling' OR j.state = 'open' AND t.folded = j.max_devices)
    """)

    async def keep_folding() -> None:
        for _ in itertools.count():
            await fold(world)
            async with world.parts.sessions.begin() as tx:
                ctx = Context(tx, SYSTEM, datetime.now(UTC))
                for job_id, state in (await tx.execute(ending)).all():
                    if state == JobState.OPEN:
                        await settling.end(ctx, job_id, JobState.COMPLETED)
                    else:
                        await settling.try_to_settle(ctx, job_id)
            await asyncio.sleep(0.05)

    keeping = asyncio.create_task(keep_folding())
    try:
        yield
    finally:
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping


def scenario(address: Address, devices: int, **changes: object) -> Scenario:
    wanted = {"owners": devices, "connections": 8, "countries": [next(_countries)]} | changes
    return Scenario(addresses=[address], devices=devices, **wanted)  # type: ignore[arg-type]


async def test_a_crowd_fills_a_job_and_the_books_balance(
    world: World, operator: Operator, address: Address, tmp_path: Path
) -> None:
    record, screen = tmp_path / "record", Quiet()
    async with folding(world):
        outcome = await simulate(operator, scenario(address, 40, record=record), screen)
    assert list(faults(outcome)) == []
    assert outcome.accepted_seen == outcome.folded == outcome.places == 32
    assert sum(outcome.pairs_by_second) == 32
    assert screen.accepted[-1] == 32
    assert outcome.time_to[50] is not None
    assert outcome.time_to[90] is not None
    assert outcome.time_to[50] <= outcome.time_to[90]
    assert 0 <= outcome.folded_age[0] <= outcome.folded_age[1] <= outcome.visible_age[1]
    assert outcome.error_percent is not None
    assert outcome.error_percent < 15
    document = outcome.as_json()
    assert (document["ok"], document["ledger_sum"], document["rewarded"]) == (True, "0", "1.6")
    assert document["escrows_left"] == "0"
    assert (document["epsilon"], document["covered"]) == (None, None)
    for told in outcome.labels:  # What too few owners had of a label is kept back.
        assert told.truth is not None
        assert 0.8 * told.truth <= told.value <= told.truth

    lines = [line.split() for line in record.read_text().splitlines()]
    assert {what for _, _, what in lines} == {"accepted"}
    async with operator.sessions() as tx:
        query = text("SELECT assignment_id::text, body FROM results WHERE assignment_id = ANY(:it)")
        rows = await tx.execute(query, {"it": [id for id, _, _ in lines]})
        kept = {id: hashlib.sha256(body).hexdigest() for id, body in rows}
    assert {id: digest for id, digest, _ in lines} == kept
    assert len(kept) == 32


async def test_a_noisy_answer_is_told_beside_the_truth(
    world: World, operator: Operator, address: Address
) -> None:
    asked = scenario(address, 60, places=40, epsilon=1.0, manners=Manners(liars=0.1), seed=2)
    async with folding(world):
        outcome = await simulate(operator, asked, Quiet())
    assert list(faults(outcome)) == []
    assert "result answered 422" not in outcome.events, "devices keep to the job's bounds"
    assert outcome.accepted_seen == outcome.folded == 40
    assert outcome.time_to[90] is not None, "the last step comes when the job ends"
    assert outcome.epsilon == 1.0
    assert len(outcome.labels) == 10
    for told in outcome.labels:
        assert told.truth is not None
        assert told.interval is not None
        low, high = told.interval
        assert low <= told.value <= high
    document = outcome.as_json()
    assert (document["ok"], document["epsilon"]) == (True, 1.0)
    assert document["labels"]["7"].keys() == {"truth", "value", "low", "high"}
    # Each misses one time in twenty: six of ten do so once in three million runs.
    assert document["covered"] > 0.4
    printed = io.StringIO()
    report.show(Console(file=printed, width=120), outcome)
    assert "with noise, epsilon 1" in printed.getvalue()
    assert f"{round(10 * document['covered'])} of 10" in printed.getvalue()


async def test_liars_drop_outs_and_slow_devices_are_told_apart(
    world: World, operator: Operator, address: Address
) -> None:
    manners = Manners(drop_outs=0.2, liars=0.4, slow=0.2, work_seconds=0.01)
    asked = scenario(address, 60, places=50, manners=manners, seconds=20, seed=3)
    async with folding(world):
        outcome = await simulate(operator, asked, Quiet())
    assert list(faults(outcome)) == []
    told = outcome.events
    assert min(told["dropped out"], told["lie refused"], told["lied plausibly"]) > 0
    assert outcome.run.verbs["lie"].statuses == {422: told["lie refused"]}
    assert outcome.run.verbs["heartbeat"].succeeded > 0
    assert outcome.accepted_seen == outcome.folded < 50
    assert outcome.time_to[90] is None


async def test_it_ends_when_drop_outs_hold_what_is_left(
    world: World, operator: Operator, address: Address
) -> None:
    asked = scenario(address, 400, places=20, manners=Manners(drop_outs=0.3), seed=5)
    async with folding(world):
        outcome = await simulate(operator, asked, Quiet())
    assert list(faults(outcome)) == []
    assert outcome.accepted_seen + outcome.events["dropped out"] >= 20
    assert outcome.run.scripts_begun < 400


async def test_devices_come_at_their_rate_and_owners_share_places(
    world: World, operator: Operator, address: Address
) -> None:
    asked = scenario(address, 60, owners=10, jobs=2, arrivals=100, seconds=20)
    async with folding(world):
        outcome = await simulate(operator, asked, Quiet())
    assert list(faults(outcome)) == []
    assert outcome.accepted_seen == outcome.places == 2 * 8
    assert 16 <= outcome.run.scripts_begun <= 100 * outcome.run.wall_seconds + 1


async def test_it_is_a_fault_when_nobody_counts(operator: Operator, address: Address) -> None:
    outcome = await simulate(operator, scenario(address, 10, counted_seconds=0.5), Quiet())
    (fault,) = [it for it in faults(outcome) if "worker" in it]
    assert fault.startswith("8 results were not counted")
    assert not outcome.as_json()["ok"]
    drawing = ElementTree.fromstring(report.svg(outcome))
    assert len(drawing.findall("{http://www.w3.org/2000/svg}polyline")) == 3


def test_a_picture_of_characters_has_the_height_of_its_values() -> None:
    lines = report.picture([0, 5, 10], "pairs a second")
    assert lines[1].endswith("│  █")
    assert lines[-1].endswith("│ ██")
    assert len(report.picture(list(range(1000)), "many")[-1]) < 80


async def test_a_wish_to_end_is_granted_with_what_there_was(
    world: World, operator: Operator, address: Address
) -> None:
    manners = Manners(work_seconds=0.5)
    asked = scenario(address, 5_000, manners=manners)
    screen = Quiet()
    async with folding(world):
        playing = asyncio.create_task(simulate(operator, asked, screen))
        await until(lambda: any(screen.accepted), seconds=30, what="results are accepted")
        playing.cancel()
        outcome = await playing
    assert list(faults(outcome)) == []
    assert 0 < outcome.accepted_seen < 4_000
    assert "Ending early …" in screen.said
