"""REST for entrants: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from typing import Final

from fastapi import APIRouter, Response

from dml.accounts import queries as account_queries
from dml.accounts.queries import UserNotFound
from dml.accounts.rules import ModeratorsOnly, NoPerson
from dml.bounties import rules
from dml.bounties.enrollments import (
    queries as enrollment_queries,
    rules as enrollment_rules,
    service as enrollments,
)
from dml.bounties.enrollments.schemas import (
    EnrollmentCreate,
    EnrollmentDetailsOut,
    EnrollmentDisqualification,
    EnrollmentOut,
    EnrollmentReinstatement,
    InvitationAcceptance,
    MyEnrollmentOut,
    WonPrizeOut,
    entry_of,
    public_of,
)
from dml.core.ids import BountyId, EnrollmentId, UserId
from dml.edge.http import Ctx, PublicCtx
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Once
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute
from dml.payments.debit_limits.rules import DebitLimitReached
from dml.payments.rules import InsufficientFunds

router = APIRouter(prefix="/v1/bounties/{bounty_id}/enrollments", route_class=IdempotentRoute)
prizes_router = APIRouter(prefix="/v1/users", route_class=StrictRoute)
BOTH: Final = (rules.BountyNotFound, enrollment_rules.EnrollmentNotFound)
ENTERING: Final = (
    enrollment_rules.EnrollmentNotOpen,
    rules.Paused,
    enrollment_rules.RulesNotAccepted,
    enrollment_rules.RulesChanged,
    enrollment_rules.OwnerCannotEnter,
    enrollment_rules.EnrolledAlready,
    enrollment_rules.EnrolledTooOften,
)


@router.post(
    "",
    operation_id="enrollments.create",
    status_code=201,
    dependencies=[Once],
    responses=refusals(
        rules.BountyNotFound,
        *ENTERING,
        enrollment_rules.NameTaken,
        enrollment_rules.TeamTooLarge,
        enrollment_rules.TeamOutOfOrder,
        UserNotFound,
        NoPerson,
        InsufficientFunds,
        DebitLimitReached,
        IdempotencyKeyReused,
    ),
)
async def enroll(
    ctx: Ctx, bounty_id: BountyId, body: EnrollmentCreate, response: Response
) -> EnrollmentDetailsOut:
    """Enroll in a bounty.

    Alone, or as the captain of a team whose other members you invite. You accept the rules, and the
    fee moves from your balance into escrow. While enrollment is open, for every person but the
    bounty's owner; where that is an organisation, for none who acts for it, or did within 30 days.
    """
    entry = await enrollments.enroll(
        ctx,
        bounty_id,
        accept_rules=body.accept_rules,
        rules_sha256=body.rules_sha256,
        name=body.name,
        team=[(it.user_id, it.share_bps) for it in body.team],
    )
    response.headers["Location"] = f"/v1/bounties/{bounty_id}/enrollments/{entry.enrollment.id}"
    return entry_of(entry)


@router.get("", operation_id="enrollments.list", responses=refusals(rules.BountyNotFound))
async def list_enrollments(
    ctx: PublicCtx, bounty_id: BountyId, paging: Paged
) -> Page[EnrollmentOut]:
    """List a bounty's entrants.

    In the order in which they enrolled. It is not told which users they are. For everybody who sees
    the bounty.
    """
    rows = await enrollment_queries.list_enrollments(
        ctx.tx, ctx.actor, bounty_id, after=paging.cursor, limit=paging.limit
    )
    return paging.page(EnrollmentOut, [public_of(*row) for row in rows])


@router.get("/mine", operation_id="enrollments.get_mine", responses=refusals(rules.BountyNotFound))
async def get_mine(ctx: Ctx, bounty_id: BountyId) -> MyEnrollmentOut:
    """Get your enrollment in a bounty.

    The entrant that you belong to, with its members and their shares, and the invitations that wait
    for your answer.
    """
    entry, invited = await enrollment_queries.get_own_entries(ctx.tx, ctx.actor, bounty_id)
    return MyEnrollmentOut(
        entry=entry and entry_of(entry), invitations=[entry_of(it) for it in invited]
    )


@router.get("/{enrollment_id}", operation_id="enrollments.get", responses=refusals(*BOTH))
async def get_enrollment(
    ctx: PublicCtx, bounty_id: BountyId, enrollment_id: EnrollmentId
) -> EnrollmentOut:
    """Get an entrant of a bounty.

    As everybody sees it: it is not told which users belong to it. For everybody who sees the
    bounty.
    """
    row = await enrollment_queries.get_public(ctx.tx, ctx.actor, bounty_id, enrollment_id)
    return public_of(*row)


@router.post(
    "/{enrollment_id}/agree",
    operation_id="enrollments.agree",
    dependencies=[Once],
    responses=refusals(*BOTH, enrollment_rules.NotInvited, *ENTERING),
)
async def agree(
    ctx: Ctx, bounty_id: BountyId, enrollment_id: EnrollmentId, body: InvitationAcceptance
) -> EnrollmentDetailsOut:
    """Accept a team's invitation.

    You join the team with the share of the prize that it offers, and accept the bounty's rules. For
    the invited user, while enrollment is open.
    """
    entry = await enrollments.agree(
        ctx,
        bounty_id,
        enrollment_id,
        accept_rules=body.accept_rules,
        rules_sha256=body.rules_sha256,
    )
    return entry_of(entry)


@router.post(
    "/{enrollment_id}/leave",
    operation_id="enrollments.leave",
    dependencies=[Once],
    responses=refusals(
        *BOTH,
        enrollment_rules.NotInvited,
        enrollment_rules.CaptainStays,
        enrollment_rules.SubmissionsBegan,
    ),
)
async def leave(ctx: Ctx, bounty_id: BountyId, enrollment_id: EnrollmentId) -> EnrollmentDetailsOut:
    """Leave a team, or decline its invitation.

    Before submissions begin. Your share goes to the captain. For members and invited users; a
    captain withdraws the whole team instead.
    """
    return entry_of(await enrollments.leave(ctx, bounty_id, enrollment_id))


@router.post(
    "/{enrollment_id}/withdraw",
    operation_id="enrollments.withdraw",
    dependencies=[Once],
    responses=refusals(
        *BOTH,
        enrollment_rules.NotCaptain,
        enrollment_rules.SubmissionsBegan,
        rules.WrongState,
        IdempotencyKeyReused,
    ),
)
async def withdraw(
    ctx: Ctx, bounty_id: BountyId, enrollment_id: EnrollmentId
) -> EnrollmentDetailsOut:
    """Withdraw an enrollment.

    Before submissions begin. The fee goes back, and all members are free to enroll again. For the
    captain of the team.
    """
    return entry_of(await enrollments.withdraw(ctx, bounty_id, enrollment_id))


@router.post(
    "/{enrollment_id}/disqualify",
    operation_id="enrollments.disqualify",
    dependencies=[Once],
    responses=refusals(*BOTH, ModeratorsOnly, enrollment_rules.NotImpartial, rules.WrongState),
)
async def disqualify(
    ctx: Ctx, bounty_id: BountyId, enrollment_id: EnrollmentId, body: EnrollmentDisqualification
) -> EnrollmentDetailsOut:
    """Disqualify an entrant.

    It leaves the leaderboard, and the places behind it move up. Everybody can read the reason. For
    moderators who have no part in the bounty, until its prizes are paid.
    """
    entry = await enrollments.disqualify(ctx, bounty_id, enrollment_id, reason=body.reason)
    return entry_of(entry)


@router.post(
    "/{enrollment_id}/reinstate",
    operation_id="enrollments.reinstate",
    dependencies=[Once],
    responses=refusals(*BOTH, ModeratorsOnly, enrollment_rules.NotImpartial, rules.WrongState),
)
async def reinstate(
    ctx: Ctx, bounty_id: BountyId, enrollment_id: EnrollmentId, body: EnrollmentReinstatement
) -> EnrollmentDetailsOut:
    """Reinstate a disqualified entrant.

    It takes its place again. Everybody can read the reason. For moderators who have no part in the
    bounty, until its prizes are paid.
    """
    entry = await enrollments.reinstate(ctx, bounty_id, enrollment_id, reason=body.reason)
    return entry_of(entry)


@prizes_router.get(
    "/{user_id}/prizes", operation_id="prizes.list", responses=refusals(UserNotFound)
)
async def list_prizes(ctx: PublicCtx, user_id: UserId, paging: Paged) -> Page[WonPrizeOut]:
    """List what a user won.

    For anybody, beside the public profile, where the user has chosen to show it (`shows_prizes`);
    else the list is empty. Prizes of bounties that are over, the newest entries first.
    """
    user = await account_queries.get_user(ctx.tx, user_id)
    rows = await enrollment_queries.list_won(ctx.tx, user, after=paging.cursor, limit=paging.limit)
    return paging.page(WonPrizeOut, rows)
