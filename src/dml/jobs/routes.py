"""REST for customers: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.ext.asyncio import AsyncSession

from dml.algorithms.rules import NotListed, VersionNotApproved, VersionNotFound
from dml.core import audit
from dml.core.ids import JobId
from dml.edge.http import Ctx, Server, SignedInBegin
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Once
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals
from dml.edge.streams import while_admitted
from dml.edge.timeline import TimelineOut, UpcomingActionOut, timeline
from dml.jobs import queries, results, rules, service
from dml.jobs.models import Job
from dml.jobs.schemas import ArchiveOut, CloseIn, JobIn, JobOut, JobsPaging, ResultsOut
from dml.jobs.service import Limits, Order
from dml.jobs.shapes import ordered
from dml.jobs.watching import TooManyStreams, Watching
from dml.payments.rules import InsufficientFunds

NO_REASON: Final = CloseIn(reason=None)
router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=IdempotentRoute)


async def _shaped(tx: AsyncSession, job: Job) -> JobOut:
    return ordered(job, await queries.get_totals(tx, job.id))


@router.post(
    "",
    status_code=201,
    dependencies=[Once],
    responses=refusals(
        InsufficientFunds,
        VersionNotFound,
        VersionNotApproved,
        NotListed,
        rules.DeadlineNotAhead,
        rules.StartsTooLate,
        rules.PeriodOutOfOrder,
        rules.TooFewDevices,
        rules.CostTooLarge,
        rules.PriceChanged,
        rules.RewardTooLow,
        rules.TooManyCounts,
        rules.TooManyOpenJobs,
        rules.OrderUnderWay,
        IdempotencyKeyReused,
    ),
)
async def create(ctx: Ctx, server: Server, body: JobIn, response: Response) -> JobOut:
    """Order a job: its whole cost moves into escrow, or it is refused."""
    job = await service.create(
        ctx,
        Order(**dict(body)),
        platform_fee_bps=server.settings.platform_fee_bps,
        min_devices=server.settings.min_devices,
        limits=Limits.of(server.settings),
    )
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return await _shaped(ctx.tx, job)


@router.get("")
async def list_mine(ctx: Ctx, paging: Annotated[JobsPaging, Query()]) -> Page[JobOut]:
    """Your jobs, newest first."""
    rows = await queries.list_mine(
        ctx.tx, ctx.actor, state=paging.state, after=paging.cursor, limit=paging.limit
    )
    totals = await queries.get_totals_of(ctx.tx, rows)
    return paging.page(JobOut, [ordered(it, totals[it.id]) for it in rows])


@router.get("/{job_id}", responses=refusals(rules.JobNotFound))
async def get(ctx: Ctx, job_id: JobId) -> JobOut:
    """A job of yours: what it may cost, what it has cost, how far it is."""
    return await _shaped(ctx.tx, await queries.get_mine(ctx.tx, ctx.actor, job_id))


@router.get("/{job_id}/results", response_model=ResultsOut, responses=refusals(rules.JobNotFound))
async def get_results(begin: SignedInBegin, watching: Watching, job_id: JobId) -> Response:
    """The answer so far, in steps that never show a few devices alone."""
    async with begin() as ctx:
        job = await queries.get_mine(ctx.tx, ctx.actor, job_id)
        found = await watching.find(ctx.tx, job)
    news = await watching.write(found)
    return Response(news.json, media_type="application/json")


@router.get(
    "/{job_id}/results.csv",
    response_class=Response,
    responses={
        **refusals(rules.JobNotFound),
        200: {"content": {"text/csv": {"example": "month,label,items\r\n2026-03,cat,12\r\n"}}},
    },
)
async def get_results_as_csv(begin: SignedInBegin, job_id: JobId) -> Response:
    """The answer so far as CSV: `month,label,items`."""
    async with begin() as ctx:
        job = await queries.get_mine(ctx.tx, ctx.actor, job_id)
        answer = await results.read(ctx.tx, job)
    content = await asyncio.to_thread(answer.as_csv)
    disposition = {"Content-Disposition": f'attachment; filename="job-{job_id}.csv"'}
    return Response(content, media_type="text/csv", headers=disposition)


@router.get(
    "/{job_id}/events",
    response_class=Response,
    responses={
        **refusals(rules.JobNotFound, TooManyStreams),
        200: {"content": {"text/event-stream": {"example": "event: results\ndata: {…}\n\n"}}},
    },
)
async def watch(begin: SignedInBegin, watching: Watching, job_id: JobId) -> Response:
    """Watch the answer grow (server-sent events): `results` with each change, then `end`.

    It ends with `refused`, and a problem document, once the session or the token is no longer good.
    Who takes an answer too slowly gets `dropped`, and no more.
    """
    async with begin() as ctx:
        job = await queries.get_mine(ctx.tx, ctx.actor, job_id)
        watching.require_room(ctx.actor.id)
        found = await watching.find(ctx.tx, job)
        user_id = ctx.actor.id
    first = await watching.write(found)
    watching.require_room(user_id)
    return StreamingResponse(
        while_admitted(begin, watching.stream(job_id, user_id, first)),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.get("/{job_id}/timeline", responses=refusals(rules.JobNotFound))
async def get_timeline(ctx: Ctx, job_id: JobId) -> TimelineOut:
    """What happened to a job, and what is next and when."""
    job = await queries.get_mine(ctx.tx, ctx.actor, job_id)
    upcoming = [UpcomingActionOut(action=action, at=at) for action, at in rules.upcoming(job)]
    entries = await audit.history(ctx.tx, job.reference)
    return timeline(ctx.actor, job.customer_id, entries, upcoming)


@router.get("/{job_id}/archives", responses=refusals(rules.JobNotFound))
async def list_archives(ctx: Ctx, job_id: JobId, paging: Paged) -> Page[ArchiveOut]:
    """What proves that nothing was changed afterwards: the hashes of the files that keep an ended
    job's assignments. The answer stays where it is.
    """
    job = await queries.get_mine(ctx.tx, ctx.actor, job_id)
    rows = await queries.list_archives(ctx.tx, job.id, after=paging.cursor, limit=paging.limit)
    return paging.page(ArchiveOut, rows)


@router.post(
    "/{job_id}/pause",
    dependencies=[Once],
    responses=refusals(rules.JobNotFound, rules.WrongState, IdempotencyKeyReused),
)
async def pause(ctx: Ctx, job_id: JobId) -> JobOut:
    """Hand out no more work. What devices have begun still counts; the deadline stays."""
    return await _shaped(ctx.tx, await service.pause(ctx, job_id))


@router.post(
    "/{job_id}/resume",
    dependencies=[Once],
    responses=refusals(rules.JobNotFound, rules.WrongState, IdempotencyKeyReused),
)
async def resume(ctx: Ctx, job_id: JobId) -> JobOut:
    """Hand out work again."""
    return await _shaped(ctx.tx, await service.resume(ctx, job_id))


@router.post(
    "/{job_id}/close",
    dependencies=[Once],
    responses=refusals(
        rules.JobNotFound, rules.ReasonMissing, rules.WrongState, IdempotencyKeyReused
    ),
)
async def close(ctx: Ctx, job_id: JobId, body: CloseIn = NO_REASON) -> JobOut:
    """End a job now. What devices have begun still counts; what is left then goes back to you.

    A moderator may close another's job, with a reason, which its customer reads.
    """
    return await _shaped(ctx.tx, await service.close(ctx, job_id, reason=body.reason))
