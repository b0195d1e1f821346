"""Folding: accepted results become totals and pay, a batch at a time, each exactly once.

A fold takes results out of the inbox, adds them to the totals of their jobs and posts the transfers
that they earn, in one transaction: whichever process is killed at whatever moment, a result is
either still in the inbox, or counted and paid. A fold writes each hot row once, so that the cost of
a result does not grow with the number of devices of a job.

Several workers fold at once. Taking and reading results waits for no lock. Then the totals are
locked in the order of their jobs, and the ledger's accounts in theirs: there is no deadlock.

What a customer sees (docs/decisions/0017). A step comes once `min_owners` owners have counted
something since the last step; the customer, the developer and whoever approved the version do not
count as owners. In a step, a cell (a label in a month) shows what was added to it since it was last
shown, if at least `min_owners` owners fed that; otherwise a later step shows it. So each item is
shown at most once, as part of one sum that `min_owners` owners fed, and no two of these sums share
an item. Any sum or difference of what was ever shown consists of whole such sums, so none can
isolate fewer owners. No other total is shown that would cut across them: `items`, and the totals of
labels and of months, are sums of what is shown. All of this is of exact answers; what is seen of
noisy ones is told by `jobs/noise`.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Final

from asyncpg import Record

from dml.core.context import Context
from dml.core.db import RawConnection, raw
from dml.core.ids import FoldId, JobId, UserId, new_id
from dml.core.money import MicroTokens
from dml.jobs import rules
from dml.jobs.counting import ResultTerms, is_clipped
from dml.jobs.folding import inbox, statements, stopping, tally
from dml.jobs.folding.tally import Counted, Tally
from dml.jobs.folding.turns import BATCH_MAX, Turns
from dml.jobs.models import ELSEWHERE, OTHER, Answers, Job, JobTotals
from dml.jobs.noise import service as noise
from dml.jobs.noise.rules import step_is_due
from dml.payments import service as payments
from dml.payments.models import REVENUE, Movement, TransferCode
from dml.payments.rules import wallet

CELLS_AT_ONCE: Final = 50_000  # So that each statement stays well below its timeout.

# Promises: each count grows by what is added. In a step the whole count is shown, if at least
# `least` owners fed what was not shown before; else these owners are kept, up to `least` of them.
# The caller has locked the totals, so nobody else changes these counts between read and write.
_ADD_COUNTS: Final = """
    INSERT INTO job_counts (job_id, month, label, counted, shown, owners)
    SELECT a.job_id, a.month, a.label, new.counted,
           CASE WHEN new.is_shown THEN new.counted ELSE coalesce(old.shown, 0) END,
           CASE WHEN new.is_shown THEN '{}' ELSE fed.owners END
    FROM unnest($1::uuid[], $2::smallint[], $3::smallint[], $4::bigint[], $5::boolean[],
                $6::text[], $7::int[])
        AS a (job_id, month, label, counted, is_step, owners, least)
    LEFT JOIN LATERAL (
        SELECT counted, shown, owners FROM job_counts
        WHERE job_id = a.job_id AND month = a.month AND label = a.label LIMIT 1
    ) old ON true
    CROSS JOIN LATERAL (SELECT a.owners::bigint[] AS owners) more
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN cardinality(more.owners) >= a.least OR coalesce(old.owners, '{}') = '{}'
                THEN more.owners
            WHEN cardinality(old.owners) >= a.least OR more.owners = '{}' THEN old.owners
            ELSE ARRAY(
                SELECT DISTINCT owner FROM unnest(old.owners || more.owners) AS owner
                LIMIT a.least)
            END AS owners
    ) fed
    CROSS JOIN LATERAL (
        SELECT coalesce(old.counted, 0) + a.counted AS counted,
               a.is_step AND cardinality(fed.owners) >= a.least AS is_shown
    ) new
    ON CONFLICT (job_id, month, label) DO UPDATE SET
        counted = excluded.counted, shown = excluded.shown, owners = excluded.owners
"""

# Promises: the totals grow by what is added. Where $5 is true, what is shown becomes what was
# folded before plus the first results of this fold, summed up in $6 to $8, and the developer's fees
# of only the other results wait for a later step. Uncertain items are shown where $9 is true.
_ADD_TOTALS: Final = """
    UPDATE job_totals t SET
        folded = t.folded + a.devices, items = t.items + a.items,
        uncertain = t.uncertain + a.uncertain, version = t.version + a.shows::int,
        shown_devices = CASE WHEN a.shows THEN t.folded + a.first_devices
            ELSE t.shown_devices END,
        shown_items = CASE WHEN a.shows THEN t.items + a.first_items ELSE t.shown_items END,
        shown_uncertain = CASE WHEN a.shows_uncertain THEN t.uncertain + a.first_uncertain
            ELSE t.shown_uncertain END,
        owners = a.owners::bigint[], uncertain_owners = a.uncertain_owners::bigint[],
        clipped = t.clipped + a.clipped,
        held_devices = CASE WHEN a.shows THEN a.devices - a.first_devices
            ELSE t.held_devices + a.devices END
    FROM unnest($1::uuid[], $2::int[], $3::bigint[], $4::bigint[], $5::boolean[], $6::int[],
                $7::bigint[], $8::bigint[], $9::boolean[], $10::text[], $11::text[], $12::int[])
        AS a (job_id, devices, items, uncertain, shows, first_devices, first_items,
              first_uncertain, shows_uncertain, owners, uncertain_owners, clipped)
    WHERE t.job_id = ANY ($1::uuid[]) AND t.job_id = a.job_id
"""

# An answer can have millions of counts: one statement that shows them may take longer than usual.
_ALLOW_LONG_STATEMENTS: Final = "SET LOCAL statement_timeout = '2min'"


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A step that a job's customer sees from now on, and how many devices the answer has then."""

    job_id: JobId
    customer_id: UserId
    devices: int


@dataclass(slots=True)
class Share:
    """The results of one job that a fold took."""

    owners: Counter[UserId] = field(default_factory=Counter)
    results: list[tuple[Counted, UserId]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FoldedPart:
    """What a fold adds to one job. If it makes a step, `first` belongs to it and `rest` does not.

    `owners` and `uncertain_owners` are the known owners of what is not shown yet after this fold.
    """

    job: Record
    first: Tally
    rest: Tally
    shows: bool
    shows_uncertain: bool
    owners: Set[int]
    uncertain_owners: Set[int]
    clipped: int = 0

    @property
    def is_exact(self) -> bool:
        return bool(self.job["answers"] == Answers.EXACT)

    @property
    def leaves_behind(self) -> bool:
        """Tell whether this step also shows counts of earlier folds."""
        return self.shows and self.job["shown_devices"] < self.job["folded"]

    @property
    def folded(self) -> int:
        return int(self.job["folded"]) + self.first.devices + self.rest.devices

    @property
    def step(self) -> ShownStep:
        devices = int(self.job["folded"]) + self.first.devices
        return ShownStep(JobId(self.job["id"]), UserId(self.job["customer_id"]), devices)

    @property
    def told_with(self) -> int:
        """The step with which all of this is told: this one, or the next where it leaves some."""
        return int(self.job["version"]) + 1 + (self.shows and self.rest.devices > 0)

    @property
    def fees(self) -> int:
        """How many devices the developer is paid for now: those that this step shows."""
        return int(self.job["held_devices"]) + self.first.devices if self.shows else 0


@dataclass(frozen=True, slots=True)
class Folded:
    """What a fold did: how many results it took, and which jobs have all their results.

    `waited_seconds`: how long it waited for folds of the same jobs; nobody waited for it then.
    """

    results: int
    full: list[JobId]
    waited_seconds: float = 0.0
    steps: Sequence[ShownStep] = ()
    precise: Sequence[JobId] = ()  # Jobs whose answer is as precise as was asked for.


async def fold(ctx: Context, turns: Turns, *, limit: int = BATCH_MAX) -> Folded:
    """Count and pay at most `limit` waiting results, fewer where they are large.

    The caller keeps `turns` from one fold to the next. O(results + jobs × cells of these results).
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
        share.results.append((tally.read(row["body"]), row["owner_id"]))

    began = time.perf_counter()
    await connection.execute(statements.LOCK, list(shares))
    waited = time.perf_counter() - began
    jobs = await connection.fetch(statements.JOBS, list(shares))
    assert len(jobs) == len(shares)
    parts = [_sum_up(job, shares[job["id"]].results) for job in jobs]
    await _add_counts(connection, [(it.job, it.first, it.shows and it.is_exact) for it in parts])
    if behind := [it.job for it in parts if it.leaves_behind and it.is_exact]:
        await connection.execute(_ALLOW_LONG_STATEMENTS)
        columns = ([it["id"] for it in behind], [it["min_owners"] for it in behind])
        await connection.execute(statements.SHOW, *columns)
    await _add_counts(connection, [(it.job, it.rest, False) for it in parts])
    await _add_totals(connection, parts)
    steps_of = [it.told_with for it in parts]
    await connection.execute(
        statements.ADD_FOLDS, [it.job["id"] for it in parts], fold_id, steps_of
    )
    noisy = [it.job for it in parts if it.shows and not it.is_exact]
    for job in noisy:
        await connection.execute(_ALLOW_LONG_STATEMENTS)
        await noise.tell_step(connection, job, now=ctx.now)

    earned = [_earned(fold_id, it, shares[it.job["id"]].owners) for it in parts]
    await payments.transfer_many(ctx, [movement for some in earned for movement in some])
    full = [it.job["id"] for it in parts if it.folded == it.job["max_devices"]]
    steps = [it.step for it in parts if it.shows]
    precise = [job["id"] for job in noisy if await stopping.is_precise_enough(connection, job)]
    return Folded(len(rows), full, waited, steps, precise)


async def show_last(ctx: Context, job: Job, totals: JobTotals) -> None:
    """Show the customer the final answer of a job. The caller has locked the totals. O(counts).

    There is a last step, if enough owners are new. Cells that too few owners fed are then shown in
    larger groups: first by label without months, at last all together as `other`, or not at all.
    """
    connection, least = await raw(ctx.tx), job.min_owners
    await connection.execute(_ALLOW_LONG_STATEMENTS)
    if job.is_noisy:
        await noise.tell_all(ctx, job, totals)
        return
    if len(totals.owners) >= least:
        totals.shown_devices, totals.shown_items = totals.folded, totals.items
    if totals.shown_devices:
        if len(totals.uncertain_owners) >= least:
            totals.shown_uncertain, totals.uncertain_owners = totals.uncertain, []
        unsure = (totals.uncertain - totals.shown_uncertain, totals.uncertain_owners)
        await connection.execute(statements.SHOW, [job.id], [least])
        await connection.execute(statements.SHOW_ELSEWHERE, job.id, least, ELSEWHERE)
        await connection.execute(statements.SHOW_OTHER, job.id, least, ELSEWHERE, *unsure, OTHER)
    await connection.execute(statements.FORGET_OWNERS, job.id)
    totals.owners, totals.uncertain_owners = [], []


def _sum_up(job: Record, results: Sequence[tuple[Counted, UserId]]) -> FoldedPart:
    """Sum up what is added to a job, and decide what of it its customer may see."""
    folded, least = job["folded"], job["min_owners"]
    assert folded + len(results) <= job["max_devices"], f"job:{job['id']} has no such places"
    reaches = rules.step_reaches(
        after=folded + len(results),
        max_devices=job["max_devices"],
        least=rules.least_devices(least, job["max_devices_per_owner"]),
    )
    # These know their own results, and so do who acts for them: they do not count as owners.
    uncounted = {job["customer_id"], job["developer_id"], job["reviewed_by"], *job["members"]}
    if job["answers"] == Answers.NOISY:
        return _sum_up_noisy(job, results, uncounted)
    fed = [(it, None if owner in uncounted else tally.short(owner)) for it, owner in results]
    first = fed[: max(0, reaches - folded)]
    known = {owner for it, owner in first if owner is not None and it.items} | {*job["owners"]}
    shows = reaches >= folded and len(known) >= least
    at_once = Tally.of(first if shows else (), least=least)
    rest = Tally.of(fed[len(first) :] if shows else fed, least=least)
    unsure = at_once.uncertain_owners | {*job["uncertain_owners"]}
    shows_uncertain = shows and len(unsure) >= least
    return FoldedPart(
        job=job,
        first=at_once,
        rest=rest,
        shows=shows,
        shows_uncertain=shows_uncertain,
        owners=rest.owners if shows else rest.owners | {*job["owners"]},
        uncertain_owners=rest.uncertain_owners | (set() if shows_uncertain else unsure),
    )


def _sum_up_noisy(
    job: Record, results: Sequence[tuple[Counted, UserId]], uncounted: Set[UserId]
) -> FoldedPart:
    """The same of a noisy job: all of it belongs to the step, if there is one.

    Cells need no owners here, and an owner counts whatever it handed in (docs/decisions/0074).
    """
    known = {tally.short(owner) for _, owner in results if owner not in uncounted}
    known |= {*job["owners"]}
    shows = job["restored_at"] is None and step_is_due(
        owners=len(known),
        after=job["folded"] + len(results),
        shown=job["shown_devices"],
        max_devices=job["max_devices"],
        min_owners=job["min_owners"],
    )
    terms = noise.terms_of(job)
    sums, nothing = Tally.of((it, None) for it, _ in results), Tally.of(())
    return FoldedPart(
        job=job,
        first=sums if shows else nothing,
        rest=nothing if shows else sums,
        shows=shows,
        shows_uncertain=False,
        owners=set() if shows else known,
        uncertain_owners=set(),
        clipped=sum(is_clipped(it.labels, it.uncertain, terms) for it, _ in results),
    )


async def _add_counts(
    connection: RawConnection, added: Sequence[tuple[Record, Tally, bool]]
) -> None:
    cells: list[tuple[object, ...]] = []
    for job, sums, is_shown in added:
        if sums.devices:
            terms = ResultTerms.of(job["labels"], None, None)
            fed, least = sums.fed(terms), job["min_owners"]
            cells += [
                (
                    job["id"],
                    month,
                    label,
                    count,
                    is_shown,
                    _array(fed.get((month, label), ())),
                    least,
                )
                for month, label, count in sums.cells(terms)
            ]
    for first in range(0, len(cells), CELLS_AT_ONCE):
        columns = zip(*cells[first : first + CELLS_AT_ONCE], strict=True)
        await connection.execute(_ADD_COUNTS, *(list(column) for column in columns))


async def _add_totals(connection: RawConnection, parts: Sequence[FoldedPart]) -> None:
    await connection.execute(
        _ADD_TOTALS,
        [it.job["id"] for it in parts],
        [it.first.devices + it.rest.devices for it in parts],
        [it.first.items + it.rest.items for it in parts],
        [it.first.uncertain + it.rest.uncertain for it in parts],
        [it.shows for it in parts],
        [it.first.devices for it in parts],
        [it.first.items for it in parts],
        [it.first.uncertain for it in parts],
        [it.shows_uncertain for it in parts],
        [_array(list(it.owners)[: it.job["min_owners"]]) for it in parts],
        [_array(list(it.uncertain_owners)[: it.job["min_owners"]]) for it in parts],
        [it.clipped for it in parts],
    )


def _array(owners: Iterable[int]) -> str:
    """Write an array as text, since PostgreSQL's arrays of arrays need rows of equal length."""
    return f"{{{','.join(map(str, owners))}}}"


def _earned(fold_id: FoldId, part: FoldedPart, owners: Mapping[UserId, int]) -> list[Movement]:
    """What is earned: by owners and the platform at once, by the developer with each step."""
    job, devices = part.job, sum(owners.values())
    reference, escrow = f"fold:{fold_id}", f"escrow:job:{job['id']}"
    earned = [
        (TransferCode.DEVICE_REWARD, wallet(owner_id), count * job["reward"])
        for owner_id, count in owners.items()
    ]
    developer = wallet(job["developer_id"])
    earned.append((TransferCode.DEVELOPER_FEE, developer, part.fees * job["device_fee"]))
    earned.append((TransferCode.PLATFORM_FEE, REVENUE, devices * job["platform_fee"]))
    return [
        Movement(code, reference, escrow, target, MicroTokens(amount))
        for code, target, amount in earned
        if amount > 0
    ]
