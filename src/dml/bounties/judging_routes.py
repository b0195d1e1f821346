"""REST of judging: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from dml.accounts.rules import ModeratorsOnly
from dml.algorithms import rules as algorithms
from dml.algorithms.models import Version
from dml.algorithms.schemas import VersionOut
from dml.bounties import board, judging, publishing, queries, shapes
from dml.bounties import judging_rules as rules
from dml.bounties.enrollment_rules import NotImpartial
from dml.bounties.judging_schemas import (
    AgreementsOut,
    AgreementsWanted,
    DecisionOut,
    DisputeIn,
    DisputeOut,
    PublishIn,
    ReorderIn,
    RewardIn,
    agreements_out,
    dispute_out,
)
from dml.bounties.rules import BountyNotFound, NotOwner, WrongState
from dml.bounties.schemas import BountyOut
from dml.bounties.submission_rules import SubmissionNotFound
from dml.core.errors import NotSignedIn
from dml.core.ids import BountyId, SubmissionId
from dml.edge.etags import TellRevision
from dml.edge.http import Ctx, PublicCtx
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Once
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(prefix="/v1/bounties", tags=["bounties"], route_class=IdempotentRoute)
agreements_router = APIRouter(prefix="/v1/moderation", tags=["moderation"], route_class=StrictRoute)


@router.post(
    "/{bounty_id}/reward",
    dependencies=[Once],
    responses=refusals(
        BountyNotFound,
        NotOwner,
        NotImpartial,
        WrongState,
        rules.NotByHand,
        rules.MoreWinnersThanPrizes,
        rules.NamedTwice,
        rules.NoCandidate,
        IdempotencyKeyReused,
    ),
)
async def reward(ctx: Ctx, bounty_id: BountyId, body: RewardIn, tell: TellRevision) -> BountyOut:
    """Name the winners of a bounty that you judge, the first place first, with a public reason.

    It can then be disputed for a while; after that the prizes are paid. Where the owner has let
    `judged_by` pass, a moderator may do it as well.
    """
    bounty = await judging.reward(ctx, bounty_id, winners=body.winners, reason=body.reason)
    return await shapes.told(ctx, bounty, tell)


@router.post(
    "/{bounty_id}/reorder",
    dependencies=[Once],
    responses=refusals(
        BountyNotFound,
        NotOwner,
        WrongState,
        rules.WindowClosed,
        rules.OrderIsFinal,
        rules.MoreWinnersThanPrizes,
        rules.NamedTwice,
        rules.NoCandidate,
        IdempotencyKeyReused,
    ),
)
async def reorder(ctx: Ctx, bounty_id: BountyId, body: ReorderIn, tell: TellRevision) -> BountyOut:
    """Change the order of your bounty's winners while it can be disputed, with a public reason.

    At most three times; prizes then go by the bare order, and the window stays open a while more.
    """
    bounty = await judging.reorder(ctx, bounty_id, order=body.order, reason=body.reason)
    return await shapes.told(ctx, bounty, tell)


@router.get("/{bounty_id}/decisions", responses=refusals(BountyNotFound))
async def list_decisions(ctx: PublicCtx, bounty_id: BountyId, paging: Paged) -> Page[DecisionOut]:
    """What was decided about the winners and why, newest first."""
    await queries.get_bounty(ctx.tx, ctx.actor, bounty_id)
    rows = await board.list_decisions(ctx.tx, bounty_id, after=paging.cursor, limit=paging.limit)
    return paging.page(DecisionOut, rows)


@router.post(
    "/{bounty_id}/disputes",
    status_code=201,
    dependencies=[Once],
    responses=refusals(
        BountyNotFound,
        rules.NotAnEntrant,
        WrongState,
        rules.WindowClosed,
        rules.DisputesUsedUp,
        IdempotencyKeyReused,
    ),
)
async def dispute(ctx: Ctx, bounty_id: BountyId, body: DisputeIn, response: Response) -> DisputeOut:
    """Say in public what is wrong with the result. For those who took part, five times at most."""
    made, entrant = await judging.dispute(ctx, bounty_id, text=body.text)
    response.headers["Location"] = f"/v1/bounties/{bounty_id}/disputes"
    return dispute_out(made, entrant)


@router.get("/{bounty_id}/disputes", responses=refusals(BountyNotFound))
async def list_disputes(ctx: PublicCtx, bounty_id: BountyId, paging: Paged) -> Page[DisputeOut]:
    """What entrants have against the result, newest first."""
    await queries.get_bounty(ctx.tx, ctx.actor, bounty_id)
    rows = await board.list_disputes(ctx.tx, bounty_id, after=paging.cursor, limit=paging.limit)
    return paging.page(DisputeOut, rows)


@router.post(
    "/{bounty_id}/submissions/{submission_id}/publish",
    dependencies=[Once],
    status_code=201,
    response_model=VersionOut,
    responses=refusals(
        BountyNotFound,
        SubmissionNotFound,
        WrongState,
        rules.NotItsAuthor,
        rules.NotAModel,
        algorithms.AlgorithmNotFound,
        algorithms.NotDeveloper,
        algorithms.Archived,
        NotSignedIn,
    ),
)
async def publish(
    ctx: Ctx, bounty_id: BountyId, submission_id: SubmissionId, body: PublishIn, response: Response
) -> Version:
    """Make a model of yours that was entered a version of an algorithm of yours.

    It is checked like any other, and tells where it came in. For its submitter and their captain,
    once the bounty is finished.
    """
    version = await publishing.publish(
        ctx,
        bounty_id,
        submission_id,
        algorithm_id=body.algorithm_id,
        input_spec=body.input_spec,
    )
    response.headers["Location"] = f"/v1/algorithms/{version.algorithm_id}/versions/{version.id}"
    return version


@agreements_router.get("/agreements", responses=refusals(ModeratorsOnly))
async def list_agreements(ctx: Ctx, wanted: Annotated[AgreementsWanted, Query()]) -> AgreementsOut:
    """Pairs of entrants whose final predictions agree suspiciously well. For moderators."""
    rows = await board.list_agreements(
        ctx.tx, ctx.actor, bounty_id=wanted.bounty_id, after=wanted.cursor, limit=wanted.limit
    )
    return agreements_out(rows, limit=wanted.limit)
