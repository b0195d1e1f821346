"""REST for entrants: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from typing import Final

from fastapi import APIRouter, Response

from dml.accounts.queries import UserNotFound
from dml.accounts.rules import ModeratorsOnly
from dml.bounties import enrolling, enrollment_queries, rules
from dml.bounties import enrollment_rules as entering
from dml.bounties.enrollment_schemas import (
    AgreementIn,
    EnrollmentIn,
    EnrollmentOut,
    EntriesOut,
    EntryOut,
    entry_of,
    public_of,
)
from dml.bounties.schemas import ReasonIn
from dml.core.ids import BountyId, EnrollmentId
from dml.edge.http import Ctx, PublicCtx
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Once
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals
from dml.payments.rules import InsufficientFunds

router = APIRouter(
    prefix="/v1/bounties/{bounty_id}/enrollments", tags=["bounties"], route_class=IdempotentRoute
)
BOTH: Final = (rules.BountyNotFound, entering.EnrollmentNotFound)
ENTERING: Final = (
    entering.EnrollmentNotOpen,
    rules.Paused,
    entering.RulesNotAccepted,
    entering.RulesChanged,
    entering.OwnerCannotEnter,
    entering.EnrolledAlready,
    entering.EnrolledTooOften,
)


@router.post(
    "",
    status_code=201,
    dependencies=[Once],
    responses=refusals(
        rules.BountyNotFound,
        *ENTERING,
        entering.NameTaken,
        entering.TeamTooLarge,
        entering.TeamOutOfOrder,
        UserNotFound,
        InsufficientFunds,
        IdempotencyKeyReused,
    ),
)
async def enroll(ctx: Ctx, bounty_id: BountyId, body: EnrollmentIn, response: Response) -> EntryOut:
    """Enter a bounty, alone or as the captain of a team. The fee moves with it."""
    entry = await enrolling.enroll(
        ctx,
        bounty_id,
        accept_rules=body.accept_rules,
        rules_sha256=body.rules_sha256,
        name=body.name,
        team=[(it.user_id, it.share_bps) for it in body.team],
    )
    response.headers["Location"] = f"/v1/bounties/{bounty_id}/enrollments/{entry.enrollment.id}"
    return entry_of(entry)


@router.get("", responses=refusals(rules.BountyNotFound))
async def list_enrollments(
    ctx: PublicCtx, bounty_id: BountyId, paging: Paged
) -> Page[EnrollmentOut]:
    """Who entered, in the order they came. Who is behind an entrant is not told."""
    rows = await enrollment_queries.list_enrollments(
        ctx.tx, ctx.actor, bounty_id, after=paging.cursor, limit=paging.limit
    )
    return paging.page(EnrollmentOut, [public_of(*row) for row in rows])


@router.get("/mine", responses=refusals(rules.BountyNotFound))
async def get_mine(ctx: Ctx, bounty_id: BountyId) -> EntriesOut:
    """Your own entry, with its members and their shares, and who invited you."""
    entry, invited = await enrollment_queries.get_own_entries(ctx.tx, ctx.actor, bounty_id)
    return EntriesOut(entry=entry and entry_of(entry), invitations=[entry_of(it) for it in invited])


@router.get("/{enrollment_id}", responses=refusals(*BOTH))
async def get_enrollment(
    ctx: PublicCtx, bounty_id: BountyId, enrollment_id: EnrollmentId
) -> EnrollmentOut:
    """One entrant, as everybody sees it."""
    row = await enrollment_queries.get_public(ctx.tx, ctx.actor, bounty_id, enrollment_id)
    return public_of(*row)


@router.post(
    "/{enrollment_id}/agree",
    dependencies=[Once],
    responses=refusals(*BOTH, entering.NotInvited, *ENTERING),
)
async def agree(
    ctx: Ctx, bounty_id: BountyId, enrollment_id: EnrollmentId, body: AgreementIn
) -> EntryOut:
    """Join the team that invited you, with the share that it offers."""
    entry = await enrolling.agree(
        ctx,
        bounty_id,
        enrollment_id,
        accept_rules=body.accept_rules,
        rules_sha256=body.rules_sha256,
    )
    return entry_of(entry)


@router.post(
    "/{enrollment_id}/leave",
    dependencies=[Once],
    responses=refusals(
        *BOTH, entering.NotInvited, entering.CaptainStays, entering.SubmissionsBegan
    ),
)
async def leave(ctx: Ctx, bounty_id: BountyId, enrollment_id: EnrollmentId) -> EntryOut:
    """Decline an invitation, or leave a team before submissions begin."""
    return entry_of(await enrolling.leave(ctx, bounty_id, enrollment_id))


@router.post(
    "/{enrollment_id}/withdraw",
    dependencies=[Once],
    responses=refusals(
        *BOTH,
        entering.NotCaptain,
        entering.SubmissionsBegan,
        rules.WrongState,
        IdempotencyKeyReused,
    ),
)
async def withdraw(ctx: Ctx, bounty_id: BountyId, enrollment_id: EnrollmentId) -> EntryOut:
    """Take your entry back before submissions begin, and the fee with it. For captains."""
    return entry_of(await enrolling.withdraw(ctx, bounty_id, enrollment_id))


@router.post(
    "/{enrollment_id}/disqualify",
    dependencies=[Once],
    responses=refusals(*BOTH, ModeratorsOnly, entering.NotImpartial, rules.WrongState),
)
async def disqualify(
    ctx: Ctx, bounty_id: BountyId, enrollment_id: EnrollmentId, body: ReasonIn
) -> EntryOut:
    """Take an entrant out of the contest, for a reason that everybody sees. For moderators."""
    entry = await enrolling.disqualify(ctx, bounty_id, enrollment_id, reason=body.reason)
    return entry_of(entry)


@router.post(
    "/{enrollment_id}/reinstate",
    dependencies=[Once],
    responses=refusals(*BOTH, ModeratorsOnly, entering.NotImpartial, rules.WrongState),
)
async def reinstate(
    ctx: Ctx, bounty_id: BountyId, enrollment_id: EnrollmentId, body: ReasonIn
) -> EntryOut:
    """Take an entrant back who was disqualified. For moderators."""
    entry = await enrolling.reinstate(ctx, bounty_id, enrollment_id, reason=body.reason)
    return entry_of(entry)
