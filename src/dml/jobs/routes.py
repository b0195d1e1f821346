"""REST for customers: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core import event_log
from dml.core.ids import JobId
from dml.edge.etags import TellRevision
from dml.edge.http import Ctx, Server, SignedInBegin
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Once
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals
from dml.edge.streams import EventStream, while_admitted
from dml.edge.timeline import TimelineOut, UpcomingActionOut, timeline
from dml.jobs import queries, results, rules, service
from dml.jobs.archive import queries as archive_queries
from dml.jobs.crowds.rules import TargetTooSmall
from dml.jobs.events import JobProgressed
from dml.jobs.models import Job
from dml.jobs.quotes.routes import NO_PRICE
from dml.jobs.schemas import (
    JobArchiveOut,
    JobClosure,
    JobCreate,
    JobOut,
    JobResultsOut,
    JobsPaging,
)
from dml.jobs.service import Limits, Order
from dml.jobs.shapes import ordered
from dml.jobs.watching import TooManyStreams, Watching
from dml.payments.debit_limits.rules import DebitLimitReached
from dml.payments.rules import InsufficientFunds

NO_REASON: Final = JobClosure(reason=None)
router = APIRouter(prefix="/v1/jobs", route_class=IdempotentRoute)


async def _shaped(tx: AsyncSession, job: Job) -> JobOut:
    return ordered(job, await queries.get_beside(tx, job))


@router.post(
    "",
    operation_id="jobs.create",
    status_code=201,
    dependencies=[Once],
    responses=refusals(
        InsufficientFunds,
        DebitLimitReached,
        *NO_PRICE,
        rules.PriceChanged,
        rules.RewardTooLow,
        TargetTooSmall,
        rules.TooManyCounts,
        rules.TooManyOpenJobs,
        rules.OrderUnderWay,
        IdempotencyKeyReused,
    ),
)
async def create(ctx: Ctx, server: Server, body: JobCreate, response: Response) -> JobOut:
    """Create a job.

    Orders an algorithm to be run on up to `max_devices` devices. Its whole cost, `max_devices` ×
    (`reward` + `device_fee` + `platform_fee`), moves from your balance into escrow; if your balance
    is too small, no job is created. Each result that counts is paid from the escrow, and what is
    left in the end comes back to you. Its answer is `noisy`, unless you order an `exact` one.
    """
    job = await service.create(
        ctx,
        Order(**dict(body)),
        platform_fee_bps=server.settings.platform_fee_bps,
        min_owners=server.settings.min_owners,
        bounds=service.bounds_of(server.settings),
        limits=Limits.of(server.settings),
    )
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return await _shaped(ctx.tx, job)


@router.get("", operation_id="jobs.list")
async def list_mine(ctx: Ctx, paging: Annotated[JobsPaging, Query()]) -> Page[JobOut]:
    """List your jobs.

    The jobs that you have created, newest first.
    """
    rows = await queries.list_mine(
        ctx.tx, ctx.actor, state=paging.state, after=paging.cursor, limit=paging.limit
    )
    beside = await queries.get_beside_of(ctx.tx, rows)
    return paging.page(JobOut, [ordered(it, beside[it.id]) for it in rows])


@router.get("/{job_id}", operation_id="jobs.get", responses=refusals(rules.JobNotFound))
async def get(ctx: Ctx, job_id: JobId, tell: TellRevision) -> JobOut:
    """Get a job.

    Tells what it may cost, what it has cost so far, and how far it is. For its customer and admins.
    To raise it safely, send this answer's `ETag` as `If-Match`.
    """
    job = await queries.get_mine(ctx.tx, ctx.actor, job_id)
    tell(job.revision)
    return await _shaped(ctx.tx, job)


@router.get(
    "/{job_id}/results",
    operation_id="jobs.get_results",
    response_model=JobResultsOut,
    responses=refusals(rules.JobNotFound),
)
async def get_results(begin: SignedInBegin, watching: Watching, job_id: JobId) -> Response:
    """Get a job's results.

    The counts so far. They are published in steps, each of which sums up at least `min_owners`
    owners, so that nobody can be told from the others; before the first step they are `null`. The
    counts of a `noisy` answer carry noise: `intervals` says how sure each is. For the job's
    customer and admins.
    """
    async with begin() as ctx:
        job = await queries.get_mine(ctx.tx, ctx.actor, job_id)
        found = await watching.find(ctx.tx, job)
    news = await watching.write(found)
    return Response(news.json, media_type="application/json")


@router.get(
    "/{job_id}/results.csv",
    operation_id="jobs.export_results",
    response_class=Response,
    responses={
        **refusals(rules.JobNotFound),
        200: {"content": {"text/csv": {"example": "month,label,items\r\n2026-03,cat,12\r\n"}}},
    },
)
async def get_results_as_csv(begin: SignedInBegin, job_id: JobId) -> Response:
    """Export a job's results as CSV.

    The counts so far, with the columns `month`, `label` and `items`; for a `noisy` answer also
    `low` and `high`, between which the count lies 95 times of 100. `month` is `undated` for items
    without a date, and `other` for months that too few owners had. The last lines, without a month,
    hold the items labelled `(uncertain)` and `(other)`. For the job's customer and admins.
    """
    async with begin() as ctx:
        job = await queries.get_mine(ctx.tx, ctx.actor, job_id)
        answer = await results.read(ctx.tx, job)
    content = await asyncio.to_thread(answer.as_csv)
    disposition = {"Content-Disposition": f'attachment; filename="job-{job_id}.csv"'}
    return Response(content, media_type="text/csv", headers=disposition)


@router.get(
    "/{job_id}/events",
    operation_id="jobs.watch",
    response_class=Response,
    responses={
        **refusals(rules.JobNotFound, TooManyStreams),
        200: {"content": {"text/event-stream": {"example": "event: results\ndata: {…}\n\n"}}},
    },
)
async def watch(begin: SignedInBegin, watching: Watching, job_id: JobId) -> Response:
    """Watch a job's results as they change.

    Server-sent events: `results` at once and with each change, holding what `jobs.get_results`
    answers; then `end` when the job has ended. The stream ends with `refused` and a problem
    document once your session or token is no longer valid, and with `dropped` if you read too
    slowly. For the job's customer and admins.
    """
    async with begin() as ctx:
        job = await queries.get_mine(ctx.tx, ctx.actor, job_id)
        watching.require_room(ctx.actor.id)
        found = await watching.find(ctx.tx, job)
        user_id = ctx.actor.id
    first = await watching.write(found)
    watching.require_room(user_id)
    return EventStream(while_admitted(begin, watching.stream(job_id, user_id, first)))


@router.get(
    "/{job_id}/timeline", operation_id="jobs.get_timeline", responses=refusals(rules.JobNotFound)
)
async def get_timeline(ctx: Ctx, job_id: JobId) -> TimelineOut:
    """Get a job's timeline.

    Tells what happened to it, when, by whom and why, and what comes next. For its customer and
    admins.
    """
    job = await queries.get_mine(ctx.tx, ctx.actor, job_id)
    upcoming = [UpcomingActionOut(action=action, at=at) for action, at in rules.upcoming(job)]
    entries = await event_log.history(ctx.tx, job.reference, without=JobProgressed.TYPE)
    return timeline(ctx.actor, job.customer_id, entries, upcoming)


@router.get(
    "/{job_id}/archives", operation_id="jobs.list_archives", responses=refusals(rules.JobNotFound)
)
async def list_archives(ctx: Ctx, job_id: JobId, paging: Paged) -> Page[JobArchiveOut]:
    """List the archives of a job.

    When a job has ended, what its devices sent is moved into files that only the operator can read.
    Their hashes are listed here, oldest first, so that nobody can change them afterwards unnoticed.
    The results stay where they are. For the job's customer and admins.
    """
    job = await queries.get_mine(ctx.tx, ctx.actor, job_id)
    rows = await archive_queries.list_archives(
        ctx.tx, job.id, after=paging.cursor, limit=paging.limit
    )
    return paging.page(JobArchiveOut, rows)


@router.post(
    "/{job_id}/pause",
    operation_id="jobs.pause",
    dependencies=[Once],
    responses=refusals(rules.JobNotFound, rules.WrongState, IdempotencyKeyReused),
)
async def pause(ctx: Ctx, job_id: JobId) -> JobOut:
    """Pause a job.

    Devices get no new work for it; results of work that has begun still count and are paid. The
    deadline stays. For its customer and admins.
    """
    return await _shaped(ctx.tx, await service.pause(ctx, job_id))


@router.post(
    "/{job_id}/resume",
    operation_id="jobs.resume",
    dependencies=[Once],
    responses=refusals(rules.JobNotFound, rules.WrongState, IdempotencyKeyReused),
)
async def resume(ctx: Ctx, job_id: JobId) -> JobOut:
    """Resume a paused job.

    Devices get work for it again. For its customer and admins.
    """
    return await _shaped(ctx.tx, await service.resume(ctx, job_id))


@router.post(
    "/{job_id}/close",
    operation_id="jobs.close",
    dependencies=[Once],
    responses=refusals(
        rules.JobNotFound, rules.ReasonMissing, rules.WrongState, IdempotencyKeyReused
    ),
)
async def close(ctx: Ctx, job_id: JobId, body: JobClosure = NO_REASON) -> JobOut:
    """Close a job.

    Ends it before its deadline. It is `settling` while results of work that has begun still come
    in, count and are paid; then what is left in escrow goes back to the customer. For its customer,
    and for moderators, who give a reason that the customer reads.
    """
    return await _shaped(ctx.tx, await service.close(ctx, job_id, reason=body.reason))
