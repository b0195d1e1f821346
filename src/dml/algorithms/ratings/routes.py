"""REST for ratings: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from typing import Annotated

from fastapi import APIRouter, Query

from dml.accounts.rules import ModeratorsOnly
from dml.algorithms.ratings import queries, rules, service
from dml.algorithms.ratings.schemas import (
    RatingCreate,
    RatingHiding,
    RatingOut,
    RatingReplyCreate,
    RatingRestoration,
    RatingsQuery,
)
from dml.algorithms.rules import AlgorithmNotFound, NotDeveloper
from dml.core.db import Shown
from dml.core.ids import AlgorithmId, RatingId
from dml.edge.http import Ctx, PublicCtx
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Once
from dml.edge.paging import Page
from dml.edge.problems import refusals

router = APIRouter(prefix="/v1/algorithms/{algorithm_id}", route_class=IdempotentRoute)


@router.get(
    "/ratings",
    operation_id="ratings.list",
    responses=refusals(AlgorithmNotFound, ModeratorsOnly),
)
async def list_ratings(
    ctx: PublicCtx, algorithm_id: AlgorithmId, query: Annotated[RatingsQuery, Query()]
) -> Page[RatingOut]:
    """List an algorithm's ratings.

    For anybody, newest first, each with the developer's reply. Moderators may list those that were
    hidden.
    """
    rows = await queries.list_ratings(
        ctx.tx,
        ctx.actor,
        algorithm_id,
        hidden=query.hidden,
        after=query.cursor,
        limit=query.limit,
    )
    return query.page(RatingOut, rows)


@router.get(
    "/rating",
    operation_id="ratings.get_own",
    response_model=RatingOut,
    responses=refusals(rules.RatingNotFound),
)
async def get_own(ctx: Ctx, algorithm_id: AlgorithmId) -> Shown:
    """Get your rating of an algorithm.

    For signed-in users. Where a moderator hid it, `hidden_reason` says why.
    """
    return await queries.get_own(ctx.tx, ctx.actor.id, algorithm_id)


@router.put(
    "/rating",
    operation_id="ratings.set",
    response_model=RatingOut,
    responses=refusals(AlgorithmNotFound, rules.NotRun, rules.OwnAlgorithm, rules.RatingNotFound),
)
async def rate(ctx: Ctx, algorithm_id: AlgorithmId, body: RatingCreate) -> Shown:
    """Rate an algorithm.

    For customers of whose jobs one has run it, and ended with an answer that they were shown; not
    for its developer, nor for who acts for the same organisation. Everybody sees your name beside
    it. You have one rating of each algorithm, which another one replaces.
    """
    rating_id = await service.rate(ctx, algorithm_id, stars=body.stars, text=body.text)
    return await queries.get_shown(ctx.tx, rating_id)


@router.delete(
    "/rating",
    operation_id="ratings.delete",
    status_code=204,
    responses=refusals(rules.RatingNotFound, rules.RatingHidden),
)
async def delete(ctx: Ctx, algorithm_id: AlgorithmId) -> None:
    """Delete your rating of an algorithm.

    For its author, unless a moderator hid it. The developer's reply goes, too.
    """
    await service.delete(ctx, algorithm_id)


@router.put(
    "/ratings/{rating_id}/reply",
    operation_id="ratings.set_reply",
    response_model=RatingOut,
    responses=refusals(AlgorithmNotFound, NotDeveloper, rules.RatingNotFound),
)
async def answer(
    ctx: Ctx, algorithm_id: AlgorithmId, rating_id: RatingId, body: RatingReplyCreate
) -> Shown:
    """Reply to a rating.

    For the algorithm's developer: one reply to each rating, which another one replaces.
    """
    await service.answer(ctx, algorithm_id, rating_id, text=body.text)
    return await queries.get_shown(ctx.tx, rating_id)


@router.delete(
    "/ratings/{rating_id}/reply",
    operation_id="ratings.delete_reply",
    status_code=204,
    responses=refusals(AlgorithmNotFound, NotDeveloper, rules.RatingNotFound, rules.ReplyNotFound),
)
async def delete_reply(ctx: Ctx, algorithm_id: AlgorithmId, rating_id: RatingId) -> None:
    """Delete your reply to a rating.

    For the algorithm's developer.
    """
    await service.delete_reply(ctx, algorithm_id, rating_id)


@router.post(
    "/ratings/{rating_id}/hide",
    operation_id="ratings.hide",
    dependencies=[Once],
    response_model=RatingOut,
    responses=refusals(
        ModeratorsOnly,
        AlgorithmNotFound,
        rules.RatingNotFound,
        rules.OwnAlgorithm,
        rules.RatingHiddenAlready,
        IdempotencyKeyReused,
    ),
)
async def hide(
    ctx: Ctx, algorithm_id: AlgorithmId, rating_id: RatingId, body: RatingHiding
) -> Shown:
    """Hide a rating.

    It is neither shown nor counted any more. For moderators, except whose own the rating or the
    algorithm is.
    """
    await service.hide(ctx, algorithm_id, rating_id, reason=body.reason)
    return await queries.get_shown(ctx.tx, rating_id)


@router.post(
    "/ratings/{rating_id}/restore",
    operation_id="ratings.restore",
    dependencies=[Once],
    response_model=RatingOut,
    responses=refusals(
        ModeratorsOnly,
        AlgorithmNotFound,
        rules.RatingNotFound,
        rules.OwnAlgorithm,
        rules.RatingNotHidden,
        IdempotencyKeyReused,
    ),
)
async def restore(
    ctx: Ctx, algorithm_id: AlgorithmId, rating_id: RatingId, body: RatingRestoration
) -> Shown:
    """Restore a hidden rating.

    It is shown and counted again. For moderators, except whose own the rating or the algorithm is.
    """
    await service.restore(ctx, algorithm_id, rating_id, reason=body.reason)
    return await queries.get_shown(ctx.tx, rating_id)
