"""Entering a bounty alone or as a team: the rules are accepted, and the fee goes into escrow.

Locks are taken in one order everywhere: bounty, enrollment, ledger accounts. Whatever changes who
competes locks the bounty, so that nobody enters twice.
"""

from collections.abc import Sequence

from dml.accounts import queries as account_queries, rules as account_rules
from dml.accounts.organisations import queries as organisations
from dml.bounties import escrow, queries
from dml.bounties.enrollments import queries as enrollment_queries, rules as enrollment_rules
from dml.bounties.enrollments.queries import Entry
from dml.bounties.events import (
    EnrollmentDisqualified,
    EnrollmentEnrolled,
    EnrollmentEvent,
    EnrollmentJoined,
    EnrollmentLeft,
    EnrollmentReinstated,
    EnrollmentWithdrawn,
)
from dml.bounties.models import Bounty, Enrollment, EnrollmentState, Member
from dml.bounties.ranking import placing
from dml.core import events
from dml.core.context import Context
from dml.core.ids import BountyId, EnrollmentId, UserId, new_id
from dml.core.states import Move


async def enroll(
    ctx: Context,
    bounty_id: BountyId,
    *,
    accept_rules: bool,
    rules_sha256: str | None = None,
    name: str | None = None,
    team: Sequence[tuple[UserId, int]] = (),
) -> Entry:
    """Enter a bounty as a captain, and pay its fee. The others of the team, each with a share in
    hundredths of a percent, are invited: they belong to it once they agree.
    """
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id, lock=True)
    enrollment_rules.require_open(bounty, ctx.now)
    accepted = enrollment_rules.require_accepted(
        bounty, accept_rules=accept_rules, rules_sha256=rules_sha256
    )
    share = enrollment_rules.require_team(bounty, ctx.actor.id, team)
    await _require_free(ctx, bounty, *(user_id for user_id, _ in team))
    for user_id, _ in team:
        account_rules.require_person(await account_queries.get_user(ctx.tx, user_id))
    taken = name is not None and await enrollment_queries.is_name_taken(ctx.tx, bounty.id, name)

    bounty.entrants += 1
    enrollment = Enrollment(
        id=EnrollmentId(new_id()),
        bounty_id=bounty.id,
        captain_id=ctx.actor.id,
        number=bounty.entrants,
        name=enrollment_rules.require_name(name, bounty.entrants, taken=taken),
        state=EnrollmentState.ENROLLED,
        fee=bounty.enrollment_fee,
        rules_sha256=accepted,
        created_at=ctx.now,
    )
    ctx.tx.add(enrollment)
    await ctx.tx.flush()
    _add_member(ctx, enrollment, ctx.actor.id, share)
    for user_id, its_share in team:
        _add_member(ctx, enrollment, user_id, its_share)
    await _record(ctx, EnrollmentEnrolled, enrollment, Move(None, enrollment.state))
    await escrow.take_fee(ctx, bounty, enrollment)
    return await enrollment_queries.get_entry(ctx.tx, enrollment)


async def agree(
    ctx: Context,
    bounty_id: BountyId,
    enrollment_id: EnrollmentId,
    *,
    accept_rules: bool,
    rules_sha256: str | None = None,
) -> Entry:
    """Join the team that invited the actor, with the share that was offered."""
    bounty, enrollment = await _get_both(ctx, bounty_id, enrollment_id)
    member = await enrollment_queries.get_member(ctx.tx, enrollment, ctx.actor.id, lock=True)
    enrollment_rules.require_invited(member)
    enrollment_rules.require_open(bounty, ctx.now)
    enrollment_rules.require_accepted(bounty, accept_rules=accept_rules, rules_sha256=rules_sha256)
    await _require_free(ctx, bounty)
    member.agreed_at = ctx.now
    await _record(ctx, EnrollmentJoined, enrollment)
    return await enrollment_queries.get_entry(ctx.tx, enrollment)


async def leave(ctx: Context, bounty_id: BountyId, enrollment_id: EnrollmentId) -> Entry:
    """Decline an invitation, or leave a team before submissions begin: the captain gets the share.

    Leaving twice changes nothing more.
    """
    bounty, enrollment = await _get_both(ctx, bounty_id, enrollment_id)
    member = await enrollment_queries.get_member(ctx.tx, enrollment, ctx.actor.id, lock=True)
    enrollment_rules.require_not_captain(enrollment, ctx.actor.id)
    if member.left_at is None:
        enrollment_rules.require_before_submissions(bounty, ctx.now)
        await _take_out(ctx, enrollment, member)
    return await enrollment_queries.get_entry(ctx.tx, enrollment)


async def withdraw(ctx: Context, bounty_id: BountyId, enrollment_id: EnrollmentId) -> Entry:
    """Withdraw an entry before submissions begin: its fee goes back, and all members are free."""
    bounty, enrollment = await _get_both(ctx, bounty_id, enrollment_id)
    enrollment_rules.require_captain(enrollment, ctx.actor.id)
    enrollment_rules.require_before_submissions(bounty, ctx.now)
    move = enrollment_rules.move_enrollment(enrollment, EnrollmentState.WITHDRAWN)
    entry = await enrollment_queries.get_entry(ctx.tx, enrollment)
    await _record(ctx, EnrollmentWithdrawn, enrollment, move)
    for member in entry.members:
        member.left_at = member.left_at or ctx.now
    await escrow.return_fee(ctx, bounty, enrollment)
    return entry


def _add_member(ctx: Context, enrollment: Enrollment, user_id: UserId, share_bps: int) -> None:
    """Add the captain, who has agreed, or an invited member, who has to answer."""
    ctx.tx.add(
        Member(
            enrollment_id=enrollment.id,
            user_id=user_id,
            bounty_id=enrollment.bounty_id,
            share_bps=share_bps,
            agreed_at=ctx.now if user_id == enrollment.captain_id else None,
        )
    )


async def _take_out(ctx: Context, enrollment: Enrollment, member: Member) -> None:
    """Remove a member; their share goes to the captain."""
    captain = await enrollment_queries.get_member(
        ctx.tx, enrollment, enrollment.captain_id, lock=True
    )
    captain.share_bps += member.share_bps
    await _record(ctx, EnrollmentLeft, enrollment)
    member.left_at = ctx.now


async def _record(
    ctx: Context,
    about: type[EnrollmentEvent],
    enrollment: Enrollment,
    move: Move | None = None,
    reason: str | None = None,
) -> None:
    """Note what happened to an entrant: all who are in its team at this moment see it."""
    readers = await enrollment_queries.list_readers(ctx.tx, enrollment.id)
    event = about(enrollment.id, enrollment.bounty_id)
    await events.record(ctx, event, readers, move, reason=reason)


async def _get_both(
    ctx: Context, bounty_id: BountyId, enrollment_id: EnrollmentId
) -> tuple[Bounty, Enrollment]:
    """Load and lock a bounty and one of its entrants."""
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id, lock=True)
    enrollment = await enrollment_queries.get_enrollment(
        ctx.tx, bounty.id, enrollment_id, lock=True
    )
    return bounty, enrollment


async def _require_free(ctx: Context, bounty: Bounty, *team: UserId) -> None:
    """Refuse who has entered already, and whose own bounty it is (decision 64). Exact while the
    bounty is locked.
    """
    interested = await organisations.list_interested(ctx.tx, [bounty.owner_id], ctx.now)
    enrollment_rules.require_not_owner(interested, ctx.actor.id, *team)
    mine = await enrollment_queries.find_mine(ctx.tx, ctx.actor.id, bounty.id)
    times = await enrollment_queries.count_entered(ctx.tx, ctx.actor.id, bounty.id)
    enrollment_rules.require_free(times, is_in=mine is not None)


async def disqualify(
    ctx: Context, bounty_id: BountyId, enrollment_id: EnrollmentId, *, reason: str
) -> Entry:
    """Disqualify an entrant, for a reason that everybody sees. For moderators."""
    return await _decide(ctx, bounty_id, enrollment_id, EnrollmentState.DISQUALIFIED, reason)


async def reinstate(
    ctx: Context, bounty_id: BountyId, enrollment_id: EnrollmentId, *, reason: str
) -> Entry:
    """Reinstate a disqualified entrant, for a reason that everybody sees."""
    return await _decide(ctx, bounty_id, enrollment_id, EnrollmentState.ENROLLED, reason)


async def _decide(
    ctx: Context,
    bounty_id: BountyId,
    enrollment_id: EnrollmentId,
    to: EnrollmentState,
    reason: str,
) -> Entry:
    account_rules.require_moderator(ctx.actor)
    bounty, enrollment = await _get_both(ctx, bounty_id, enrollment_id)
    mine = await enrollment_queries.find_mine(ctx.tx, ctx.actor.id, bounty.id)
    interested = await organisations.list_interested(ctx.tx, [bounty.owner_id], ctx.now)
    enrollment_rules.require_impartial(interested, ctx.actor, mine)
    enrollment_rules.require_undecided(bounty)
    move = enrollment_rules.move_enrollment(enrollment, to)
    is_out = to is EnrollmentState.DISQUALIFIED
    about = EnrollmentDisqualified if is_out else EnrollmentReinstated
    placing.decide(ctx, bounty, about.ACTION, [enrollment.id], reason)
    enrollment.state_reason = reason if is_out else None
    if is_out:
        placing.take_place(enrollment)
    await _record(ctx, about, enrollment, move, reason)
    await placing.place_again(ctx, bounty)
    return await enrollment_queries.get_entry(ctx.tx, enrollment)
