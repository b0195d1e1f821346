"""`dml admin job-results`: a job's answer and the results behind it, archived or not."""

import asyncio
import csv
import io
import json
import sys
from dataclasses import asdict
from enum import StrEnum
from typing import Final
from uuid import UUID

from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.blobs import Blobs
from dml.core.errors import NotFound
from dml.core.ids import JobId
from dml.core.settings import Settings
from dml.entrypoints import fitness, wiring
from dml.entrypoints.doctor import AWAY, require_schema, snapshot
from dml.jobs import queries, results
from dml.jobs.archive import verifying
from dml.jobs.archive.parquet import Row
from dml.jobs.models import Job
from dml.refused import ExitCode, Refused

TABLE_ROWS_MAX: Final = 200


class Form(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    RAW = "raw"
    VERIFY = "verify"


def run(settings: Settings, job_id: str, form: Form) -> int:
    """Print what is requested. Return the exit code."""
    job = _read_id(job_id)
    try:
        return asyncio.run(_show(settings, job, form))
    except NotFound as unknown:
        raise Refused(f"{unknown.reason} {unknown.remedy}") from unknown
    except AWAY as error:
        Console(stderr=True).print(
            f"dml: cannot look: {fitness.reason_of(error)}", markup=False, soft_wrap=True
        )
        return ExitCode.NOT_REACHED


def _read_id(job_id: str) -> JobId:
    try:
        return JobId(UUID(job_id))
    except ValueError:
        raise Refused(f"{job_id} is no id of a job, such as the API gives") from None


async def _show(settings: Settings, job_id: JobId, form: Form) -> int:
    blobs = wiring.make_blobs(settings)
    async with snapshot(wiring.database_url(settings)) as tx:
        await require_schema(tx)
        job = await queries.get(tx, job_id)
        match form:
            case Form.JSON:
                shown = await results.results_of(tx, job)
                sys.stdout.write(shown.model_dump_json(indent=2) + "\n")
            case Form.CSV:
                sys.stdout.write(await results.csv_of(tx, job))
            case Form.RAW:
                await _print_rows(tx, blobs, job)
            case Form.VERIFY:
                return await _verify(tx, blobs, job)
            case Form.TABLE:
                await _print_table(tx, job)
    return ExitCode.DONE


async def _print_rows(tx: AsyncSession, blobs: Blobs, job: Job) -> None:
    async for row in verifying.rows(tx, blobs, job):
        sys.stdout.write(_line(row) + "\n")


def _line(row: Row) -> str:
    fields = asdict(row)
    body = fields.pop("body")
    fields["result"] = None if body is None else json.loads(body)
    return json.dumps(fields, default=str, ensure_ascii=False)


async def _verify(tx: AsyncSession, blobs: Blobs, job: Job) -> int:
    out = Console(markup=False, highlight=False, soft_wrap=True)
    wrong = await verifying.verify(tx, blobs, job)
    for complaint in wrong:
        out.print(f"✗ {complaint}")
    out.print(await _kept(tx, job) + (f" {len(wrong)} complaints." if wrong else " All adds up."))
    return ExitCode.NOT_DONE if wrong else ExitCode.DONE


async def _print_table(tx: AsyncSession, job: Job) -> None:
    """Print the answer for people: its first counts, where there are many."""
    out = Console(markup=False, highlight=False)
    shown = await results.results_of(tx, job)
    out.print(
        f"{job.title} ({job.state}): {shown.devices_done} of {job.max_devices} results are "
        f"counted, {shown.devices_shown} are shown."
    )
    head, *rows = csv.reader(io.StringIO(await results.csv_of(tx, job)))
    table = Table(*head[:2], title=None)
    table.add_column(head[2], justify="right")
    for row in rows[:TABLE_ROWS_MAX]:
        table.add_row(*row)
    if rows:
        out.print(table)
    if len(rows) > TABLE_ROWS_MAX:
        out.print(f"And {len(rows) - TABLE_ROWS_MAX} more counts: see --csv.")
    out.print(await _kept(tx, job), soft_wrap=True)


async def _kept(tx: AsyncSession, job: Job) -> str:
    files = await verifying.list_all_archives(tx, job)
    if not files:
        return "Nothing is archived yet."
    return (
        f"{sum(it.assignments for it in files)} assignments are archived in {len(files)} files "
        f"of {sum(it.size for it in files)} bytes; their chain ends in {files[-1].chain}."
    )
