"""The use cases: make an ended job's answer public, and take it back."""

from dml.accounts.organisations import queries as organisations
from dml.core import events
from dml.core.context import Context
from dml.core.counts import Count
from dml.core.ids import JobId, PublicationId, new_id
from dml.jobs import queries as job_queries
from dml.jobs.events import JobPublished, JobUnpublished, seen_by
from dml.jobs.history import queries, rules
from dml.jobs.history.models import PublishedJob
from dml.jobs.models import Job


async def publish(ctx: Context, job_id: JobId, *, title: str | None = None) -> PublicationId:
    """Make the answer of an ended job of the actor's public, as it was shown. Once more, it only
    changes the title. O(counts).
    """
    job = await job_queries.get_mine(ctx.tx, ctx.actor, job_id, lock=True)
    rules.require_customer(job, ctx.actor)
    totals = await job_queries.get_totals(ctx.tx, job_id)
    rules.require_answered(job, totals)
    shown_title = rules.require_public_title(title or job.title)
    publication = await queries.find_publication(ctx.tx, job_id)
    if publication is not None:
        rules.require_not_removed(publication)
        publication.title = shown_title
        return publication.id
    counts = await queries.sum_by_label(ctx.tx, job)
    other = await queries.sum_other(ctx.tx, job_id)
    made = PublishedJob(
        id=PublicationId(new_id()),
        job_id=job_id,
        algorithm_id=job.algorithm_id,
        customer_id=job.customer_id,
        title=shown_title,
        devices=totals.shown_devices,
        items=Count(sum(counts) + totals.shown_uncertain + other),
        counts=counts,
        uncertain=totals.shown_uncertain,
        other=Count(other),
        published_at=ctx.now,
    )
    ctx.tx.add(made)
    published = JobPublished(job_id, job.algorithm_id)
    await events.record(ctx, published, [*seen_by(job), events.EVERYONE])
    return made.id


async def unpublish(ctx: Context, job_id: JobId, *, reason: str | None) -> None:
    """Take an answer back: the customer as they like, a moderator for good and with a reason."""
    rules.require_published(await queries.find_publication(ctx.tx, job_id))
    job = await job_queries.get(ctx.tx, job_id, lock=True)  # As whoever publishes does.
    publication = rules.require_published(await queries.find_publication(ctx.tx, job_id))
    if ctx.actor.user_id == job.customer_id:
        await ctx.tx.delete(publication)
    else:
        await _remove(ctx, job, publication, reason)
    unpublished = JobUnpublished(job_id, job.algorithm_id)
    await events.record(ctx, unpublished, seen_by(job), reason=reason)


async def _remove(ctx: Context, job: Job, publication: PublishedJob, reason: str | None) -> None:
    interested = await organisations.list_interested(ctx.tx, [job.developer_id], ctx.now)
    publication.removal_reason = rules.require_may_remove(ctx.actor, interested, reason)
    publication.removed_at = ctx.now
