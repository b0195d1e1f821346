"""Folding: accepted results become totals and pay, a batch at a time, each exactly once.

A fold takes its results out of the inbox, adds them to the totals of their jobs and posts the
transfers that they earn, in one transaction: whoever is killed when, a result is either still in
the inbox or counted and paid. What one fold adds to a hot row it adds at once, so that the cost of
a result does not grow with how many devices a job has.

Several fold at once. Taking and reading results waits for nobody; then the totals are locked in the
order of their jobs, and the ledger's accounts in theirs, so that nobody waits for each other.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from asyncpg import Record
from sqlalchemy import text, update

from dml.core.context import Context
from dml.core.db import RawConnection, raw
from dml.core.ids import FoldId, JobId, UserId, new_id
from dml.core.money import MicroTokens
from dml.jobs import inbox, rules, tally
from dml.jobs.counting import Terms
from dml.jobs.models import JobCount, JobTotals
from dml.jobs.tally import Counted, Tally
from dml.jobs.turns import BATCH_MAX, Turns
from dml.payments import service as payments
from dml.payments.models import REVENUE, Movement, TransferCode
from dml.payments.rules import wallet

CELLS_AT_ONCE: Final = 50_000  # So that no statement takes as long as one may.

# Holds the totals until the transaction ends, locked in one order. The rest never changes.
_LOCK: Final = """
    SELECT j.id, j.labels, j.max_devices, j.min_devices, j.reward, j.device_fee, j.platform_fee,
           j.developer_id, t.folded, t.shown_devices
    FROM job_totals t JOIN jobs j ON j.id = t.job_id
    WHERE t.job_id = ANY ($1::uuid[]) ORDER BY t.job_id FOR UPDATE OF t
"""

# Promises: each count grows by what is added; those that come as shown are shown whole. The caller
# holds the totals.
_ADD_COUNTS: Final = """
    INSERT INTO job_counts (job_id, month, label, counted, shown)
    SELECT job_id, month, label, counted, CASE WHEN is_shown THEN counted ELSE 0 END
    FROM unnest($1::uuid[], $2::smallint[], $3::smallint[], $4::bigint[], $5::boolean[])
        AS added (job_id, month, label, counted, is_shown)
    ON CONFLICT (job_id, month, label) DO UPDATE SET
        counted = job_counts.counted + excluded.counted,
        shown = CASE WHEN excluded.shown > 0 THEN job_counts.counted + excluded.counted
            ELSE job_counts.shown END
"""

# Promises: the totals grow by what is added; where $5 is true, what is shown becomes what was
# folded before together with the first results of this fold, which the last columns sum up.
_ADD_TOTALS: Final = """
    UPDATE job_totals t SET
        folded = t.folded + a.devices, items = t.items + a.items,
        uncertain = t.uncertain + a.uncertain, version = t.version + 1,
        shown_devices = CASE WHEN a.shows THEN t.folded + a.first_devices
            ELSE t.shown_devices END,
        shown_items = CASE WHEN a.shows THEN t.items + a.first_items ELSE t.shown_items END,
        shown_uncertain = CASE WHEN a.shows THEN t.uncertain + a.first_uncertain
            ELSE t.shown_uncertain END
    FROM unnest($1::uuid[], $2::int[], $3::bigint[], $4::bigint[],
                $5::boolean[], $6::int[], $7::bigint[], $8::bigint[])
        AS a (job_id, devices, items, uncertain, shows, first_devices, first_items, first_uncertain)
    WHERE t.job_id = a.job_id
"""

_SHOW: Final = """
    UPDATE job_counts SET shown = counted WHERE job_id = ANY ($1::uuid[]) AND shown <> counted
"""

# An answer can have millions of counts, and the step that shows them must end some day.
_HAVE_PATIENCE: Final = "SET LOCAL statement_timeout = '2min'"


@dataclass(slots=True)
class Share:
    """What a fold took of one job."""

    owners: Counter[UserId] = field(default_factory=Counter)
    results: list[Counted] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Step:
    """What a fold adds to one job: first what is shown at once, then what is not yet."""

    job: Record
    first: Tally
    rest: Tally
    shows: bool

    @property
    def leaves_behind(self) -> bool:
        """Tell whether counts of earlier folds are shown only now."""
        return self.shows and self.job["shown_devices"] < self.job["folded"]

    @property
    def folded(self) -> int:
        return int(self.job["folded"]) + self.first.devices + self.rest.devices


@dataclass(frozen=True, slots=True)
class Folded:
    """What a fold did: how many results it took, and which jobs have all they asked for.

    `waited_seconds` it waited for other folds of the same jobs, while it held up nobody.
    """

    results: int
    full: list[JobId]
    waited_seconds: float = 0.0


async def fold(ctx: Context, turns: Turns, *, limit: int = BATCH_MAX) -> Folded:
    """Count and pay at most `limit` waiting results, fewer where they are large.

    `turns` is what the caller remembers from one fold to the next. O(results + jobs × cells that
    they touch).
    """
    fold_id = FoldId(new_id())
    connection = await raw(ctx.tx)
    rows = await inbox.take(connection, turns, ctx.now, fold_id, limit=limit)
    if not rows:
        return Folded(0, [])
    shares: defaultdict[JobId, Share] = defaultdict(Share)
    for row in rows:
        share = shares[row["job_id"]]
        share.owners[row["owner_id"]] += 1
        share.results.append(tally.read(row["body"]))

    began = time.perf_counter()
    jobs = await connection.fetch(_LOCK, list(shares))
    waited = time.perf_counter() - began
    assert len(jobs) == len(shares)
    steps = [_step(job, shares[job["id"]].results) for job in jobs]
    await _add_counts(connection, [(it.job, it.first, it.shows) for it in steps])
    if behind := [it.job["id"] for it in steps if it.leaves_behind]:
        await connection.execute(_HAVE_PATIENCE)
        await connection.execute(_SHOW, behind)
    await _add_counts(connection, [(it.job, it.rest, False) for it in steps])
    await _add_totals(connection, steps)

    earned = [_earned(fold_id, job, shares[job["id"]].owners) for job in jobs]
    await payments.transfer_many(ctx, [movement for some in earned for movement in some])
    full = [it.job["id"] for it in steps if it.folded == it.job["max_devices"]]
    return Folded(len(rows), full, waited)


async def show(ctx: Context, totals: JobTotals) -> None:
    """Let the customer see all that was folded. The caller holds the totals, and may."""
    await ctx.tx.execute(text(_HAVE_PATIENCE))
    await ctx.tx.execute(
        update(JobCount)
        .where(JobCount.job_id == totals.job_id, JobCount.shown != JobCount.counted)
        .values(shown=JobCount.counted)
    )
    totals.shown_devices = totals.folded
    totals.shown_items = totals.items
    totals.shown_uncertain = totals.uncertain


def _step(job: Record, results: Sequence[Counted]) -> Step:
    """Sum up what is added to a job, and tell what of it its customer may see."""
    folded: int = job["folded"]
    assert folded + len(results) <= job["max_devices"], f"job:{job['id']} has no such places"
    shown = rules.next_shown(
        folded=folded,
        added=len(results),
        shown=job["shown_devices"],
        max_devices=job["max_devices"],
        min_devices=job["min_devices"],
    )
    first = 0 if shown is None else shown - folded
    return Step(job, Tally.of(results[:first]), Tally.of(results[first:]), shown is not None)


async def _add_counts(
    connection: RawConnection, added: Sequence[tuple[Record, Tally, bool]]
) -> None:
    cells = [
        (job["id"], *cell, is_shown)
        for job, sums, is_shown in added
        if sums.devices
        for cell in sums.cells(Terms.of(job["labels"], None, None))
    ]
    for first in range(0, len(cells), CELLS_AT_ONCE):
        columns = zip(*cells[first : first + CELLS_AT_ONCE], strict=True)
        await connection.execute(_ADD_COUNTS, *(list(column) for column in columns))


async def _add_totals(connection: RawConnection, steps: Sequence[Step]) -> None:
    await connection.execute(
        _ADD_TOTALS,
        [it.job["id"] for it in steps],
        [it.first.devices + it.rest.devices for it in steps],
        [it.first.items + it.rest.items for it in steps],
        [it.first.uncertain + it.rest.uncertain for it in steps],
        [it.shows for it in steps],
        [it.first.devices for it in steps],
        [it.first.items for it in steps],
        [it.first.uncertain for it in steps],
    )


def _earned(fold_id: FoldId, job: Record, owners: Mapping[UserId, int]) -> list[Movement]:
    """What these results earn: for each owner, for the developer, and for the platform."""
    reference, escrow, devices = f"fold:{fold_id}", f"escrow:job:{job['id']}", sum(owners.values())
    earned = [
        (TransferCode.DEVICE_REWARD, wallet(owner_id), count * job["reward"])
        for owner_id, count in owners.items()
    ]
    earned.append(
        (TransferCode.DEVELOPER_FEE, wallet(job["developer_id"]), devices * job["device_fee"])
    )
    earned.append((TransferCode.PLATFORM_FEE, REVENUE, devices * job["platform_fee"]))
    return [
        Movement(code, reference, escrow, target, MicroTokens(amount))
        for code, target, amount in earned
        if amount > 0
    ]
