"""Reading the whole of a job again, archived or not: to prove its answer, or to show each row.

For the operator alone: rows are of single devices.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.blobs import Blobs
from dml.core.ids import AssignmentId
from dml.jobs import queries
from dml.jobs.archive import parquet, reading
from dml.jobs.archive.models import ArchivedAssignment, JobArchive
from dml.jobs.archive.parquet import Row, Unpacked
from dml.jobs.counting import ResultTerms
from dml.jobs.folding.tally import Tally, read
from dml.jobs.models import Assignment, Job, JobCount, Result


async def list_all_archives(tx: AsyncSession, job: Job) -> list[JobArchive]:
    """Return the files of a job in their order: one for each two thousand assignments or so."""
    query = select(JobArchive).where(JobArchive.job_id == job.id).order_by(JobArchive.number)
    return list((await tx.scalars(query)).all())


async def rows(tx: AsyncSession, blobs: Blobs, job: Job) -> AsyncIterator[Row]:
    """Yield each assignment, those in files first. FileNotFoundError where one is away."""
    for archive in await list_all_archives(tx, job):
        for row in (await _unpack(await blobs.get(archive.sha256))).rows:
            yield row
    async for row in _rows_at_hand(tx, job):
        yield row


async def verify(tx: AsyncSession, blobs: Blobs, job: Job) -> list[str]:
    """Say in words what is wrong: with a file, or between what is kept and the answer.

    `tx` sees one moment. O(bytes of results), and the counts of a job in memory.
    """
    wrong: list[str] = []
    found = Tally()
    terms = ResultTerms.of(job.labels, job.date_from, job.date_to)
    chain = reading.FIRST_CHAIN
    for place, archive in enumerate(await list_all_archives(tx, job), start=1):
        chain = reading.chained(chain, archive.sha256)
        if (archive.number, archive.chain) != (place, chain):
            wrong.append(f"archive {archive.number} is not the {place}. of its chain")
        try:
            content = await blobs.get(archive.sha256)
        except FileNotFoundError:
            wrong.append(f"archive {archive.number}: {archive.sha256} is not in the blob store")
            continue
        if hashlib.sha256(content).hexdigest() != archive.sha256:
            wrong.append(f"archive {archive.number}: {archive.sha256} was changed")
            continue
        file = await _unpack(content)
        wrong += [
            f"archive {archive.number} {it}"
            for it in [*_of_file(archive, file, content), *await _of_known(tx, archive, file)]
        ]
        for row in file.rows:
            _count(found, row)
    async for row in _rows_at_hand(tx, job):
        _count(found, row)
    return [*wrong, *await _of_answer(tx, job, found, terms)]


async def _rows_at_hand(tx: AsyncSession, job: Job) -> AsyncIterator[Row]:
    query = (
        select(
            Assignment.id,
            Assignment.device_id,
            Assignment.owner_id,
            Assignment.state,
            Assignment.tries,
            Assignment.created_at,
            Assignment.fold_id,
            Result.received_at,
            Result.body,
        )
        .outerjoin(Result, Result.assignment_id == Assignment.id)
        .where(Assignment.job_id == job.id)
        .execution_options(yield_per=1_000)
    )
    async for it in await tx.stream(query):
        yield Row(*it)


async def _unpack(content: bytes) -> Unpacked:
    return await asyncio.to_thread(parquet.unpack, content)


def _count(found: Tally, row: Row) -> None:
    if row.fold_id is not None and row.body is not None:
        found.add(read(row.body))


def _of_file(archive: JobArchive, file: Unpacked, content: bytes) -> Iterator[str]:
    """What a file says of itself, and what its archive's row says of it."""
    facts = {"dml.job_id": str(archive.job_id), "dml.number": str(archive.number)}
    if file.facts != facts:
        yield f"says that it is {file.facts}"
    said = [json.loads(row.body) for row in file.rows if row.body is not None]
    sums = (
        len(file.rows),
        len(said),
        sum(it["items"] for it in said),
        sum(it["uncertain"] for it in said),
    )
    due = (archive.assignments, archive.results, archive.items, archive.uncertain)
    if sums != due:
        yield f"holds assignments, results, items and uncertain {sums}, not {due}"
    starts, ends = archive.pages[::2], archive.pages[1::2]
    readable = {
        body
        for start, end in zip(starts, ends, strict=True)
        for body in reading.bodies(content[start:end])
    }
    if not readable >= {row.body for row in file.rows if row.body is not None}:
        yield "has bodies that its owners cannot read"


async def _of_known(tx: AsyncSession, archive: JobArchive, file: Unpacked) -> list[str]:
    """What devices are told of these assignments, without the file."""
    keys = [(row.device_id, row.id) for row in file.rows]
    query = select(ArchivedAssignment).where(
        ArchivedAssignment.archive_id == archive.id,
        tuple_(ArchivedAssignment.device_id, ArchivedAssignment.id).in_(keys),
    )
    known: Mapping[AssignmentId, tuple[Any, ...]] = {
        it.id: (str(it.state), it.tries, it.created_at, it.fold_id, it.body_sha256)
        for it in await tx.scalars(query)
    }
    tx.expunge_all()
    return [
        f"holds assignment:{row.id}, of which something else is known"
        for row in file.rows
        if known.get(AssignmentId(row.id))
        != (row.state, row.tries, row.created_at, row.fold_id, _sha256(row.body))
    ][:20]


def _sha256(body: bytes | None) -> bytes | None:
    return None if body is None else hashlib.sha256(body).digest()


async def _of_answer(tx: AsyncSession, job: Job, found: Tally, terms: ResultTerms) -> list[str]:
    totals = await queries.get_totals(tx, job.id)
    query = select(JobCount.month, JobCount.label, JobCount.counted).where(
        JobCount.job_id == job.id
    )
    counted = {(row.month, row.label): row.counted for row in await tx.execute(query)}
    cells = {(month, label): count for month, label, count in found.cells(terms)}
    wrong: list[str] = []
    for name, due, sum_ in (
        ("results", totals.folded, found.devices),
        ("items", totals.items, found.items),
        ("uncertain", totals.uncertain, found.uncertain),
    ):
        if due != sum_:
            wrong.append(f"the answer has {due} {name}, its results say {sum_}")
    differ = sorted(
        cell for cell in counted.keys() | cells.keys() if counted.get(cell, 0) != cells.get(cell, 0)
    )
    wrong += [
        f"the answer counts {counted.get(cell, 0)} in month {cell[0]} for label {cell[1]}, "
        f"its results say {cells.get(cell, 0)}"
        for cell in differ[:20]
    ]
    if len(differ) > 20:
        wrong.append(f"and {len(differ) - 20} more counts differ")
    return wrong
