"""Every SELECT of this domain. Edges may read through these; only the use cases write."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Select, func, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.models import User
from dml.algorithms.models import Version, VersionState
from dml.algorithms.queries import title_of
from dml.core.context import Actor
from dml.core.db import HELD, PAGE_MAX
from dml.core.ids import AssignmentId, DeviceId, JobId, UserId, VersionId
from dml.core.money import MicroTokens
from dml.devices.models import Device
from dml.jobs import rules
from dml.jobs.archive.models import ArchivedAssignment
from dml.jobs.models import (
    Assignment,
    AssignmentState,
    Job,
    JobCount,
    JobPlaces,
    JobState,
    JobTotals,
)
from dml.jobs.rules import JobNotFound, require_mine

# What a device did, of the tables and of the archives in one statement: nothing that moves from one
# to the other meanwhile is missed, or seen twice.
_WORK: Final = text("""
    WITH done AS (
        (SELECT id, job_id, state, tries, created_at, fold_id,
                NULL::uuid AS archive_id, NULL::int AS page, NULL::bytea AS body_sha256
         FROM assignments WHERE device_id = :device_id AND id < :before
         ORDER BY id DESC LIMIT :limit)
        UNION ALL
        (SELECT id, NULL, state, tries, created_at, fold_id, archive_id, page, body_sha256
         FROM archived_assignments WHERE device_id = :device_id AND id < :before
         ORDER BY id DESC LIMIT :limit)
        ORDER BY id DESC LIMIT :limit
    )
    SELECT d.id, j.id AS job_id, j.title, j.labels, j.reward, d.state, d.tries, d.created_at,
           d.fold_id, r.body, f.sha256 AS file, d.body_sha256,
           f.pages[2 * d.page + 1] AS start, f.pages[2 * d.page + 2] AS end
    FROM done d
    LEFT JOIN results r ON r.assignment_id = d.id AND d.archive_id IS NULL
    LEFT JOIN job_archives f ON f.id = d.archive_id
    JOIN jobs j ON j.id = coalesce(d.job_id, f.job_id)
    ORDER BY d.id DESC
""")

# The blobs that are needed: a job's model outlives whatever becomes of its version.
NAMED_BLOBS: Final = "SELECT model_sha256 FROM jobs UNION ALL SELECT sha256 FROM job_archives"

_TAKE_TURN: Final = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")

_EARNED: Final = text("""
    SELECT count(*), coalesce(sum(j.reward), 0) FROM (
        SELECT job_id FROM assignments WHERE device_id = :device_id AND fold_id IS NOT NULL
        UNION ALL
        SELECT f.job_id FROM archived_assignments a JOIN job_archives f ON f.id = a.archive_id
        WHERE a.device_id = :device_id AND a.fold_id IS NOT NULL
    ) paid JOIN jobs j ON j.id = paid.job_id
""")


_JOB: Final = Job.__table__


@dataclass(frozen=True, slots=True)
class Kept:
    """Where an archived body is: in which file, where its page begins and ends, and its hash."""

    file_sha256: str
    start: int
    end: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Work:
    """What a device did or does for a job, and exactly what left it, or where that is kept."""

    id: AssignmentId
    job_id: JobId
    job_title: str
    labels: list[str]
    state: AssignmentState
    tries: int
    created_at: datetime
    reward: MicroTokens | None  # None: it was not paid, or not yet.
    body: bytes | None
    kept: Kept | None


@dataclass(frozen=True, slots=True)
class ShownMonth:
    """What a customer sees of a month: a count for each of some labels, by their places."""

    month: int
    labels: Sequence[int]
    counts: Sequence[int]


async def get(tx: AsyncSession, job_id: JobId, *, lock: bool = False) -> Job:
    """Load a job, or refuse. `lock=True` holds its row until the transaction ends."""
    job = await tx.get(Job, job_id, with_for_update=lock, populate_existing=lock)
    if job is None:
        raise JobNotFound
    return job


async def get_mine(tx: AsyncSession, actor: Actor, job_id: JobId, *, lock: bool = False) -> Job:
    """Load a job for its customer or an admin; for everybody else there is none."""
    job = await tx.get(Job, job_id, with_for_update=lock, populate_existing=lock)
    return require_mine(job, actor)


async def get_closable(tx: AsyncSession, actor: Actor, job_id: JobId, *, reason: str | None) -> Job:
    """Load a job for whoever may close it, and hold its row; for everybody else there is none."""
    job = await tx.get(Job, job_id, with_for_update=True, populate_existing=True)
    return rules.require_may_close(job, actor, reason)


async def list_of_version(tx: AsyncSession, version_id: VersionId, *, limit: int) -> Sequence[Job]:
    """Hold jobs that run this version and are not ending yet, in the order of their ids."""
    query = (
        select(Job)
        .where(Job.version_id == version_id, Job.ended_at.is_(None))
        .where(Job.state.in_((JobState.OPEN, JobState.PAUSED)))
        .order_by(Job.id)
        .limit(limit)
        .with_for_update(**HELD)
        .execution_options(populate_existing=True)
    )
    return (await tx.scalars(query)).all()


async def lock_open_of_suspended(tx: AsyncSession, user_id: UserId, *, limit: int) -> Sequence[Job]:
    """Hold open jobs of this customer, in the order of their ids, while they are suspended."""
    is_suspended = select(User.id).where(User.id == user_id, User.suspended_at.is_not(None))
    query = (
        select(Job)
        .where(Job.customer_id == user_id, Job.ended_at.is_(None), Job.state == JobState.OPEN)
        .where(is_suspended.exists())
        .order_by(Job.id)
        .limit(limit)
        .with_for_update(of=Job, **HELD)
        .execution_options(populate_existing=True)
    )
    return (await tx.scalars(query)).all()


async def has_leases_of_suspended(tx: AsyncSession, user_id: UserId) -> bool:
    """Tell whether a device of this owner has a lease, while they are suspended."""
    theirs = (
        select(Device.id)
        .join(User, User.id == Device.owner_id)
        .where(User.id == user_id, User.suspended_at.is_not(None))
    )
    leased = select(Assignment.id).where(
        Assignment.device_id.in_(theirs), Assignment.state == AssignmentState.LEASED
    )
    return await tx.scalar(leased.limit(1)) is not None


async def list_jobs(tx: AsyncSession, job_ids: Sequence[JobId]) -> Sequence[Job]:
    """Return those of these jobs that there are."""
    return (await tx.scalars(select(Job).where(Job.id.in_(job_ids)))).all()


async def take_turn(tx: AsyncSession, customer_id: UserId) -> bool:
    """Keep this customer's other orders out until the transaction ends, or say that one does so.

    Nobody waits here: each that did would hold a connection, and a customer could hold them all.
    """
    return bool(await tx.scalar(_TAKE_TURN, {"name": f"order:{customer_id}"}))


async def count_not_ended(tx: AsyncSession, customer_id: UserId, *, most: int) -> int:
    """Return how many jobs of a customer have not ended, at most `most`."""
    some = select(Job.id).where(Job.customer_id == customer_id, Job.ended_at.is_(None)).limit(most)
    return await tx.scalar(select(func.count()).select_from(some.subquery())) or 0


async def list_mine(
    tx: AsyncSession, actor: Actor, *, state: JobState | None, after: UUID | None, limit: int
) -> Sequence[Job]:
    """Return the actor's jobs, newest first, and one beyond `limit` if more follow."""
    assert 0 < limit <= PAGE_MAX
    query = select(Job).where(Job.customer_id == actor.id)
    if state is not None:
        query = query.where(Job.state == state)
    if after is not None:
        query = query.where(Job.id < after)
    return (await tx.scalars(query.order_by(Job.id.desc()).limit(limit + 1))).all()


async def get_totals(tx: AsyncSession, job_id: JobId, *, lock: bool = False) -> JobTotals:
    """Load the totals of a job that is known to be there."""
    query = select(JobTotals).where(JobTotals.job_id == job_id)
    return (await tx.scalars(query.with_for_update() if lock else query)).one()


async def get_totals_of(tx: AsyncSession, jobs: Sequence[Job]) -> dict[JobId, JobTotals]:
    """Return the totals of each of these jobs."""
    query = select(JobTotals).where(JobTotals.job_id.in_([it.id for it in jobs]))
    return {it.job_id: it for it in await tx.scalars(query)}


@dataclass(frozen=True, slots=True)
class Beside:
    """What is shown of a job beside its own columns: how far it is, and what it runs."""

    totals: JobTotals
    algorithm_title: str


async def get_beside(tx: AsyncSession, job: Job) -> Beside:
    """Return what is shown of a job beside its own columns."""
    return (await get_beside_of(tx, [job]))[job.id]


async def get_beside_of(tx: AsyncSession, jobs: Sequence[Job]) -> dict[JobId, Beside]:
    """Return the same of each of these jobs, by one statement."""
    query = (
        select(JobTotals, title_of(_JOB.c.algorithm_id))
        .join(_JOB, _JOB.c.id == JobTotals.job_id)
        .where(JobTotals.job_id.in_([it.id for it in jobs]))
    )
    rows = (await tx.execute(query)).all()
    return {totals.job_id: Beside(totals, title) for totals, title in rows}


def sum_untold(user_id: UserId) -> Select[int]:
    """Sum up what left the escrows of a customer's jobs, and belongs to no step yet."""
    spent = (JobTotals.folded - JobTotals.shown_devices) * (
        Job.reward + Job.device_fee + Job.platform_fee
    )
    return (
        select(func.sum(spent - JobTotals.held_devices * Job.device_fee))
        .select_from(Job)
        .join(JobTotals, JobTotals.job_id == Job.id)
        .where(Job.customer_id == user_id, Job.ended_at.is_(None))
    )


async def list_shown_counts(
    tx: AsyncSession, job_ids: Sequence[JobId]
) -> dict[JobId, list[ShownMonth]]:
    """Return the counts as of the last step shown, in the order of months and labels.

    A row for each month: an answer can have a million counts, and as rows they took seconds.
    """
    in_order = aggregate_order_by
    query = (
        select(
            JobCount.job_id,
            JobCount.month,
            func.array_agg(in_order(JobCount.label, JobCount.label)),
            func.array_agg(in_order(JobCount.shown, JobCount.label)),
        )
        .where(JobCount.job_id.in_(job_ids), JobCount.shown > 0)
        .group_by(JobCount.job_id, JobCount.month)
        .order_by(JobCount.month)
    )
    found: dict[JobId, list[ShownMonth]] = {job_id: [] for job_id in job_ids}
    for job_id, month, labels, counts in await tx.execute(query):
        found[job_id].append(ShownMonth(month, labels, counts))
    return found


async def lock_places(tx: AsyncSession, job_id: JobId) -> int:
    """Hold all buckets of a job, so that no claim is under way, and return the open places."""
    query = (
        select(JobPlaces.open)
        .where(JobPlaces.job_id == job_id)
        .order_by(JobPlaces.bucket)
        .with_for_update()
    )
    return sum((await tx.scalars(query)).all())


async def find_job_held(
    tx: AsyncSession, assignment_id: AssignmentId, device_id: DeviceId
) -> Job | None:
    """Return the job of an assignment that this device holds by the database's clock."""
    return await tx.scalar(
        select(Job)
        .join(Assignment, Assignment.job_id == Job.id)
        .where(
            Assignment.id == assignment_id,
            Assignment.device_id == device_id,
            Assignment.state == AssignmentState.LEASED,
            Assignment.lease_expires_at > func.now(),
        )
    )


async def find_state(
    tx: AsyncSession, assignment_id: AssignmentId, device_id: DeviceId
) -> AssignmentState | None:
    """Return the state of an assignment of this device, archived or not, if there is one."""
    here, archived = (
        select(it.state).where(it.id == assignment_id, it.device_id == device_id)
        for it in (Assignment, ArchivedAssignment)
    )
    return await tx.scalar(here) or await tx.scalar(archived)


async def has_leases_of_version(tx: AsyncSession, version_id: VersionId) -> bool:
    """Tell whether a device has a lease of a job that runs this version."""
    of_version = select(Job.id).where(Job.version_id == version_id, Job.ended_at.is_(None))
    leased = select(Assignment.id).where(
        Assignment.job_id.in_(of_version), Assignment.state == AssignmentState.LEASED
    )
    return await tx.scalar(leased.limit(1)) is not None


async def is_recalled(tx: AsyncSession, assignment_id: AssignmentId, device_id: DeviceId) -> bool:
    """Tell whether nobody may run the version of this device's assignment any more."""
    query = (
        select(Version.state)
        .join(Job, Job.version_id == Version.id)
        .join(Assignment, Assignment.job_id == Job.id)
        .where(Assignment.id == assignment_id, Assignment.device_id == device_id)
    )
    return await tx.scalar(query) is VersionState.RECALLED


async def list_work(
    tx: AsyncSession, device_id: DeviceId, *, after: UUID | None, limit: int
) -> list[Work]:
    """Return what a device did, newest first, and one beyond `limit` if more follows.

    Bodies that were archived are still to be read: `archives.read_bodies`.
    """
    assert 0 < limit <= PAGE_MAX
    values = {"device_id": device_id, "before": after or UUID(int=2**128 - 1), "limit": limit + 1}
    return [
        Work(
            id=row.id,
            job_id=row.job_id,
            job_title=row.title,
            labels=row.labels,
            state=AssignmentState(row.state),
            tries=row.tries,
            created_at=row.created_at,
            reward=row.reward if row.fold_id else None,
            body=row.body,
            kept=Kept(row.file, row.start, row.end, row.body_sha256) if row.body_sha256 else None,
        )
        for row in await tx.execute(_WORK, values)
    ]


async def get_earnings(tx: AsyncSession, device_id: DeviceId) -> tuple[int, MicroTokens]:
    """Return how many results of a device were paid, and what they earned."""
    count, earned = (await tx.execute(_EARNED, {"device_id": device_id})).one()
    return count, MicroTokens(int(earned))


async def watch(tx: AsyncSession, job_ids: Sequence[JobId]) -> dict[JobId, tuple[int, JobState]]:
    """Return of each job what changes when there is something new: its version and state."""
    query = (
        select(Job.id, JobTotals.version, Job.state)
        .join(JobTotals, JobTotals.job_id == Job.id)
        .where(Job.id.in_(job_ids))
    )
    return {row.id: (row.version, row.state) for row in await tx.execute(query)}


@dataclass(frozen=True, slots=True)
class Waiting:
    results: int
    oldest_seconds: float


# The rows that came first are mostly the first in the table; a look at them all would be dear.
_WAITING: Final = text("""
    SELECT (SELECT count(*) FROM (SELECT FROM result_inbox LIMIT 1000000) AS counted),
        coalesce(extract(epoch FROM clock_timestamp() - (
            SELECT min(received_at) FROM results WHERE assignment_id = ANY (ARRAY(
                SELECT assignment_id FROM result_inbox LIMIT 100)))), 0)::float8
""")


async def waiting(tx: AsyncSession) -> Waiting:
    """Return how many results wait to be folded (a million at most), and for how long, about."""
    results, oldest_seconds = (await tx.execute(_WAITING)).one()
    return Waiting(results, max(0.0, oldest_seconds))
