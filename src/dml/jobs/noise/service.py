"""Telling a noisy answer: noise is drawn once for each part of it, and kept with what it hides.

Both happen in the transaction that tells the part: whoever is killed when, either it was told, and
is never drawn again, or nobody saw anything. The caller has locked the job's totals.

What it costs an owner adds up to the job's `rho`: each owner is in one step, or in several with a
part of `max_norm` in each, which costs no more; and in the totals of labels, of months and of
cells, which are drawn when the job has ended. The norm of cells is never larger than that of the
labels that they add up to; months have no such bound but the number of items.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from asyncpg import Record

from dml.core.context import Context
from dml.core.db import RawConnection, raw
from dml.jobs.counting import ResultTerms, possible_months
from dml.jobs.models import Job, JobRelease, JobTotals, ReleasePart
from dml.jobs.noise import drawing, rules
from dml.jobs.noise.drawing import Drawn

_LABELS: Final = """
    SELECT label, sum(counted)::bigint FROM job_counts WHERE job_id = $1 GROUP BY label
"""
_MONTHS: Final = """
    SELECT month, sum(counted)::bigint FROM job_counts WHERE job_id = $1 GROUP BY month
"""
_CELLS: Final = """
    SELECT month, label, counted FROM job_counts
    WHERE job_id = $1 AND month = ANY ($2::smallint[])
"""
_LAST_STEP: Final = """
    SELECT number, reached FROM job_releases WHERE job_id = $1 AND part = 'step'
    ORDER BY number DESC LIMIT 1
"""
# Promises: a part is told once. A second one of the same kind and number fails.
_TELL: Final = """
    INSERT INTO job_releases
        (job_id, part, number, devices, months, counts, scale, reached, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""


def terms_of(job: Record) -> ResultTerms:
    """Return what a result of one device may be at most."""
    devices, norm = job["max_devices_per_owner"], job["max_norm"]
    return ResultTerms.of(
        job["labels"],
        None,
        None,
        max_items=rules.items_of_a_device(job["max_items"], devices),
        max_norm=None if norm is None else rules.norm_of_a_device(norm, devices),
    )


async def tell_step(connection: RawConnection, job: Record, *, now: datetime) -> None:
    """Tell the labels of what came since the last step. O(counts of the job)."""
    row = await connection.fetchrow(_LAST_STEP, job["id"])
    number, before = (row["number"], row["reached"]) if row else (0, None)
    totals = await connection.fetchrow(
        "SELECT uncertain, shown_devices FROM job_totals WHERE job_id = $1", job["id"]
    )
    assert totals is not None, "a job that is folded has totals"
    reached = await _count_labels(connection, job["id"], len(job["labels"]), totals["uncertain"])
    added = [now - then for now, then in zip(reached, before or [0] * len(reached), strict=True)]
    months = possible_months(job["date_from"], job["date_to"], job["deadline"])
    share = rules.shares_of(len(months)).steps * job["rho"] / rules.BILLION
    drawn = drawing.draw(added, norm=job["max_norm"] or job["max_items"], rho=share)
    only = months if len(months) == 1 else []
    await connection.execute(
        _TELL,
        job["id"],
        ReleasePart.STEP,
        number + 1,
        totals["shown_devices"],
        only,
        drawn.counts,
        drawn.scale,
        reached,
        now,
    )


async def tell_all(ctx: Context, job: Job, totals: JobTotals) -> None:
    """Tell the whole answer of a job that has ended, if enough owners took part. O(counts).

    Not of one that was restored from a backup: it may have been told before. Months are looked at
    first, all that there can be; and cells of those alone that stand out.
    """
    enough = totals.shown_devices > 0 or len(totals.owners) >= job.min_owners
    totals.owners, totals.uncertain_owners = [], []
    if not enough or job.restored_at is not None:
        return
    connection = await raw(ctx.tx)
    totals.shown_devices, totals.shown_items = totals.folded, totals.items
    max_items = job.max_items
    assert max_items is not None, "a noisy job says how many items an owner adds"
    norm = job.max_norm or max_items
    months = possible_months(job.date_from, job.date_to, job.deadline)
    shares, rho = rules.shares_of(len(months)), job.rho / rules.BILLION

    async def draw(counts: list[int], norm: int, share: float) -> Drawn:
        return await asyncio.to_thread(drawing.draw, counts, norm=norm, rho=share * rho)

    async def tell(part: ReleasePart, of: Sequence[int], drawn: Drawn) -> None:
        release = JobRelease(
            job_id=job.id,
            part=part,
            number=0,
            devices=totals.folded,
            months=list(of),
            counts=drawn.counts,
            scale=drawn.scale,
            reached=[],
            created_at=ctx.now,
        )
        ctx.tx.add(release)
        made[part] = release

    made: dict[ReleasePart, JobRelease] = {}
    labels = await _count_labels(connection, job.id, len(job.labels), totals.uncertain)
    only = months if len(months) == 1 else []
    await tell(ReleasePart.LABELS, only, await draw(labels, norm, shares.labels))
    # Of an owner, each device's result may be such a one.
    clipped = await draw([totals.clipped], job.max_devices_per_owner, shares.clipped)
    made[ReleasePart.LABELS].clipped = clipped.counts[0]
    made[ReleasePart.LABELS].clipped_scale = clipped.scale
    if only:
        return
    counted = dict(await connection.fetch(_MONTHS, job.id))
    in_months = [counted.get(it, 0) for it in months]
    await tell(ReleasePart.MONTHS, months, await draw(in_months, max_items, shares.months))
    some = standing_out(made[ReleasePart.MONTHS])
    if some:
        cells = {(m, label): n for m, label, n in await connection.fetch(_CELLS, job.id, some)}
        width = range(len(job.labels))
        counts = [cells.get((month, label), 0) for month in some for label in width]
        await tell(ReleasePart.CELLS, some, await draw(counts, norm, shares.cells))


def standing_out(months: JobRelease) -> list[int]:
    """Return the months that have more than noise alone seldom makes."""
    least = rules.stands_out(len(months.counts)) * months.scale
    return [it for it, n in zip(months.months, months.counts, strict=True) if n > least]


async def _count_labels(
    connection: RawConnection, job_id: object, labels: int, uncertain: int
) -> list[int]:
    counted = dict(await connection.fetch(_LABELS, job_id))
    return [*(counted.get(label, 0) for label in range(labels)), uncertain]
