"""From rows to shapes on the wire, where a shape is more than the columns of one row."""

import json

from dml.core.money import MicroTokens
from dml.jobs import rules
from dml.jobs.device_path.outcomes import Answered
from dml.jobs.device_path.schemas import (
    AssignmentOut,
    ClaimedAssignmentsOut,
    LeaseExtensionOut,
    LeaseOut,
    ModelFileOut,
    PeriodOut,
)
from dml.jobs.device_path.service import Claimable, Lease
from dml.jobs.models import Job
from dml.jobs.queries import Beside, Work
from dml.jobs.schemas import JobOut


def ordered(job: Job, beside: Beside) -> JobOut:
    """A job as its customer sees it."""
    devices = rules.shown_devices(job, beside.totals)
    spent = MicroTokens(devices * job.cost_of_one)
    fields = {name: getattr(job, name) for name in JobOut.model_fields if hasattr(job, name)}
    return JobOut(
        **fields,
        algorithm_title=beside.algorithm_title,
        spent=spent,
        devices_done=devices,
    )


def lease(it: Lease) -> LeaseOut:
    """What a device must know to do the work."""
    leased, job, model, period = it.leased, it.facts.job, it.facts.model, None
    if job.date_from is not None or job.date_to is not None:
        period = PeriodOut(from_=job.date_from, to=job.date_to)
    return LeaseOut(
        id=leased.id,
        job_id=leased.job_id,
        lease_seconds=leased.seconds,
        lease_expires_at=leased.expires_at,
        try_seconds=leased.try_seconds,
        model=ModelFileOut(
            url=f"/v1/assignments/{leased.id}/model",
            sha256=model.sha256,
            size=model.size,
        ),
        input=json.loads(model.input_spec),
        labels=list(model.labels),
        min_confidence=job.min_confidence,
        period=period,
        max_items=job.max_items,
        max_norm=job.max_norm,
        answers=job.answers,
        epsilon=job.epsilon,
        manifest_sha256=job.manifest_sha256,
    )


def claimed(it: Claimable) -> ClaimedAssignmentsOut:
    """What a claim gave."""
    return ClaimedAssignmentsOut(
        items=[lease(held) for held in it.leases],
        retry_after_seconds=it.retry_after_seconds,
        reason=it.reason,
    )


def extended(it: Answered) -> LeaseExtensionOut:
    """Until when a lease was extended."""
    assert it.expires_at is not None, "a heartbeat that was answered extended a lease"
    return LeaseExtensionOut(lease_seconds=it.seconds, lease_expires_at=it.expires_at)


def work(it: Work) -> AssignmentOut:
    """What a device did, and exactly what left it."""
    return AssignmentOut(
        id=it.id,
        job_id=it.job_id,
        job_title=it.job_title,
        labels=it.labels,
        state=it.state,
        tries=it.tries,
        created_at=it.created_at,
        paid=it.reward is not None,
        earned=it.reward or MicroTokens(0),
        result=None if it.body is None else json.loads(it.body),
    )
