"""REST for moderators: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from types import SimpleNamespace
from typing import Annotated

from fastapi import APIRouter, Query

from dml.accounts.rules import ModeratorsOnly
from dml.algorithms import rules as algorithm_rules
from dml.algorithms.moderation import queries
from dml.algorithms.moderation.reasons import REASONS
from dml.algorithms.moderation.schemas import (
    ReviewQueueQuery,
    ReviewReasonsOut,
    VersionReviewOut,
    VersionToReviewOut,
    reasons_out,
)
from dml.core.ids import VersionId
from dml.edge.http import Ctx, PublicCtx
from dml.edge.paging import Page
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(prefix="/v1/moderation", route_class=StrictRoute)


@router.get("/versions", operation_id="versions.list_to_review", responses=refusals(ModeratorsOnly))
async def list_versions_to_review(
    ctx: Ctx, query: Annotated[ReviewQueueQuery, Query()]
) -> Page[VersionToReviewOut]:
    """List versions to review.

    Versions of all developers, those that have waited longest first, each with its passport, its
    twins, and whether you may judge it. Without `state`, those that wait for a review. For
    moderators.
    """
    queued = await queries.list_to_review(
        ctx,
        state=query.state,
        developer_id=query.developer_id,
        after=query.cursor,
        limit=query.limit,
    )
    return query.page_of(queued, ctx.now)


@router.get(
    "/versions/{version_id}",
    operation_id="versions.get_to_review",
    response_model=VersionReviewOut,
    responses=refusals(ModeratorsOnly, algorithm_rules.VersionNotFound),
)
async def get_version_to_review(ctx: Ctx, version_id: VersionId) -> SimpleNamespace:
    """Get a version to review.

    What the list says of it, and how it answers four fixed pictures: each as the model saw it, with
    the labels that it named. In any state. For moderators.
    """
    queued = await queries.get_to_review(ctx, version_id)
    samples = await queries.get_samples(ctx.tx, version_id)
    return queued.shown(ctx.now, samples=samples)


@router.get("/reasons", operation_id="review_reasons.list")
async def list_reasons(ctx: PublicCtx) -> ReviewReasonsOut:
    """List the ready reasons.

    Why moderators approve, reject, recall or suspend, each with its code and in the words that
    developers read. For anybody: a developer may look before publishing.
    """
    return reasons_out(list(REASONS.values()))
