"""The use cases of judges, owners and disputers: name winners, reorder them, dispute the order.

Each locks the bounty's row first, so that of two at once the second sees what the first did.
"""

from collections.abc import Sequence

from dml.bounties import lifecycle, queries, rules
from dml.bounties.enrollments import queries as enrollment_queries, rules as enrollment_rules
from dml.bounties.events import BountyReordered, BountyRewarded, EnrollmentDisputed, seen_by
from dml.bounties.judging import rules as judging_rules
from dml.bounties.models import Bounty, BountyState, Dispute, Enrollment, Judging, Ties
from dml.bounties.ranking import placing, queries as ranking_queries
from dml.core import events
from dml.core.context import Context
from dml.core.ids import BountyId, DisputeId, EnrollmentId, new_id


async def reward(
    ctx: Context, bounty_id: BountyId, *, winners: Sequence[EnrollmentId], reason: str
) -> Bounty:
    """Name the winners of a bounty that is judged by hand, first place first; or nobody.

    For the owner; at the second chance also for a moderator who has no part in it.
    """
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id, lock=True)
    judging_rules.require_judge(bounty, ctx.actor)
    mine = await enrollment_queries.find_mine(ctx.tx, ctx.actor.id, bounty_id)
    enrollment_rules.require_no_entrant(mine)
    judging_rules.require_by_hand(bounty)
    rules.require_state(bounty, BountyState.EVALUATING)
    judging_rules.require_prizes_for(bounty, len(winners))
    found = await ranking_queries.find_entrants(ctx.tx, winners, lock=True)
    _give_places(bounty, judging_rules.require_named(bounty, winners, found))
    await _decide(ctx, bounty, BountyRewarded(bounty.id), winners, reason)
    await lifecycle.open_disputes(ctx, bounty)
    return bounty


async def reorder(
    ctx: Context, bounty_id: BountyId, *, order: Sequence[EnrollmentId], reason: str
) -> Bounty:
    """Change who gets the first places, in public. Prizes then follow the order, without ties.

    After a ranking the others follow in their old order; if the owner judges, they lose their
    places.
    """
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id, lock=True)
    rules.require_owner(bounty, ctx.actor)
    rules.require_state(bounty, BountyState.DISPUTING)
    judging_rules.require_open_window(bounty, ctx.now)
    judging_rules.require_order_change_left(bounty)
    by_hand = bounty.judging is Judging.MANUAL
    if by_hand:
        judging_rules.require_prizes_for(bounty, len(order))
    placed = await ranking_queries.lock_placed(ctx.tx, bounty.id)
    found = await ranking_queries.find_entrants(ctx.tx, order, lock=True)
    named = judging_rules.require_named(bounty, order, found)
    others = [it for it in placed if it.id not in found]
    for entrant in others if by_hand else ():
        placing.take_place(entrant)
    _give_places(bounty, named if by_hand else named + others)
    bounty.order_changes += 1
    bounty.revision += 1
    bounty.disputes_until = judging_rules.window_after_change(bounty, ctx.now)
    await _decide(ctx, bounty, BountyReordered(bounty.id), order, reason)
    await lifecycle.set_alarm(ctx, bounty)
    return bounty


async def dispute(ctx: Context, bounty_id: BountyId, *, text: str) -> tuple[Dispute, Enrollment]:
    """Dispute the result in public, as a member of an entrant."""
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id, lock=True)
    mine = await enrollment_queries.find_mine(ctx.tx, ctx.actor.id, bounty_id)
    entrant = judging_rules.require_entrant(mine)
    rules.require_state(bounty, BountyState.DISPUTING)
    judging_rules.require_open_window(bounty, ctx.now)
    judging_rules.require_dispute_left(await ranking_queries.count_disputes(ctx.tx, entrant.id))
    made = Dispute(
        id=DisputeId(new_id()),
        bounty_id=bounty_id,
        enrollment_id=entrant.id,
        author_id=ctx.actor.id,
        text=text,
        created_at=ctx.now,
    )
    ctx.tx.add(made)
    disputed = EnrollmentDisputed(entrant.id, bounty_id, made.id)
    readers = await enrollment_queries.list_readers(ctx.tx, entrant.id)
    await events.record(ctx, disputed, readers)
    return made, entrant


def _give_places(bounty: Bounty, entrants: Sequence[Enrollment]) -> None:
    """Give these entrants the places from 1 on, without ties, and the prizes of these places."""
    placing.give_places(bounty, entrants, judging_rules.by_order(len(entrants)), Ties.ORDER)


async def _decide(
    ctx: Context,
    bounty: Bounty,
    decided: BountyRewarded | BountyReordered,
    winners: Sequence[EnrollmentId],
    reason: str,
) -> None:
    placing.decide(ctx, bounty, decided.ACTION, winners, reason)
    facts = {"winners": [str(it) for it in winners]}
    await events.record(ctx, decided, seen_by(bounty), reason=reason, facts=facts)
