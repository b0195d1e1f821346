"""REST for bounties: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from dml.bounties import queries, rules, service, shapes
from dml.bounties.editing import rules as edit_rules
from dml.bounties.enrollments.rules import NotImpartial
from dml.bounties.schemas import (
    BountiesQuery,
    BountyCancellation,
    BountyChangeListOut,
    BountyCreate,
    BountyOut,
    BountyPause,
    BountySummaryOut,
    BountyUpdate,
)
from dml.core import event_log
from dml.core.errors import NotSignedIn
from dml.core.ids import BountyId
from dml.edge.etags import BadIfMatch, IfMatch, TellRevision
from dml.edge.http import Ctx, PublicCtx
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Once
from dml.edge.paging import Page
from dml.edge.problems import refusals
from dml.edge.timeline import TimelineOut, timeline
from dml.payments.debit_limits.rules import DebitLimitReached
from dml.payments.rules import InsufficientFunds

router = APIRouter(prefix="/v1/bounties", route_class=IdempotentRoute)
MOVES: Final = (rules.BountyNotFound, rules.NotOwner, rules.WrongState, rules.Paused)
MOVING: Final = refusals(*MOVES)


@router.post(
    "",
    operation_id="bounties.create",
    status_code=201,
    dependencies=[Once],
    responses=refusals(
        rules.MetricMissing,
        rules.PrizesDoNotSum,
        rules.DatesOutOfOrder,
        rules.TooManyDrafts,
        IdempotencyKeyReused,
    ),
)
async def create(ctx: Ctx, body: BountyCreate, response: Response, tell: TellRevision) -> BountyOut:
    """Create a bounty.

    It begins as a draft that only you and moderators see. Add files and, where it is judged by a
    metric, its hidden test set; then fund it.
    """
    bounty = await service.create(ctx, shapes.plan_of(body))
    response.headers["Location"] = f"/v1/bounties/{bounty.id}"
    return await shapes.bounty_out(ctx, bounty, tell)


@router.get("", operation_id="bounties.list", responses=refusals(NotSignedIn))
async def list_bounties(
    ctx: PublicCtx, query: Annotated[BountiesQuery, Query()]
) -> Page[BountySummaryOut]:
    """List bounties.

    Without their long texts. Anybody gets those that are or were funded, without signing in; with
    `mine` you get your own, in every state. Filters combine.
    """
    rows = await queries.list_bounties(
        ctx.tx, ctx.actor, shapes.filter_of(query), after=query.cursor, limit=query.limit
    )
    return shapes.page(query, rows)


@router.get("/{bounty_id}", operation_id="bounties.get", responses=refusals(rules.BountyNotFound))
async def get(ctx: PublicCtx, bounty_id: BountyId, tell: TellRevision) -> BountyOut:
    """Get a bounty.

    What it asks for, what it pays, how far it is, and what comes next. Anybody may read it once it
    is funded; before, its owner and moderators. Send its ETag as `If-Match` when you update it.
    """
    return await shapes.bounty_out(
        ctx, await queries.get_bounty(ctx.tx, ctx.actor, bounty_id), tell
    )


@router.patch(
    "/{bounty_id}",
    operation_id="bounties.update",
    responses=refusals(
        rules.BountyNotFound,
        rules.NotOwner,
        edit_rules.EditedMeanwhile,
        rules.WrongState,
        rules.Paused,
        edit_rules.FieldsFixed,
        edit_rules.OnlyMoreTime,
        edit_rules.ReasonMissing,
        edit_rules.TooManyEdits,
        rules.MetricMissing,
        rules.PrizesDoNotSum,
        rules.DatesOutOfOrder,
        BadIfMatch,
    ),
)
async def edit(
    ctx: Ctx, bounty_id: BountyId, body: BountyUpdate, revision: IfMatch, tell: TellRevision
) -> BountyOut:
    """Update a bounty.

    Changes the fields that you send. All of a draft can be changed; once it is funded, no prizes,
    fee or way of judging; once enrollment is open, only texts that bind nobody, and dates, which
    can only be put off. Everybody can read what was changed since it was funded. For its owner.
    """
    bounty = await service.edit(
        ctx,
        bounty_id,
        body.columns(),
        prize_total=body.prize_total,
        reason=body.reason,
        revision=revision,
    )
    return await shapes.bounty_out(ctx, bounty, tell)


@router.get(
    "/{bounty_id}/changes",
    operation_id="bounties.list_changes",
    responses=refusals(rules.BountyNotFound),
)
async def get_changes(ctx: PublicCtx, bounty_id: BountyId) -> BountyChangeListOut:
    """List the changes of a bounty.

    What its owner changed since it was funded: from what to what, and why. For everybody who sees
    the bounty.
    """
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id)
    entries = await queries.list_changes(ctx.tx, bounty)
    return BountyChangeListOut(items=[shapes.change(it) for it in entries])


@router.get(
    "/{bounty_id}/timeline",
    operation_id="bounties.get_timeline",
    responses=refusals(rules.BountyNotFound),
)
async def get_timeline(ctx: PublicCtx, bounty_id: BountyId) -> TimelineOut:
    """Get a bounty's timeline.

    Tells what happened to it, when, by whom and why, and what comes next. For everybody who sees
    the bounty.
    """
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id)
    entries = await event_log.history(ctx.tx, bounty.reference)
    return timeline(ctx.actor, bounty.owner_id, entries, shapes.coming(bounty))


@router.post(
    "/{bounty_id}/fund",
    operation_id="bounties.fund",
    dependencies=[Once],
    responses=refusals(
        rules.BountyNotFound,
        rules.NotOwner,
        rules.WrongState,
        rules.TestSetNotChecked,
        rules.TooLateToFund,
        InsufficientFunds,
        DebitLimitReached,
        IdempotencyKeyReused,
    ),
)
async def fund(ctx: Ctx, bounty_id: BountyId, tell: TellRevision) -> BountyOut:
    """Fund a bounty.

    Moves the whole prize pool from your balance into escrow; if your balance is too small, nothing
    changes. From now on everybody sees the bounty, and it moves on by its dates. Where it is judged
    by a metric, its test set must have passed its check. For its owner.
    """
    return await shapes.bounty_out(ctx, await service.fund(ctx, bounty_id), tell)


@router.post(
    "/{bounty_id}/open", operation_id="bounties.open", dependencies=[Once], responses=MOVING
)
async def open_enrollment(ctx: Ctx, bounty_id: BountyId, tell: TellRevision) -> BountyOut:
    """Open a bounty's enrollment.

    Now, instead of at `enrolls_at`. For its owner.
    """
    return await shapes.bounty_out(ctx, await service.open_enrollment(ctx, bounty_id), tell)


@router.post(
    "/{bounty_id}/start", operation_id="bounties.start", dependencies=[Once], responses=MOVING
)
async def start_submissions(ctx: Ctx, bounty_id: BountyId, tell: TellRevision) -> BountyOut:
    """Start a bounty's submissions.

    Now, instead of at `submits_at`. Enrollment ends, and invitations that nobody answered lapse.
    For its owner.
    """
    return await shapes.bounty_out(ctx, await service.start_submissions(ctx, bounty_id), tell)


@router.post(
    "/{bounty_id}/close", operation_id="bounties.close", dependencies=[Once], responses=MOVING
)
async def close_submissions(ctx: Ctx, bounty_id: BountyId, tell: TellRevision) -> BountyOut:
    """Close a bounty's submissions.

    Now, instead of at `closes_at`. Then entrants are ranked by the metric, or the owner names the
    winners. For its owner.
    """
    return await shapes.bounty_out(ctx, await service.close_submissions(ctx, bounty_id), tell)


@router.post(
    "/{bounty_id}/pause",
    operation_id="bounties.pause",
    dependencies=[Once],
    responses=refusals(*MOVES, NotImpartial, rules.PausedEnough),
)
async def pause(ctx: Ctx, bounty_id: BountyId, body: BountyPause, tell: TellRevision) -> BountyOut:
    """Pause a bounty.

    Nobody can enroll or submit, and its dates stop. It resumes by itself after 90 days. Everybody
    can read the reason. For its owner, and for moderators who have no part in it.
    """
    return await shapes.bounty_out(
        ctx, await service.pause(ctx, bounty_id, reason=body.reason), tell
    )


@router.post(
    "/{bounty_id}/resume",
    operation_id="bounties.resume",
    dependencies=[Once],
    responses=refusals(rules.BountyNotFound, rules.NotOwner, NotImpartial, rules.NotPaused),
)
async def resume(ctx: Ctx, bounty_id: BountyId, tell: TellRevision) -> BountyOut:
    """Resume a paused bounty.

    Dates that were still ahead are put off by as long as the pause took. For its owner, and for
    moderators who have no part in it.
    """
    return await shapes.bounty_out(ctx, await service.resume(ctx, bounty_id), tell)


@router.post(
    "/{bounty_id}/cancel",
    operation_id="bounties.cancel",
    dependencies=[Once],
    responses=refusals(
        rules.BountyNotFound, rules.NotOwner, NotImpartial, rules.WrongState, IdempotencyKeyReused
    ),
)
async def cancel(
    ctx: Ctx, bounty_id: BountyId, body: BountyCancellation, tell: TellRevision
) -> BountyOut:
    """Cancel a bounty.

    Ends it without winners, as long as none are named. The prizes go back to its owner, the fees to
    those who paid them. Everybody can read the reason. For its owner, and for moderators who have
    no part in it.
    """
    return await shapes.bounty_out(
        ctx, await service.cancel(ctx, bounty_id, reason=body.reason), tell
    )
