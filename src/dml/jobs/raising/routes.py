"""REST of raising: parse, call one function, shape the answer."""

from fastapi import APIRouter

from dml.core.ids import JobId
from dml.edge.etags import BadIfMatch, IfMatch, TellRevision
from dml.edge.http import Ctx, Server
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Once
from dml.edge.problems import refusals
from dml.jobs import queries, rules as job_rules
from dml.jobs.raising import rules, service
from dml.jobs.raising.rules import Raise
from dml.jobs.raising.schemas import JobRaise
from dml.jobs.schemas import JobOut
from dml.jobs.shapes import ordered
from dml.payments.debit_limits.rules import DebitLimitReached
from dml.payments.rules import InsufficientFunds

router = APIRouter(prefix="/v1/jobs", route_class=IdempotentRoute)


@router.post(
    "/{job_id}/raise",
    operation_id="jobs.raise_terms",
    dependencies=[Once],
    responses=refusals(
        job_rules.JobNotFound,
        rules.NotRaised,
        rules.NotRunning,
        rules.TooManyToPay,
        rules.JobEditedMeanwhile,
        job_rules.DeadlineNotAhead,
        job_rules.CostTooLarge,
        job_rules.TooManyCounts,
        job_rules.PriceChanged,
        InsufficientFunds,
        DebitLimitReached,
        BadIfMatch,
        IdempotencyKeyReused,
    ),
)
async def raise_terms(
    ctx: Ctx, server: Server, job_id: JobId, body: JobRaise, revision: IfMatch, tell: TellRevision
) -> JobOut:
    """Raise a job's reward, places or deadline.

    While it is open or paused, for its customer. What it costs more moves from your balance into
    escrow at once. A higher reward is that of every result: who was paid before gets the
    difference, so that nobody gains by waiting. Nothing of a job goes down. To raise it safely,
    send the `ETag` that you read as `If-Match`.
    """
    job = await service.raise_terms(
        ctx,
        job_id,
        Raise(**dict(body)),
        platform_fee_bps=server.settings.platform_fee_bps,
        counts_max=server.settings.counts_of_a_job,
        revision=revision,
    )
    tell(job.revision)
    return ordered(job, await queries.get_beside(ctx.tx, job))
