"""How a bounty changes its state: at its dates, by its owner, and at its end.

One alarm waits for the next date. The alarm decides nothing: it reads the bounty under its lock,
does all that is due, and sets the next alarm. Callers of the other functions hold that lock. Why
each state has a date: docs/decisions/0014.
"""

from dataclasses import replace
from typing import Final

from sqlalchemy import func, select, update

from dml.bounties import escrow, queries, rules
from dml.bounties.events import (
    BountyCancelled,
    BountyClosed,
    BountyFinished,
    BountyOpened,
    BountyPutOff,
    BountyRanked,
    BountyResumed,
    BountyStarted,
    seen_by,
)
from dml.bounties.models import Bounty, BountyState, Enrollment, Member
from dml.core import events, processes
from dml.core.context import SYSTEM, Context
from dml.core.ids import BountyId
from dml.core.processes import Steps, process

NEVER_FUNDED: Final = "It was not funded before its submissions were to begin."
NEVER_JUDGED: Final = "Nobody was ranked in time, so all the money went back."


@process("bounties.advance.v1")
async def advance(steps: Steps, bounty_id: BountyId) -> str:
    """Do what is due by a bounty's dates. An early or outdated alarm finds nothing to do."""
    return await steps.change(catch_up, bounty_id)


async def catch_up(ctx: Context, bounty_id: BountyId) -> str:
    """Make each move that is due, and set the alarm for the next. Return the moves made.

    Sets the alarm also if nothing is due yet: the worker's clock may be fast.
    """
    bounty, made = await queries.lock_bounty(ctx.tx, bounty_id), list[str]()
    by_date = replace(ctx, actor=SYSTEM)
    while (coming := rules.due(bounty)) is not None and coming[1] <= ctx.now:
        await _move(by_date, bounty, coming[0])
        made.append(coming[0])
    await set_alarm(ctx, bounty)
    return ", ".join(made) or "nothing is due"


async def set_alarm(ctx: Context, bounty: Bounty) -> None:
    """Replace the bounty's alarm by one for its next date, if it has one."""
    await processes.cancel(ctx, _alarm(bounty))
    coming = rules.due(bounty)
    if coming is not None:
        bounty.alarms += 1
        await processes.at(ctx, coming[1], _alarm(bounty), advance, bounty.id)


def _alarm(bounty: Bounty) -> str:
    return f"{bounty.reference}:alarm:{bounty.alarms}"


async def _move(ctx: Context, bounty: Bounty, verb: str) -> None:
    match verb:
        case "open":
            await open_enrollment(ctx, bounty)
        case "start":
            await start_submissions(ctx, bounty)
        case "close":
            await close_submissions(ctx, bounty)
        case "try_again":
            await _try_again(ctx, bounty)
        case "finish":
            await _finish(ctx, bounty)
        case "resume":
            await resume(ctx, bounty)
        case "cancel":
            never = bounty.state is BountyState.DRAFT
            await cancel(ctx, bounty, NEVER_FUNDED if never else NEVER_JUDGED)
        case _:
            raise AssertionError(verb)


async def open_enrollment(ctx: Context, bounty: Bounty) -> None:
    """Let people enroll from now on."""
    move = rules.move_bounty(bounty, BountyState.ENROLLING)
    bounty.enrolls_at = rules.brought_forward(bounty.enrolls_at, None, ctx.now)
    await events.record(ctx, BountyOpened(bounty.id), seen_by(bounty), move)


async def start_submissions(ctx: Context, bounty: Bounty) -> None:
    """Open submissions and close enrollment. Unanswered invitations lapse."""
    move = rules.move_bounty(bounty, BountyState.SUBMITTING)
    bounty.submits_at = rules.brought_forward(bounty.submits_at, bounty.enrolls_at, ctx.now)
    await events.record(ctx, BountyStarted(bounty.id), seen_by(bounty), move)
    await _let_invitations_lapse(ctx, bounty)


async def close_submissions(ctx: Context, bounty: Bounty) -> None:
    """Close submissions: they are ranked now, or the owner names the winners."""
    move = rules.move_bounty(bounty, BountyState.EVALUATING)
    bounty.closes_at = rules.brought_forward(bounty.closes_at, bounty.submits_at, ctx.now)
    await events.record(ctx, BountyClosed(bounty.id), seen_by(bounty), move)


async def open_disputes(ctx: Context, bounty: Bounty) -> None:
    """Show everybody the order before it is paid, and set the alarm for paying.

    The caller has locked the bounty, and gives entrants their `place` and `prize` as well.
    """
    move = rules.move_bounty(bounty, BountyState.DISPUTING)
    bounty.disputes_until = rules.disputes_until(bounty, ctx.now)
    await events.record(ctx, BountyRanked(bounty.id), seen_by(bounty), move)
    await set_alarm(ctx, bounty)


async def resume(ctx: Context, bounty: Bounty) -> None:
    """Go on after a pause: all later dates are put off by its length."""
    for name, date in rules.put_off(bounty, ctx.now).items():
        setattr(bounty, name, date)
    bounty.paused_at = None
    bounty.revision += 1
    await events.record(ctx, BountyResumed(bounty.id), seen_by(bounty))


async def cancel(ctx: Context, bounty: Bounty, reason: str) -> None:
    """End a bounty without winners: all the money goes back to those who paid it."""
    readers = seen_by(bounty)
    move = rules.move_bounty(bounty, BountyState.CANCELLED)
    bounty.paused_at, bounty.ended_at, bounty.end_reason = None, ctx.now, reason
    await escrow.refund(ctx, bounty)
    await events.record(ctx, BountyCancelled(bounty.id), readers, move, reason=reason)


async def _try_again(ctx: Context, bounty: Bounty) -> None:
    """Give more time for ranking, once, and publish that submissions have closed again."""
    bounty.second_chance = True
    bounty.judged_by = rules.second_judged_by(bounty, ctx.now)
    bounty.revision += 1
    why = "Nobody was ranked in time."
    await events.record(ctx, BountyPutOff(bounty.id), seen_by(bounty), reason=why)


async def _finish(ctx: Context, bounty: Bounty) -> None:
    """End the bounty and pay the winners."""
    move = rules.move_bounty(bounty, BountyState.FINISHED)
    bounty.ended_at = ctx.now
    winners = await escrow.pay_out(ctx, bounty)
    facts = {"winners": winners}
    await events.record(ctx, BountyFinished(bounty.id), seen_by(bounty), move, facts=facts)


async def _let_invitations_lapse(ctx: Context, bounty: Bounty) -> None:
    """Remove invited members who never answered; their shares go back to the captains."""
    await ctx.tx.flush()
    unanswered = Member.agreed_at.is_(None) & Member.left_at.is_(None)
    freed = (
        select(
            Member.enrollment_id, Enrollment.captain_id, func.sum(Member.share_bps).label("share")
        )
        .join(Enrollment, Enrollment.id == Member.enrollment_id)
        .where(Enrollment.bounty_id == bounty.id, unanswered)
        .group_by(Member.enrollment_id, Enrollment.captain_id)
        .subquery()
    )
    to_captains = (
        update(Member)
        .where(Member.enrollment_id == freed.c.enrollment_id, Member.user_id == freed.c.captain_id)
        .values(share_bps=Member.share_bps + freed.c.share)
    )
    of_bounty = select(Enrollment.id).where(Enrollment.bounty_id == bounty.id)
    leave = update(Member).where(Member.enrollment_id.in_(of_bounty), unanswered)
    for change in (to_captains, leave.values(left_at=ctx.now)):
        await ctx.tx.execute(change.execution_options(synchronize_session=False))
