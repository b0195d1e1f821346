"""REST of judging: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from dml.accounts.agreement.rules import AgreementNeeded, GithubNeeded
from dml.accounts.rules import ModeratorsOnly
from dml.algorithms import rules as algorithm_rules
from dml.algorithms.models import Version
from dml.algorithms.schemas import VersionOut
from dml.bounties import queries, shapes
from dml.bounties.enrollments.rules import NotImpartial
from dml.bounties.judging import publishing, rules, service as judging
from dml.bounties.judging.schemas import (
    AgreementPage,
    AgreementsQuery,
    BountyReward,
    DecisionOut,
    DisputeCreate,
    DisputeOut,
    SubmissionPublication,
    WinnerOrderUpdate,
    agreements_out,
    dispute_out,
)
from dml.bounties.ranking import queries as ranking_queries
from dml.bounties.rules import BountyNotFound, NotOwner, WrongState
from dml.bounties.schemas import BountyOut
from dml.bounties.submissions.rules import SubmissionNotFound
from dml.core.errors import NotSignedIn
from dml.core.ids import BountyId, SubmissionId
from dml.edge.etags import TellRevision
from dml.edge.http import Ctx, PublicCtx, Server
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Once
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(prefix="/v1/bounties", route_class=IdempotentRoute)
agreements_router = APIRouter(prefix="/v1/moderation", route_class=StrictRoute)


@router.post(
    "/{bounty_id}/reward",
    operation_id="bounties.reward",
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
async def reward(
    ctx: Ctx, bounty_id: BountyId, body: BountyReward, tell: TellRevision
) -> BountyOut:
    """Name the winners of a bounty judged by hand.

    The first place first, with a reason that everybody reads. The bounty is then `disputing` for
    `dispute_seconds`; after that the prizes are paid. For its owner; if nobody was named by
    `judged_by`, for moderators as well who have no part in it.
    """
    bounty = await judging.reward(ctx, bounty_id, winners=body.winners, reason=body.reason)
    return await shapes.bounty_out(ctx, bounty, tell)


@router.post(
    "/{bounty_id}/reorder",
    operation_id="bounties.reorder",
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
async def reorder(
    ctx: Ctx, bounty_id: BountyId, body: WinnerOrderUpdate, tell: TellRevision
) -> BountyOut:
    """Change the order of a bounty's winners.

    With a reason that everybody reads, while the bounty is `disputing`. It can be done three times
    at most. Prizes then go by the new order, without sharing among ties, and disputes stay open for
    two more days, or for `dispute_seconds` if that is less. For the bounty's owner.
    """
    bounty = await judging.reorder(ctx, bounty_id, order=body.order, reason=body.reason)
    return await shapes.bounty_out(ctx, bounty, tell)


@router.get(
    "/{bounty_id}/decisions",
    operation_id="bounties.list_decisions",
    responses=refusals(BountyNotFound),
)
async def list_decisions(ctx: PublicCtx, bounty_id: BountyId, paging: Paged) -> Page[DecisionOut]:
    """List the decisions about a bounty's winners.

    What was decided and why, newest first: winners named or reordered, and entrants disqualified or
    reinstated. For everybody who sees the bounty.
    """
    await queries.get_bounty(ctx.tx, ctx.actor, bounty_id)
    rows = await ranking_queries.list_decisions(
        ctx.tx, bounty_id, after=paging.cursor, limit=paging.limit
    )
    return paging.page(DecisionOut, rows)


@router.post(
    "/{bounty_id}/disputes",
    operation_id="disputes.create",
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
async def dispute(
    ctx: Ctx, bounty_id: BountyId, body: DisputeCreate, response: Response
) -> DisputeOut:
    """Dispute a bounty's result.

    Say in public what is wrong with it, while the bounty is `disputing`. Nothing follows by itself:
    its owner may reorder the winners, and moderators may disqualify an entrant. For those who took
    part, five times at most for each entrant.
    """
    made, entrant = await judging.dispute(ctx, bounty_id, text=body.text)
    response.headers["Location"] = f"/v1/bounties/{bounty_id}/disputes"
    return dispute_out(made, entrant)


@router.get(
    "/{bounty_id}/disputes", operation_id="disputes.list", responses=refusals(BountyNotFound)
)
async def list_disputes(ctx: PublicCtx, bounty_id: BountyId, paging: Paged) -> Page[DisputeOut]:
    """List a bounty's disputes.

    What entrants say against the result, newest first. For everybody who sees the bounty.
    """
    await queries.get_bounty(ctx.tx, ctx.actor, bounty_id)
    rows = await ranking_queries.list_disputes(
        ctx.tx, bounty_id, after=paging.cursor, limit=paging.limit
    )
    return paging.page(DisputeOut, rows)


@router.post(
    "/{bounty_id}/submissions/{submission_id}/publish",
    operation_id="submissions.publish",
    dependencies=[Once],
    status_code=201,
    response_model=VersionOut,
    responses=refusals(
        BountyNotFound,
        SubmissionNotFound,
        WrongState,
        rules.NotItsAuthor,
        rules.NotAModel,
        algorithm_rules.AlgorithmNotFound,
        algorithm_rules.NotDeveloper,
        algorithm_rules.Archived,
        AgreementNeeded,
        GithubNeeded,
        NotSignedIn,
    ),
)
async def publish(
    ctx: Ctx,
    server: Server,
    bounty_id: BountyId,
    submission_id: SubmissionId,
    body: SubmissionPublication,
    response: Response,
) -> Version:
    """Publish a submitted model as a version.

    Makes it a new version of an algorithm of yours, with the bounty as its `origin`. It is checked
    and reviewed like any uploaded version. For the submitter and the captain of the team, once the
    bounty is finished.
    """
    version = await publishing.publish(
        ctx,
        bounty_id,
        submission_id,
        algorithm_id=body.algorithm_id,
        input_spec=body.input_spec,
        demands=server.demands,
    )
    response.headers["Location"] = f"/v1/algorithms/{version.algorithm_id}/versions/{version.id}"
    return version


@agreements_router.get(
    "/agreements", operation_id="agreements.list", responses=refusals(ModeratorsOnly)
)
async def list_agreements(ctx: Ctx, query: Annotated[AgreementsQuery, Query()]) -> AgreementPage:
    """List entrants with suspiciously similar predictions.

    Pairs of entrants of a bounty whose final predictions agree more than independent work would.
    For moderators.
    """
    rows = await ranking_queries.list_agreements(
        ctx.tx, ctx.actor, bounty_id=query.bounty_id, after=query.cursor, limit=query.limit
    )
    return agreements_out(rows, limit=query.limit)
