"""REST for algorithms: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from typing import Final

from fastapi import APIRouter, Response

from dml.accounts import queries as account_queries
from dml.algorithms import queries, rules, service
from dml.algorithms.moderation.rules import ReasonNotForThis
from dml.algorithms.schemas import (
    AlgorithmArchival,
    AlgorithmCreate,
    AlgorithmOut,
    AlgorithmResumption,
    AlgorithmSuspension,
    AlgorithmUpdate,
    OfferedAlgorithmOut,
    told,
)
from dml.algorithms.suspending import rules as suspending_rules, service as suspending
from dml.core import event_log
from dml.core.db import Shown
from dml.core.ids import AlgorithmId, UserId
from dml.edge.etags import BadIfMatch, IfMatch, TellRevision
from dml.edge.http import Ctx, PublicCtx
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Once
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute
from dml.edge.timeline import TimelineOut, timeline

router = APIRouter(prefix="/v1/algorithms", route_class=IdempotentRoute)
users_router = APIRouter(prefix="/v1/users", route_class=StrictRoute)

NO_ARCHIVAL_REASON: Final = AlgorithmArchival()


@router.post(
    "",
    operation_id="algorithms.create",
    status_code=201,
    response_model=AlgorithmOut,
    dependencies=[Once],
    responses=refusals(IdempotencyKeyReused),
)
async def create_algorithm(ctx: Ctx, body: AlgorithmCreate, response: Response) -> Shown:
    """Create an algorithm.

    You become its developer. It begins as a `draft`, which only you and moderators see; announce it
    if all are to see that it is coming. Upload a version of its model next: the algorithm is
    `listed` for everybody once a moderator approves one of its versions.
    """
    new = service.NewAlgorithm(
        title=body.title,
        summary=body.summary,
        model_card=body.model_card,
        kind=body.kind,
        tags=body.tags,
        data_kind=body.data_kind,
        device_fee=body.device_fee,
        labels=body.labels,
    )
    algorithm = await service.create(ctx, new)
    response.headers["Location"] = f"/v1/algorithms/{algorithm.id}"
    return await queries.get_listing(ctx.tx, ctx.actor, algorithm.id)


@router.get(
    "/{algorithm_id}",
    operation_id="algorithms.get",
    response_model=AlgorithmOut,
    responses=refusals(rules.AlgorithmNotFound),
)
async def get_algorithm(ctx: PublicCtx, algorithm_id: AlgorithmId, tell: TellRevision) -> Shown:
    """Get an algorithm.

    Anybody may read a listed or announced one; in other states only its developer and moderators
    see it.
    `approved_version` is the version to name when you create a job. Send its ETag as `If-Match`
    when you update it.
    """
    return told(await queries.get_listing(ctx.tx, ctx.actor, algorithm_id), tell)


@router.patch(
    "/{algorithm_id}",
    operation_id="algorithms.update",
    response_model=AlgorithmOut,
    responses=refusals(
        rules.AlgorithmNotFound,
        rules.NotDeveloper,
        rules.Archived,
        rules.EditedMeanwhile,
        BadIfMatch,
    ),
)
async def update(
    ctx: Ctx,
    algorithm_id: AlgorithmId,
    body: AlgorithmUpdate,
    revision: IfMatch,
    tell: TellRevision,
) -> Shown:
    """Update an algorithm.

    Changes the fields that you send. Kind, data and labels never change, as versions were checked
    against them. A new fee is for new jobs: those that were ordered keep theirs. For its developer.
    """
    await service.edit(ctx, algorithm_id, body.columns(), revision=revision)
    await ctx.tx.flush()
    return told(await queries.get_listing(ctx.tx, ctx.actor, algorithm_id), tell)


@router.delete(
    "/{algorithm_id}",
    operation_id="algorithms.delete",
    status_code=204,
    responses=refusals(
        rules.AlgorithmNotFound, rules.NotDeveloper, rules.NotDraft, rules.VersionPending
    ),
)
async def delete_draft(ctx: Ctx, algorithm_id: AlgorithmId) -> None:
    """Delete a draft.

    Or an announced one, with all its versions and their files. What was listed once can be archived
    instead. For its developer.
    """
    await service.delete_draft(ctx, algorithm_id)


@router.get(
    "/{algorithm_id}/timeline",
    operation_id="algorithms.get_timeline",
    responses=refusals(rules.AlgorithmNotFound),
)
async def get_timeline(ctx: Ctx, algorithm_id: AlgorithmId) -> TimelineOut:
    """Get an algorithm's timeline.

    Tells what happened to it, when, by whom and why. For its developer and moderators.
    """
    algorithm = await queries.get_managed(ctx.tx, ctx.actor, algorithm_id)
    entries = await event_log.history(ctx.tx, algorithm.reference)
    return timeline(ctx.actor, algorithm.developer_id, entries)


@router.post(
    "/{algorithm_id}/suspend",
    operation_id="algorithms.suspend",
    dependencies=[Once],
    response_model=AlgorithmOut,
    responses=refusals(
        rules.NotDeveloper, rules.AlgorithmNotFound, rules.WrongState, ReasonNotForThis
    ),
)
async def suspend(ctx: Ctx, algorithm_id: AlgorithmId, body: AlgorithmSuspension) -> Shown:
    """Suspend an algorithm.

    Takes it off the list for now: no new job can use it, and devices get no new work for it.
    Results of work that has begun are still accepted and paid; its jobs wait, at most until their
    deadlines. For its developer, who can resume it, and for moderators. To end its jobs at once, a
    moderator recalls the version.
    """
    await suspending.suspend(ctx, algorithm_id, reason=body.reason, code=body.reason_code)
    return await queries.get_listing(ctx.tx, ctx.actor, algorithm_id)


@router.post(
    "/{algorithm_id}/resume",
    operation_id="algorithms.resume",
    dependencies=[Once],
    response_model=AlgorithmOut,
    responses=refusals(
        rules.NotDeveloper,
        suspending_rules.SuspendedByModerator,
        rules.OwnVersion,
        rules.AlgorithmNotFound,
        rules.WrongState,
    ),
)
async def resume(ctx: Ctx, algorithm_id: AlgorithmId, body: AlgorithmResumption) -> Shown:
    """Resume a suspended algorithm.

    Lists it again, or announces it where it was not listed yet, and its jobs go on. For whoever
    suspended it: its developer, or the moderators except its own developer.
    """
    await suspending.resume(ctx, algorithm_id, reason=body.reason)
    return await queries.get_listing(ctx.tx, ctx.actor, algorithm_id)


@router.post(
    "/{algorithm_id}/archive",
    operation_id="algorithms.archive",
    dependencies=[Once],
    response_model=AlgorithmOut,
    responses=refusals(
        rules.NotDeveloper, rules.AlgorithmNotFound, rules.WrongState, rules.ReasonMissing
    ),
)
async def archive(
    ctx: Ctx, algorithm_id: AlgorithmId, body: AlgorithmArchival = NO_ARCHIVAL_REASON
) -> Shown:
    """Archive an algorithm.

    Takes it off the list for good: no new job can use it, while jobs that use it already go on. It
    cannot be undone. For its developer and, with a reason, for moderators.
    """
    await service.archive(ctx, algorithm_id, reason=body.reason)
    return await queries.get_listing(ctx.tx, ctx.actor, algorithm_id)


@users_router.get(
    "/{user_id}/algorithms",
    operation_id="algorithms.list_offered",
    responses=refusals(account_queries.UserNotFound),
)
async def list_offered(ctx: PublicCtx, user_id: UserId, paging: Paged) -> Page[OfferedAlgorithmOut]:
    """List what a user offers.

    For anybody, beside the public profile: the listed algorithms of this developer, newest first,
    in short.
    """
    await account_queries.get_user(ctx.tx, user_id)
    rows = await queries.list_offered(ctx.tx, user_id, after=paging.cursor, limit=paging.limit)
    return paging.page(OfferedAlgorithmOut, rows)
