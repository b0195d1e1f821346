"""Folding: accepted results become totals and pay, a batch at a time, each exactly once.

A fold takes its results out of the inbox, adds them to the totals of their jobs and posts the
transfers that they earn, in one transaction: whoever is killed when, a result is either still in
the inbox or counted and paid. What one fold adds to a hot row it adds at once, so that the cost of
a result does not grow with how many devices a job has.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import text, update

from dml.core.context import Context
from dml.core.ids import FoldId, JobId, UserId, new_id
from dml.core.money import MicroTokens
from dml.jobs import counting, queries, rules
from dml.jobs.counting import Terms
from dml.jobs.models import Job, JobCount, JobTotals
from dml.payments import service as payments
from dml.payments.models import REVENUE, Movement, TransferCode
from dml.payments.rules import wallet

BATCH_MAX: Final = 1_000
BATCH_BYTES: Final = 4 * 1024 * 1024  # Or one result: a thousand of the largest fill a gigabyte.
CELLS_AT_ONCE: Final = 50_000  # So that no statement takes as long as one may.

# Promises: each result is taken by one fold, which commits it together with all that it earns, or
# leaves it where it was. Two folds at once take different ones.
_TAKE: Final = text("""
    WITH taken AS (
        DELETE FROM result_inbox WHERE ctid = ANY (ARRAY(
            SELECT place FROM (
                SELECT i.place, sum(octet_length(r.body)) OVER before AS bytes_before
                FROM (SELECT ctid AS place, assignment_id FROM result_inbox
                      LIMIT :limit FOR UPDATE SKIP LOCKED) i
                JOIN results r ON r.assignment_id = i.assignment_id
                WINDOW before AS (
                    ORDER BY i.place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
            ) sized
            WHERE coalesce(bytes_before, 0) < :bytes))
        RETURNING assignment_id
    )
    UPDATE assignments a SET fold_id = :fold_id
    FROM taken t JOIN results r ON r.assignment_id = t.assignment_id
    WHERE a.id = t.assignment_id
    RETURNING a.job_id, a.owner_id, r.body
""")

_ADD_COUNTS: Final = text("""
    INSERT INTO job_counts (job_id, month, label, counted, shown)
    SELECT :job_id, month, label, counted, 0
    FROM unnest(
        CAST(:months AS smallint[]), CAST(:labels AS smallint[]), CAST(:counts AS bigint[])
    ) AS added (month, label, counted)
    ON CONFLICT (job_id, month, label)
        DO UPDATE SET counted = job_counts.counted + excluded.counted
""")

# An answer can have millions of counts, and the step that shows them must end some day.
_HAVE_PATIENCE: Final = text("SET LOCAL statement_timeout = '2min'")

_LOCK_TOTALS: Final = text("""
    SELECT job_id FROM job_totals WHERE job_id = ANY (CAST(:jobs AS uuid[]))
    ORDER BY job_id FOR UPDATE
""")


@dataclass(slots=True)
class Batch:
    """The sum of some results of one job."""

    devices: int = 0
    items: int = 0
    uncertain: int = 0
    cells: defaultdict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))

    def add(self, result: Mapping[str, Any], terms: Terms) -> None:
        self.devices += 1
        self.items += result["items"]
        self.uncertain += result["uncertain"]
        for cell, count in counting.cells(result, terms).items():
            self.cells[cell] += count


@dataclass(frozen=True, slots=True)
class Folded:
    """What a fold did: how many results it took, and which jobs have all they asked for."""

    results: int
    full: list[JobId]


async def fold(ctx: Context, *, limit: int = BATCH_MAX) -> Folded:
    """Count and pay at most `limit` waiting results, fewer where they are large.

    O(results + jobs × cells that they touch).
    """
    fold_id = FoldId(new_id())
    taking = {"limit": limit, "bytes": BATCH_BYTES, "fold_id": fold_id}
    rows = (await ctx.tx.execute(_TAKE, taking)).all()
    if not rows:
        return Folded(0, [])
    by_job: defaultdict[JobId, list[Any]] = defaultdict(list)
    for row in rows:
        by_job[row.job_id].append(row)
    ids = sorted(by_job)
    await ctx.tx.execute(_LOCK_TOTALS, {"jobs": ids})

    full, movements = [], []
    for job_id in ids:
        job, taken = await queries.get(ctx.tx, job_id), by_job[job_id]
        if await _add(ctx, job, [json.loads(row.body) for row in taken]):
            full.append(job_id)
        movements += _earned(fold_id, job, Counter(row.owner_id for row in taken))
    await payments.transfer_many(ctx, movements)
    return Folded(len(rows), full)


async def show(ctx: Context, totals: JobTotals) -> None:
    """Let the customer see all that was folded. The caller holds the totals, and may."""
    await ctx.tx.execute(_HAVE_PATIENCE)
    await ctx.tx.execute(
        update(JobCount)
        .where(JobCount.job_id == totals.job_id, JobCount.shown != JobCount.counted)
        .values(shown=JobCount.counted)
    )
    totals.shown_devices = totals.folded
    totals.shown_items = totals.items
    totals.shown_uncertain = totals.uncertain


async def _add(ctx: Context, job: Job, results: Sequence[Mapping[str, Any]]) -> bool:
    """Add results to the job's totals, show what harms nobody, and tell whether it is full."""
    totals = await queries.get_totals(ctx.tx, job.id, lock=True)
    assert totals.folded + len(results) <= job.max_devices, f"{job.reference} has no such places"
    terms = Terms.of(job.labels, job.date_from, job.date_to)
    shown = rules.next_shown(
        folded=totals.folded,
        added=len(results),
        shown=totals.shown_devices,
        max_devices=job.max_devices,
        min_devices=job.min_devices,
    )
    if shown is not None:
        first = shown - totals.folded
        await _add_batch(ctx, totals, results[:first], terms)
        await show(ctx, totals)
        results = results[first:]
    await _add_batch(ctx, totals, results, terms)
    totals.version += 1
    return totals.folded == job.max_devices


async def _add_batch(
    ctx: Context, totals: JobTotals, results: Sequence[Mapping[str, Any]], terms: Terms
) -> None:
    batch = Batch()
    for result in results:
        batch.add(result, terms)
    totals.folded += batch.devices
    totals.items = MicroTokens(totals.items + batch.items)
    totals.uncertain = MicroTokens(totals.uncertain + batch.uncertain)
    all_cells = list(batch.cells.items())
    for first in range(0, len(all_cells), CELLS_AT_ONCE):
        cells = all_cells[first : first + CELLS_AT_ONCE]
        values = {
            "job_id": totals.job_id,
            "months": [month for (month, _), _ in cells],
            "labels": [label for (_, label), _ in cells],
            "counts": [count for _, count in cells],
        }
        await ctx.tx.execute(_ADD_COUNTS, values)


def _earned(fold_id: FoldId, job: Job, owners: Mapping[UserId, int]) -> list[Movement]:
    """What these results earn: for each owner, for the developer, and for the platform."""
    devices = sum(owners.values())
    earned = [
        (TransferCode.DEVICE_REWARD, wallet(owner_id), count * job.reward)
        for owner_id, count in owners.items()
    ]
    earned.append((TransferCode.DEVELOPER_FEE, wallet(job.developer_id), devices * job.device_fee))
    earned.append((TransferCode.PLATFORM_FEE, REVENUE, devices * job.platform_fee))
    return [
        Movement(code, f"fold:{fold_id}", job.escrow, target, MicroTokens(amount))
        for code, target, amount in earned
        if amount > 0
    ]
