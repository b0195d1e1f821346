"""From rows to shapes on the wire, where a shape is more than the columns of one row."""

import json

from dml.core.money import MicroTokens
from dml.jobs.assignments import Claimable
from dml.jobs.models import Job, JobTotals
from dml.jobs.queries import Lease, Work
from dml.jobs.schemas import ClaimOut, JobOut, LeaseOut, ModelOut, PeriodOut, WorkOut


def ordered(job: Job, totals: JobTotals) -> JobOut:
    """A job as its customer sees it."""
    spent = MicroTokens(totals.folded * job.cost_of_one)
    fields = {name: getattr(job, name) for name in JobOut.model_fields if hasattr(job, name)}
    return JobOut(**fields, spent=spent, devices_done=totals.folded)


def lease(it: Lease) -> LeaseOut:
    """What a device must know to do the work."""
    job, period = it.job, None
    if job.date_from is not None or job.date_to is not None:
        period = PeriodOut(from_=job.date_from, to=job.date_to)
    return LeaseOut(
        id=it.assignment.id,
        job_id=job.id,
        lease_seconds=it.seconds,
        lease_expires_at=it.assignment.lease_expires_at,
        model=ModelOut(
            url=f"/v1/assignments/{it.assignment.id}/model",
            sha256=job.model_sha256,
            size=job.model_size,
        ),
        input=job.input_spec,
        labels=job.labels,
        min_confidence=job.min_confidence,
        period=period,
    )


def claimed(it: Claimable) -> ClaimOut:
    """What a claim gave."""
    return ClaimOut(
        items=[lease(held) for held in it.leases],
        retry_after_seconds=it.retry_after_seconds,
        reason=it.reason,
    )


def work(it: Work) -> WorkOut:
    """What a device did, and exactly what left it."""
    paid = it.assignment.fold_id is not None
    return WorkOut(
        id=it.assignment.id,
        job_id=it.job.id,
        job_title=it.job.title,
        labels=it.job.labels,
        state=it.assignment.state,
        tries=it.assignment.tries,
        created_at=it.assignment.created_at,
        paid=paid,
        earned=it.job.reward if paid else MicroTokens(0),
        result=None if it.result is None else json.loads(it.result.body),
    )
