"""A job that pays for precision ends once its answer is as precise as that, and not before.

Its intervals hold the truth as often as they say, though it was looked at again and again; and they
are as narrow as was asked for. Shown over simulated crowds, with noise that OpenDP draws.
"""

import math
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import text

from dml.core.checks import look
from dml.core.context import SYSTEM, Context
from dml.jobs import doctor, settling
from dml.jobs.models import JobState
from dml.jobs.noise import drawing, rules
from dml.jobs.noise.rules import BILLION, WITH_MONTHS, rho_of, scale_of, usual_norm
from dml.jobs.precision import half_width, is_reached, looks_of
from tests.jobs.factories import Ordered, make_job, result, settle
from tests.jobs.noise.test_noisy_jobs import answer_some
from tests.world import World, problem

CROWDS, LABELS, ITEMS = 1_600, 6, 50
NORM = usual_norm(100, LABELS)
RHO = rho_of(1.0) / BILLION
PRECISION = 0.01


def draw(number: int, share: float) -> tuple[NDArray[np.int64], float]:
    drawn = drawing.draw([0] * number, norm=NORM, rho=share * RHO)
    return np.array(drawn.counts), drawn.scale


class Ended(NamedTuple):
    """With how many owners a job ended, how wide its shares are, and which hold the truth."""

    owners: int
    widths: list[float]
    held: list[bool]


@cache
def crowds() -> list[Ended]:
    """Each job is looked at with 5, 10, 20 … owners; when it ends, the whole answer is drawn."""
    chance, looks = np.random.default_rng(11), looks_of(5)
    steps = [5 * 2**n for n in range(13)]
    noise, of_step = draw(CROWDS * len(steps) * (LABELS + 1), WITH_MONTHS.steps)
    noise = noise.reshape(CROWDS, len(steps), LABELS + 1)
    last, of_labels = draw(CROWDS * (LABELS + 1), WITH_MONTHS.labels)
    found = []
    for crowd in range(CROWDS):
        liked = chance.dirichlet(np.full(LABELS + 1, 0.7))
        truth, told = np.zeros(LABELS + 1, int), np.zeros(LABELS + 1, int)
        before = 0
        for number, owners in enumerate(steps):
            added = chance.multinomial((owners - before) * ITEMS, liked)
            truth, told, before = truth + added, told + added + noise[crowd, number], owners
            deviation = of_step * math.sqrt(number + 1)
            if is_reached(PRECISION, told.tolist(), deviation, final=of_labels, looks=looks):
                break
        answer = truth + last.reshape(CROWDS, -1)[crowd]
        items = int(answer.sum())
        widths = [
            half_width(share, labels=LABELS, deviation=of_labels, items=items)
            for share in answer[:-1] / items
        ]
        off = np.abs(answer / items - truth / truth.sum())[:-1]
        found.append(
            Ended(owners, widths, [bool(a <= b) for a, b in zip(off, widths, strict=True)])
        )
    return found


def test_intervals_hold_the_truth_when_a_job_ends_early() -> None:
    held = [it for crowd in crowds() for it in crowd.held]
    assert np.mean(held) >= 0.94  # Of 9,600: by chance alone it varies by 0.25 %.
    assert {it.owners for it in crowds()} <= {1_280, 2_560, 5_120}, "before its end"


def test_an_answer_is_as_precise_as_was_asked_for_in_95_of_100_jobs() -> None:
    precise = [max(crowd.widths) <= PRECISION for crowd in crowds()]
    assert np.mean(precise) >= 0.95


def test_a_job_ends_at_most_a_few_steps_after_it_could() -> None:
    scale = scale_of(NORM, WITH_MONTHS.labels * RHO)
    items = 10_000_000
    least = half_width(0.5, labels=LABELS, deviation=scale, items=items) / PRECISION * items / ITEMS
    assert all(least / 2 < crowd.owners <= 4 * least for crowd in crowds())


def test_nothing_is_precise_in_noise_alone() -> None:
    drawn, of_step = draw(300 * (LABELS + 1), WITH_MONTHS.steps)
    for counts in drawn.reshape(300, -1).tolist():
        assert not is_reached(0.5, counts, of_step, final=of_step / 3, looks=looks_of(5))


@pytest.mark.parametrize(("min_owners", "looks"), [(5, 18), (1_000, 10), (2, 19)])
def test_there_are_as_many_looks_as_steps_at_most(min_owners: int, looks: int) -> None:
    after, shown, steps = 0, 0, 0
    while after < 1_000_000:
        after = max(min_owners, rules.GROWTH * shown)
        shown, steps = after, steps + 1
    assert steps - 1 <= looks_of(min_owners) == looks


async def timeline(job: Ordered) -> list[str]:
    told = (await job.customer.get(f"{job.path}/timeline")).json()
    return [it["action"] for it in told["entries"]]


async def test_a_job_ends_when_it_is_precise_and_gives_back_the_rest(world: World) -> None:
    wanted = {"answers": "noisy", "epsilon": 100, "max_items": 10_000, "max_devices": 100}
    job = await make_job(world, precision=0.05, **wanted)
    assert (await job.get())["precision"] == 0.05
    owners = 0
    while not await due(world, job):
        await answer_some(world, job, 5, result(cat=6_000, dog=3_000))
        owners += 5
    assert owners <= 20
    await end_when_due(world, job)
    assert (await job.get())["state"] == "settling"
    assert (await timeline(job))[1:] == ["precise_enough", "settling"]
    await settle(world, job)
    ended = await job.get()
    assert (ended["state"], ended["devices_done"]) == (JobState.COMPLETED, owners)
    shares = (await job.results())["intervals"]["shares"].values()
    assert all((it["high"] - it["low"]) / 2 <= 0.05 for it in shares)
    balance = (await job.customer.get("/v1/payments/balance")).json()
    assert float(balance["available"]) == round(1_000 - owners * 0.121, 6)
    async with world.parts.sessions() as tx:
        assert [it for it in await look(tx, doctor.CHECKS) if str(job.id) in it] == []


async def test_precision_is_for_noisy_answers_within_bounds(world: World) -> None:
    with pytest.raises(AssertionError, match="exact_has_no_precision"):
        await make_job(world, precision=0.05)
    job = await make_job(world)
    body = {"version_id": str(job.version_id), "max_devices": 10, "reward": "1"}
    refused = await job.customer.post("/v1/jobs", body | {"precision": 0.6})
    assert problem(refused, 422, "http.422")


_DUE = """
    SELECT count(*) FROM dbos.workflow_status WHERE workflow_uuid = :name
"""


async def due(world: World, job: Ordered) -> bool:
    async with world.parts.sessions() as tx:
        found = await tx.scalar(text(_DUE), {"name": f"job:{job.id}:precise"})
        return bool(found)


async def end_when_due(world: World, job: Ordered) -> None:
    """As its process does."""
    async with world.parts.sessions.begin() as tx:
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        assert await settling.end_precise(ctx, job.id) == "settling"
