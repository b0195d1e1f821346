"""A job's answer in its forms, as JSON and as CSV. Reads only.

An answer can have hundreds of thousands of counts: it is read in a transaction, and put into its
form after that, off the event loop.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession

from dml.edge import spreadsheets
from dml.jobs import queries, rules
from dml.jobs.counting import month_name
from dml.jobs.models import ELSEWHERE, OTHER, UNDATED, Job, JobRelease, JobTotals
from dml.jobs.noise.mending import Sure, mend
from dml.jobs.noise.queries import list_releases
from dml.jobs.noise.schemas import NumberOut
from dml.jobs.noise.shapes import how_sure
from dml.jobs.queries import ShownMonth
from dml.jobs.schemas import JobResultsOut, MonthCountsOut, NextStepOut

Row: TypeAlias = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was read of an answer: outlives its transaction, and has no form yet."""

    job: Job
    totals: JobTotals
    counts: Sequence[ShownMonth]
    releases: Sequence[JobRelease] = ()

    def shaped(self) -> JobResultsOut:
        """Return what the customer may see of it. O(counts), and blocking."""
        if self.job.is_noisy:
            told = mend(self.releases)
            months = [ShownMonth(it, [*by], [*by.values()]) for it, by in told.cells.items()]
            return shape(self.job, self.totals, months, told.uncertain, told.sure)
        return shape(self.job, self.totals, self.counts, self.totals.shown_uncertain)

    def as_json(self) -> bytes:
        """Return the same as JSON."""
        return self.shaped().model_dump_json().encode()

    def as_csv(self) -> str:
        """Return the same as CSV."""
        return as_csv(self.shaped())


async def read(tx: AsyncSession, job: Job) -> Answer:
    """Read an answer."""
    (answer,) = await read_all(tx, [job])
    return answer


async def read_all(tx: AsyncSession, jobs: Sequence[Job]) -> list[Answer]:
    """Read some answers. Two statements or three, however many they are."""
    totals = await queries.get_totals_of(tx, jobs)
    counts = await queries.list_shown_counts(tx, [it.id for it in jobs])
    releases = await list_releases(tx, jobs)
    return [Answer(it, totals[it.id], counts[it.id], releases.get(it.id, ())) for it in jobs]


async def results_of(tx: AsyncSession, job: Job) -> JobResultsOut:
    """Return what the customer may see of the answer."""
    return await asyncio.to_thread((await read(tx, job)).shaped)


async def csv_of(tx: AsyncSession, job: Job) -> str:
    """Return what the customer may see of the answer, as CSV."""
    return await asyncio.to_thread((await read(tx, job)).as_csv)


def shape(
    job: Job,
    totals: JobTotals,
    shown_months: Sequence[ShownMonth],
    uncertain: int,
    sure: Sure | None = None,
) -> JobResultsOut:
    """Put totals and counts into their shape on the wire; no counts where none are shown."""
    labels = dict.fromkeys(job.labels, 0)
    months: dict[int, dict[str, int]] = {}
    other = 0
    for it in shown_months:
        counts: dict[str, int] = {}
        for place, count in zip(it.labels, it.counts, strict=True):
            if place == OTHER:
                other = count
            else:
                counts[job.labels[place]] = count
                labels[job.labels[place]] += count
        months[it.month] = counts
    undated = sum(months.pop(UNDATED, {}).values())
    elsewhere = months.pop(ELSEWHERE, {})
    items = sum(labels.values()) + uncertain + other
    shown = totals.shown_devices > 0
    coming = rules.next_step(job, totals)
    return JobResultsOut(
        job_id=job.id,
        state=job.state,
        version=totals.version,
        max_devices=job.max_devices,
        min_owners=job.min_owners,
        devices_done=rules.shown_devices(job, totals),
        devices_shown=totals.shown_devices,
        next_step=NextStepOut(devices=coming[0], reason=coming[1]) if coming else None,
        items=items if shown else None,
        labels=labels if shown else None,
        uncertain=uncertain if shown else None,
        months=[MonthCountsOut(month=month_name(it), labels=months[it]) for it in sorted(months)]
        if shown
        else None,
        undated=undated if shown else None,
        other_months=elsewhere if shown else None,
        other=other if shown else None,
        answers=job.answers,
        epsilon=job.epsilon,
        intervals=how_sure(job.labels, sure) if sure is not None else None,
    )


def as_csv(results: JobResultsOut) -> str:
    """Write `month,label,items`: a row for each count, those without a month or label last.

    Where counts carry noise, `low` and `high` follow: how sure each is.
    """
    sure = results.intervals
    rows: list[Row] = []
    dated: defaultdict[str, int] = defaultdict(int)
    for place, month in enumerate(results.months or []):
        bounds = sure.months[place].labels if sure else {}
        for label, count in month.labels.items():
            rows.append(_row(month.month, label, count, bounds.get(label)))
            dated[label] += count
    other = results.other_months or {}
    for label, count in (results.labels or {}).items():
        if undated := count - dated[label] - other.get(label, 0):
            rows.append(_row("undated", label, undated, None))
    bounds = sure.other_months if sure else {}
    rows += [_row("other", label, count, bounds.get(label)) for label, count in other.items()]
    if results.uncertain:
        rows.append(_row("", "(uncertain)", results.uncertain, sure.uncertain if sure else None))
    if results.other:
        rows.append(_row("", "(other)", results.other, None))
    head: Row = ("month", "label", "items", "low", "high")
    width = 5 if sure else 3
    return spreadsheets.as_csv([it[:width] for it in (head, *rows)])


def _row(month: str, label: str, count: int, sure: NumberOut | None) -> Row:
    return (month, label, count, sure.low if sure else "", sure.high if sure else "")
