"""Folding on real PostgreSQL: what waits is counted and paid once, in turn, whoever is killed."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks import backlog
from benchmarks.backlog import Backlog
from dml.core.context import SYSTEM, Context
from dml.core.db import raw
from dml.core.ids import FoldId, new_id
from dml.entrypoints import doctor
from dml.jobs.folding import inbox, service as folding
from dml.jobs.folding.service import Folded
from dml.jobs.folding.turns import SHARE_MIN, Turns
from dml.jobs.models import JobTotals, result_inbox
from dml.payments.models import LedgerAccount
from dml.payments.rules import wallet
from tests.conftest import Sessions
from tests.jobs.factories import fold, make_job, work
from tests.world import World


@dataclass
class Place:
    """A database of one test, where results wait."""

    url: str
    sessions: Sessions
    waiting: Backlog

    async def fold(
        self, turns: Turns, *, limit: int = 1_000, at: datetime | None = None, keep: bool = True
    ) -> Folded:
        async with self.sessions() as tx:
            folded = await folding.fold(context(tx, at), turns, limit=limit)
            await (tx.commit() if keep else tx.rollback())
            return folded

    async def folded(self) -> list[int]:
        """How many results of each job are folded."""
        async with self.sessions() as tx:
            rows = (await tx.execute(select(JobTotals.job_id, JobTotals.folded))).all()
        counts = {row.job_id: row.folded for row in rows}
        return [counts[it] for it in self.waiting.jobs]

    async def wait(self) -> int:
        async with self.sessions() as tx:
            return await tx.scalar(select(func.count()).select_from(result_inbox)) or 0

    async def is_exact(self) -> bool:
        return (await doctor.examine(self.url)).complaints == []


def context(tx: AsyncSession, at: datetime | None = None) -> Context:
    return Context(tx, SYSTEM, at or datetime.now(UTC))


@pytest.fixture
async def place(request: pytest.FixtureRequest, new_database: str, committing: Sessions) -> Place:
    """What waits is said by the test: `shares` of its jobs, and their `open_places`."""
    shares, open_places = request.param
    waiting = await backlog.prepare(new_database, shares, open_places=open_places)
    return Place(new_database, committing, waiting)


def waiting(*shares: int, open_places: int = 5) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("place", [(shares, open_places)], indirect=True, ids=[""])


@waiting(2_000, 1)
async def test_a_small_job_is_counted_by_the_next_fold_that_looks_whatever_waits_of_another(
    place: Place,
) -> None:
    turns, now = Turns(), datetime.now(UTC)
    big, small = place.waiting.jobs
    await backlog.fill(place.url, [big])
    await place.fold(turns, limit=50, at=now)
    assert await place.folded() == [50, 0]

    await backlog.fill(place.url, [small])  # Behind all that waits.
    await place.fold(turns, limit=50, at=now + timedelta(minutes=1))
    assert await place.folded() == [99, 1]
    assert await place.is_exact()


@waiting(500, *[20] * 12)
async def test_every_job_is_counted_within_as_many_folds_as_the_shares_need(place: Place) -> None:
    turns = Turns()
    await backlog.fill(place.url, place.waiting.jobs)
    for _ in range(-(-13 * SHARE_MIN // 64)):
        await place.fold(turns, limit=64)
    assert min(await place.folded()) > 0
    while (await place.fold(turns)).results:
        pass
    assert await place.folded() == [500, *[20] * 12]
    assert await place.is_exact()


@waiting(12, open_places=0)
async def test_what_is_shown_grows_in_steps_and_is_whole_when_the_job_is_full(
    place: Place,
) -> None:
    turns, shown, full = Turns(), [], []
    (job_id,) = place.waiting.jobs
    await backlog.fill(place.url, [job_id])
    for _ in range(3):
        full += (await place.fold(turns, limit=4)).full
        assert await place.is_exact()
        async with place.sessions() as tx:
            totals = (await tx.scalars(select(JobTotals))).one()
        shown.append((totals.folded, totals.shown_devices))
    assert shown == [(4, 0), (8, 7), (12, 12)]  # Steps of five or more, and five left for the last.
    assert full == [job_id]
    # What is uncertain is told like a label: where enough owners of a step had some.
    assert totals.shown_items == totals.items
    assert totals.shown_uncertain <= totals.uncertain


@waiting(60, 40)
async def test_a_fold_that_is_undone_leaves_its_results_to_the_next(place: Place) -> None:
    turns = Turns()
    await backlog.fill(place.url, place.waiting.jobs)
    assert (await place.fold(turns, limit=80, keep=False)).results == 80
    assert (await place.folded(), await place.wait()) == ([0, 0], 100)
    while (await place.fold(turns, limit=30)).results:
        pass
    assert (await place.folded(), await place.wait()) == ([60, 40], 0)
    assert await place.is_exact()


@waiting(300, 300)
async def test_whoever_takes_results_waits_for_nobody_and_takes_others(place: Place) -> None:
    await backlog.fill(place.url, place.waiting.jobs)
    taken = []
    async with place.sessions() as first, place.sessions() as second, place.sessions() as third:
        for tx, limit in ((first, 400), (second, 400), (third, 10)):
            turns, now = Turns(), datetime.now(UTC)
            connection, fold_id = await raw(tx), FoldId(new_id())
            for _ in range(40):  # It may hit upon what another one holds.
                rows = await inbox.take(connection, turns, now, fold_id, limit=limit)
                taken += [row["owner_id"] for row in rows]
    assert len(taken) == len(set(taken)) == 600


@waiting(400, 3, 90)
async def test_many_who_fold_at_once_count_and_pay_each_result_once(place: Place) -> None:
    await backlog.fill(place.url, place.waiting.jobs)

    async def work_on() -> None:
        turns = Turns()
        while await place.wait():
            await place.fold(turns, limit=40)

    await asyncio.gather(*(work_on() for _ in range(6)))
    assert await place.folded() == [400, 3, 90]
    assert await place.is_exact()


@waiting(5)
async def test_what_others_took_since_the_look_is_looked_for_anew(place: Place) -> None:
    await backlog.fill(place.url, place.waiting.jobs)
    turns, now = Turns(), datetime.now(UTC)
    await place.fold(turns, limit=1, at=now)
    while (await place.fold(Turns())).results:
        pass
    assert (await place.fold(turns, at=now)).results == 0
    assert await place.is_exact()


@waiting(5)
async def test_large_results_are_folded_one_by_one(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "BATCH_BYTES", 1)
    monkeypatch.setattr(folding, "CELLS_AT_ONCE", 1)
    await backlog.fill(place.url, place.waiting.jobs)
    turns = Turns()
    assert [(await place.fold(turns)).results for _ in range(6)] == [1, 1, 1, 1, 1, 0]
    assert await place.is_exact()


@waiting(3, 3)
async def test_large_results_of_one_job_do_not_keep_those_of_another_waiting(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "BATCH_BYTES", 1)
    await backlog.fill(place.url, place.waiting.jobs)
    turns = Turns()
    for _ in range(2):
        await place.fold(turns)
    assert await place.folded() == [1, 1]


async def test_what_is_folded_is_what_the_customer_sees_and_the_owners_get(world: World) -> None:
    await fold(world)
    job = await make_job(world, max_devices=5)
    devices = await work(world, job, 5)
    assert await fold(world) == 5
    told = await job.results()
    assert (told["labels"], told["undated"]) == ({"cat": 10, "dog": 5}, 5)
    assert told["months"] == [{"month": "2026-03", "labels": {"cat": 10}}]
    async with world.parts.sessions() as tx:
        query = select(LedgerAccount.balance)
        for device in devices:
            mine = query.where(LedgerAccount.code == wallet(device.owner.id))
            assert await tx.scalar(mine) == 100_000
