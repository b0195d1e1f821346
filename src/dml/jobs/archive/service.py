"""Archiving: what an ended job's devices did moves out of the hot tables into files, in batches.

A batch is read, written to the blob store as a Parquet file, and read back from there; only then,
in one transaction, its rows leave the hot tables, and what may still be asked about them is kept
beside the file's hash. Whoever is killed when, each row is in one place, and the worst that is
left over is a file that nobody names. The next try makes the same file of the same rows.

Nobody waits for this: only rows of ended jobs are locked, which nobody changes any more. Why files,
and how they are proven: docs/decisions/0010.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row as Found, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.core.blobs import Blobs, Stored
from dml.core.context import SYSTEM, Context
from dml.core.ids import ArchiveId, JobId, UserId, new_id
from dml.jobs import queries, rules
from dml.jobs.archive import parquet, reading
from dml.jobs.archive.models import JobArchive
from dml.jobs.archive.parquet import Packed
from dml.jobs.models import Assignment, AssignmentState, Job

BATCH_MAX: Final = 2_000
BATCH_BYTES: Final = 4 * 1024 * 1024  # Of bodies, or one body: what a file holds fits in memory.
NOBODY_YET: Final = UserId(UUID(int=0))

Sessions = async_sessionmaker[AsyncSession]

# A job's assignments by owner and slot, which is the order of an index that finds them, from an
# owner on: the index still leads past rows that left a moment ago.
_TAKE: Final = text("""
    SELECT id, device_id, owner_id, state, tries, created_at, fold_id, received_at, body FROM (
        SELECT a.*, r.received_at, r.body, sum(octet_length(r.body)) OVER (
            ORDER BY a.owner_id, a.slot, a.id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
        FROM (
            SELECT * FROM assignments WHERE job_id = :job_id AND owner_id >= :first
            ORDER BY owner_id, slot, id LIMIT :limit
        ) a LEFT JOIN results r ON r.assignment_id = a.id
    ) sized
    WHERE coalesce(bytes_before, 0) < :bytes
    ORDER BY owner_id, slot, id
""")

# Promises: each of these rows leaves the hot tables, if it is over, and counted where it was
# accepted; and its body, if it is the one in the file. What may still be asked stays.
_MOVE: Final = text("""
    WITH packed AS MATERIALIZED (
        SELECT * FROM unnest(
            CAST(:ids AS uuid[]), CAST(:pages AS smallint[]), CAST(:hashes AS bytea[])
        ) AS p (id, page, sha256)
    ),
    left_assignments AS (
        DELETE FROM assignments a USING packed p
        WHERE a.id = p.id AND a.job_id = :job_id AND a.state <> 'leased'
          AND (a.state = 'accepted') = (a.fold_id IS NOT NULL)
          AND (a.state = 'accepted') = (p.sha256 IS NOT NULL)
        RETURNING a.id, a.device_id, a.fold_id, a.created_at, a.tries, a.state, p.page, p.sha256
    ),
    left_results AS (
        DELETE FROM results r USING packed p
        WHERE r.assignment_id = p.id AND sha256(r.body) = p.sha256
        RETURNING r.assignment_id
    ),
    kept AS (
        INSERT INTO archived_assignments
            (device_id, id, archive_id, fold_id, created_at, tries, page, state, body_sha256)
        SELECT device_id, id, :archive_id, fold_id, created_at, tries, page, state, sha256
        FROM left_assignments
    )
    SELECT (SELECT count(*) FROM left_assignments) AS assignments,
           (SELECT count(*) FROM left_results) AS results
""")


class NotOver(Exception):
    """An ended job has work under way. That is a bug elsewhere: `dml doctor` says more."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some assignments of an ended job, in the order of their ids, and who comes after them."""

    job_id: JobId
    number: int
    rows: list[parquet.Row]
    last_owner: UserId

    @property
    def facts(self) -> dict[str, str]:
        """What a file says of itself."""
        return {"dml.job_id": str(self.job_id), "dml.number": str(self.number)}


async def archive(
    sessions: Sessions,
    blobs: Blobs,
    job_id: JobId,
    *,
    limit: int = BATCH_MAX,
    rest: Callable[[], Awaitable[None]] | None = None,
) -> int:
    """Archive the whole of an ended job; call `rest` between batches. Return how many files."""
    first, files = NOBODY_YET, 0
    while True:
        async with sessions.begin() as tx:
            batch = await take(tx, job_id, first=first, limit=limit)
        if not batch.rows and first == NOBODY_YET:
            async with sessions.begin() as tx:
                await conclude(tx, job_id)
            return files
        if batch.rows:
            packed = await asyncio.to_thread(parquet.pack, batch.rows, batch.facts)
            stored = await blobs.keep(packed.content)
            await asyncio.to_thread(prove, batch, packed, await blobs.get(stored.sha256))
            async with sessions.begin() as tx:
                now = (await tx.scalars(select(func.now()))).one()
                await move(Context(tx, SYSTEM, now), batch, packed, stored)
            files += 1
        # Nobody is left beyond: look at all once more before the job is said to be archived.
        first = batch.last_owner if batch.rows else NOBODY_YET
        if rest is not None:
            await rest()


async def take(tx: AsyncSession, job_id: JobId, *, first: UserId, limit: int) -> Batch:
    """Read the next assignments of an ended job, from this owner's on. O(batch)."""
    job = await queries.get(tx, job_id)
    if job.state not in rules.ENDED:
        raise NotOver(f"{job.reference} is {job.state}")
    number = await tx.scalar(
        select(func.coalesce(func.max(JobArchive.number), 0)).where(JobArchive.job_id == job_id)
    )
    values = {"job_id": job_id, "first": first, "limit": limit, "bytes": BATCH_BYTES}
    found = (await tx.execute(_TAKE, values)).all()
    return Batch(
        job_id=job_id,
        number=(number or 0) + 1,
        rows=sorted((_row(it) for it in found), key=lambda it: it.id),
        last_owner=found[-1].owner_id if found else first,
    )


def prove(batch: Batch, packed: Packed, content: bytes) -> None:
    """Make sure that what the store gives back holds these rows, and that their owners can read it.

    Their bodies are read from it the way in which they will be.
    """
    assert content == packed.content, "the blob store gave back something else"
    unpacked = parquet.unpack(content)
    assert (unpacked.rows, unpacked.facts) == (batch.rows, batch.facts), "a file is not its rows"
    pages = [
        list(reading.bodies(content[packed.pages[at] : packed.pages[at + 1]]))
        for at in range(0, len(packed.pages), 2)
    ]
    for row, page in zip(batch.rows, packed.page_of, strict=True):
        assert row.body is None or row.body in pages[page], "a page does not hold its bodies"


async def move(ctx: Context, batch: Batch, packed: Packed, stored: Stored) -> None:
    """Take a batch that is in the store out of the hot tables, or leave all as it is."""
    archive_id = ArchiveId(new_id())
    bodies = [row.body for row in batch.rows]
    values = {
        "job_id": batch.job_id,
        "archive_id": archive_id,
        "ids": [row.id for row in batch.rows],
        "pages": packed.page_of,
        "hashes": [None if it is None else hashlib.sha256(it).digest() for it in bodies],
    }
    said = [json.loads(it) for it in bodies if it is not None]
    before = select(JobArchive.chain).where(
        JobArchive.job_id == batch.job_id, JobArchive.number == batch.number - 1
    )
    chain = reading.chained(await ctx.tx.scalar(before) or reading.FIRST_CHAIN, stored.sha256)
    # From here to the commit nothing but the database works: a transaction that writes keeps all
    # others' dead rows, those of the busy places, too.
    left = (await ctx.tx.execute(_MOVE, values)).one()
    if (left.assignments, left.results) != (len(bodies), len(said)):
        raise NotOver(
            f"job:{batch.job_id}: of {len(bodies)} assignments {left.assignments} are over"
        )
    await ctx.tx.execute(
        insert(JobArchive).values(
            id=archive_id,
            job_id=batch.job_id,
            number=batch.number,
            sha256=stored.sha256,
            chain=chain,
            size=stored.size,
            assignments=len(bodies),
            results=len(said),
            items=sum(it["items"] for it in said),
            uncertain=sum(it["uncertain"] for it in said),
            pages=packed.pages,
            created_at=ctx.now,
        )
    )


async def conclude(tx: AsyncSession, job_id: JobId) -> None:
    """Note that a job is archived whole, so that nobody looks at it again."""
    left = select(Assignment.id).where(Assignment.job_id == job_id).limit(1)
    assert await tx.scalar(left) is None, f"job:{job_id} has assignments at hand"
    await tx.execute(update(Job).where(Job.id == job_id).values(archived_at=func.now()))


def _row(found: Found[Any]) -> parquet.Row:
    return parquet.Row(**{**found._mapping, "state": str(AssignmentState(found.state))})
