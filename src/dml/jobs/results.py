"""A job's answer in its forms, as JSON and as CSV. Reads only.

An answer can have hundreds of thousands of counts: it is read in a transaction, and put into its
form after that, off the event loop.
"""

import asyncio
import csv
import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from dml.jobs import queries
from dml.jobs.counting import month_name
from dml.jobs.models import UNDATED, Job, JobTotals
from dml.jobs.queries import ShownMonth
from dml.jobs.schemas import MonthOut, ResultsOut

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")  # What a spreadsheet would run.


@dataclass(frozen=True, slots=True)
class Answer:
    """What was read of an answer: outlives its transaction, and has no form yet."""

    job: Job
    totals: JobTotals
    counts: Sequence[ShownMonth]

    def shaped(self) -> ResultsOut:
        """Return what the customer may see of it. O(counts), and blocking."""
        return shape(self.job, self.totals, self.counts)

    def as_json(self) -> bytes:
        """Return the same as JSON."""
        return self.shaped().model_dump_json().encode()

    def as_csv(self) -> str:
        """Return the same as CSV."""
        return as_csv(self.shaped())


async def read(tx: AsyncSession, job: Job) -> Answer:
    """Read an answer. Two statements."""
    (answer,) = await read_all(tx, [job])
    return answer


async def read_all(tx: AsyncSession, jobs: Sequence[Job]) -> list[Answer]:
    """Read some answers. Two statements, however many they are."""
    totals = await queries.get_totals_of(tx, jobs)
    counts = await queries.list_shown_counts(tx, [it.id for it in jobs])
    return [Answer(it, totals[it.id], counts[it.id]) for it in jobs]


async def results_of(tx: AsyncSession, job: Job) -> ResultsOut:
    """Return what the customer may see of the answer."""
    return await asyncio.to_thread((await read(tx, job)).shaped)


async def csv_of(tx: AsyncSession, job: Job) -> str:
    """Return what the customer may see of the answer, as CSV."""
    return await asyncio.to_thread((await read(tx, job)).as_csv)


def shape(job: Job, totals: JobTotals, shown_months: Sequence[ShownMonth]) -> ResultsOut:
    """Put totals and counts into their shape on the wire; no counts where none are shown."""
    labels = dict.fromkeys(job.labels, 0)
    months: dict[int, dict[str, int]] = {}
    for it in shown_months:
        counts = dict(zip((job.labels[place] for place in it.labels), it.counts, strict=True))
        for label, count in counts.items():
            labels[label] += count
        months[it.month] = counts
    undated = sum(months.pop(UNDATED, {}).values())
    shown = totals.shown_devices > 0
    return ResultsOut(
        job_id=job.id,
        state=job.state,
        version=totals.version,
        max_devices=job.max_devices,
        min_devices=job.min_devices,
        devices_done=totals.folded,
        devices_shown=totals.shown_devices,
        items=totals.shown_items if shown else None,
        labels=labels if shown else None,
        uncertain=totals.shown_uncertain if shown else None,
        months=[MonthOut(month=month_name(it), labels=months[it]) for it in sorted(months)]
        if shown
        else None,
        undated=undated if shown else None,
    )


def as_csv(results: ResultsOut) -> str:
    """Write `month,label,items`: a row for each count, undated and uncertain items at the end."""
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\r\n")  # RFC 4180
    rows.writerow(["month", "label", "items"])
    dated: defaultdict[str, int] = defaultdict(int)
    for month in results.months or []:
        for label, count in month.labels.items():
            rows.writerow([month.month, _safe(label), count])
            dated[label] += count
    for label, count in (results.labels or {}).items():
        if count > dated[label]:
            rows.writerow(["undated", _safe(label), count - dated[label]])
    if results.uncertain:
        rows.writerow(["", "(uncertain)", results.uncertain])
    return file.getvalue()


def _safe(label: str) -> str:
    """Keep a spreadsheet from running what a developer wrote."""
    return f"'{label}" if label.startswith(_FORMULA) else label
