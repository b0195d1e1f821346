"""REST for appeals: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query

from dml.accounts.rules import ModeratorsOnly
from dml.algorithms import rules as algorithm_rules
from dml.algorithms.appeals import queries, rules, service
from dml.algorithms.appeals.schemas import AppealCreate, AppealOut, AppealResolution, AppealsQuery
from dml.core.db import Shown
from dml.core.ids import AlgorithmId, AppealId, VersionId
from dml.edge.http import Ctx, Server
from dml.edge.idempotency import IdempotentRoute, Once
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals

router = APIRouter(prefix="/v1/algorithms", route_class=IdempotentRoute)
moderation_router = APIRouter(prefix="/v1/moderation/appeals", route_class=IdempotentRoute)

MAY_NOT_DECIDE: Final = (
    ModeratorsOnly,
    rules.AppealNotFound,
    rules.AppealResolved,
    rules.OwnDecision,
    algorithm_rules.OwnVersion,
)


@router.post(
    "/{algorithm_id}/appeal",
    operation_id="algorithms.appeal",
    status_code=201,
    dependencies=[Once],
    response_model=AppealOut,
    responses=refusals(
        algorithm_rules.AlgorithmNotFound,
        algorithm_rules.NotDeveloper,
        rules.NothingToAppeal,
        rules.AppealedAlready,
    ),
)
async def appeal_suspension(ctx: Ctx, algorithm_id: AlgorithmId, body: AppealCreate) -> Shown:
    """Appeal against a suspension.

    Asks that another moderator looks at why one of them suspended your algorithm. Once for each
    suspension. For its developer.
    """
    appeal = await service.appeal_suspension(ctx, algorithm_id, text=body.text)
    return await queries.get_shown(ctx.tx, appeal.id)


@router.post(
    "/{algorithm_id}/versions/{version_id}/appeal",
    operation_id="versions.appeal",
    status_code=201,
    dependencies=[Once],
    response_model=AppealOut,
    responses=refusals(
        algorithm_rules.AlgorithmNotFound,
        algorithm_rules.VersionNotFound,
        algorithm_rules.NotDeveloper,
        algorithm_rules.Archived,
        algorithm_rules.FileForgotten,
        rules.NothingToAppeal,
        rules.AppealedAlready,
    ),
)
async def appeal_version(
    ctx: Ctx, server: Server, algorithm_id: AlgorithmId, version_id: VersionId, body: AppealCreate
) -> Shown:
    """Appeal against a rejection or a recall.

    Asks that another moderator looks at it. Once for each decision; against a rejection while the
    file is kept, which it then is until that is decided. For the developer.
    """
    kept = timedelta(days=server.settings.keep_refused_versions_days)
    appeal = await service.appeal_version(
        ctx, algorithm_id, version_id, text=body.text, kept_since=ctx.now - kept
    )
    return await queries.get_shown(ctx.tx, appeal.id)


@router.get(
    "/{algorithm_id}/appeals",
    operation_id="appeals.list",
    responses=refusals(algorithm_rules.AlgorithmNotFound),
)
async def list_appeals(ctx: Ctx, algorithm_id: AlgorithmId, paging: Paged) -> Page[AppealOut]:
    """List an algorithm's appeals.

    Those about the algorithm and its versions, newest first, with what came of them. For its
    developer and moderators.
    """
    rows = await queries.list_of_algorithm(
        ctx.tx, ctx.actor, algorithm_id, after=paging.cursor, limit=paging.limit
    )
    return paging.page(AppealOut, rows)


@moderation_router.get(
    "", operation_id="appeals.list_to_decide", responses=refusals(ModeratorsOnly)
)
async def list_to_decide(ctx: Ctx, query: Annotated[AppealsQuery, Query()]) -> Page[AppealOut]:
    """List appeals to decide.

    Those of all developers, oldest first. Without `state`, those that wait for a moderator. For
    moderators.
    """
    rows = await queries.list_for_moderators(
        ctx.tx, ctx.actor, state=query.state, after=query.cursor, limit=query.limit
    )
    return query.page(AppealOut, rows)


@moderation_router.post(
    "/{appeal_id}/uphold",
    operation_id="appeals.uphold",
    dependencies=[Once],
    response_model=AppealOut,
    responses=refusals(*MAY_NOT_DECIDE),
)
async def uphold(ctx: Ctx, appeal_id: AppealId, body: AppealResolution) -> Shown:
    """Uphold a decision.

    The appeal ends, and what was decided stays. The developer reads the reason. For moderators
    other than the one whose decision it was, and not for what is their own.
    """
    await service.uphold(ctx, appeal_id, reason=body.reason)
    await ctx.tx.flush()
    return await queries.get_shown(ctx.tx, appeal_id)


@moderation_router.post(
    "/{appeal_id}/overturn",
    operation_id="appeals.overturn",
    dependencies=[Once],
    response_model=AppealOut,
    responses=refusals(*MAY_NOT_DECIDE, algorithm_rules.WrongState),
)
async def overturn(ctx: Ctx, appeal_id: AppealId, body: AppealResolution) -> Shown:
    """Overturn a decision.

    A rejected or recalled version is approved at once, and a suspended algorithm listed again. Jobs
    that a recall has ended stay ended. For moderators other than the one whose decision it was, and
    not for what is their own.
    """
    await service.overturn(ctx, appeal_id, reason=body.reason)
    await ctx.tx.flush()
    return await queries.get_shown(ctx.tx, appeal_id)
