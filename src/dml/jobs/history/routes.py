"""REST for what ended jobs tell others: parse, call one function, shape the answer."""

from typing import Final

from fastapi import APIRouter, Response

from dml.algorithms.rules import AlgorithmNotFound
from dml.core.ids import AlgorithmId, JobId, PublicationId
from dml.edge.http import Begin, Ctx, PublicCtx
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Once
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals
from dml.jobs.history import queries, rules, service
from dml.jobs.history.schemas import (
    AlgorithmUsageOut,
    JobPublication,
    JobUnpublishing,
    PublishedJobOut,
    published,
    usage,
)
from dml.jobs.rules import JobNotFound, ReasonMissing
from dml.jobs.schemas import JobResultsOut
from dml.jobs.watching import Watching

router = APIRouter(prefix="/v1", route_class=IdempotentRoute)
AS_IT_IS_CALLED: Final = JobPublication()
NO_REASON: Final = JobUnpublishing()


@router.get(
    "/algorithms/{algorithm_id}/usage",
    operation_id="algorithms.get_usage",
    responses=refusals(AlgorithmNotFound),
)
async def get_usage(ctx: PublicCtx, algorithm_id: AlgorithmId) -> AlgorithmUsageOut:
    """Get how much an algorithm is used.

    For anybody: its runs and ratings, and in which band the number of its ended jobs is.
    """
    return usage(await queries.get_usage(ctx.tx, ctx.actor, algorithm_id))


@router.get(
    "/algorithms/{algorithm_id}/published-jobs",
    operation_id="published_jobs.list",
    responses=refusals(AlgorithmNotFound),
)
async def list_published(
    ctx: PublicCtx, algorithm_id: AlgorithmId, paging: Paged
) -> Page[PublishedJobOut]:
    """List an algorithm's published jobs.

    For anybody: the answers of jobs that ran it which their customers made public, as they were
    shown to them. Those published last come first.
    """
    rows = await queries.list_published(
        ctx.tx, ctx.actor, algorithm_id, after=paging.cursor, limit=paging.limit
    )
    return paging.page(PublishedJobOut, [published(it) for it in rows])


@router.get(
    "/published-jobs/{publication_id}",
    operation_id="published_jobs.get",
    responses=refusals(rules.NotPublished),
)
async def get_published(ctx: PublicCtx, publication_id: PublicationId) -> PublishedJobOut:
    """Get a published job.

    For anybody.
    """
    return published(await queries.get_published(ctx.tx, publication_id))


@router.get(
    "/published-jobs/{publication_id}/results",
    operation_id="published_jobs.get_results",
    response_model=JobResultsOut,
    responses=refusals(rules.NotPublished),
)
async def get_published_results(
    begin: Begin, watching: Watching, publication_id: PublicationId
) -> Response:
    """Get a published job's results.

    For anybody: all of the counts, by month, as its customer sees them.
    """
    async with begin() as ctx:
        job = await queries.get_published_job(ctx.tx, publication_id)
        found = await watching.find(ctx.tx, job)
    news = await watching.write(found)
    return Response(news.json, media_type="application/json")


@router.post(
    "/jobs/{job_id}/publish",
    operation_id="jobs.publish",
    dependencies=[Once],
    responses=refusals(
        JobNotFound,
        rules.NotAnswered,
        rules.PublicationRemoved,
        rules.TitleNotPublic,
        IdempotencyKeyReused,
    ),
)
async def publish(
    ctx: Ctx, job_id: JobId, body: JobPublication = AS_IT_IS_CALLED
) -> PublishedJobOut:
    """Publish a job's answer.

    Shows everybody the counts of an ended job of yours, as they were shown to you, in the list of
    its algorithm's published jobs. Sent again, it changes the title. For its customer, who can take
    it back at any time.
    """
    publication_id = await service.publish(ctx, job_id, title=body.title)
    await ctx.tx.flush()
    return published(await queries.get_published(ctx.tx, publication_id))


@router.post(
    "/jobs/{job_id}/unpublish",
    operation_id="jobs.unpublish",
    status_code=204,
    dependencies=[Once],
    responses=refusals(
        rules.NotPublished,
        rules.NotImpartial,
        ReasonMissing,
        IdempotencyKeyReused,
    ),
)
async def unpublish(ctx: Ctx, job_id: JobId, body: JobUnpublishing = NO_REASON) -> None:
    """Take a job's answer back from public view.

    For its customer, who may publish it again; and for moderators, who give a reason, and then it
    stays so.
    """
    await service.unpublish(ctx, job_id, reason=body.reason)
