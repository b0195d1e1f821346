"""The use cases of a bounty's owner, one function per verb. Automatic changes: `lifecycle`.

Locks are taken in one order everywhere: bounty, enrollment, ledger accounts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dml.accounts import queries as account_queries
from dml.bounties import escrow, lifecycle, queries, rules
from dml.bounties.editing import rules as edit_rules
from dml.bounties.enrollments import queries as enrollment_queries, rules as enrollment_rules
from dml.bounties.events import (
    BountyCreated,
    BountyEdited,
    BountyFunded,
    BountyPaused,
    seen_by,
)
from dml.bounties.models import Bounty, BountyState, Judging, Ties
from dml.bounties.test_sets import processes as test_set_processes
from dml.core import events, money
from dml.core.context import Context
from dml.core.ids import BountyId, new_id
from dml.core.money import MicroTokens
from dml.core.states import Move


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an owner asks for."""

    name: str
    organisation: str
    subtitle: str
    description: str
    data: str
    evaluation: str
    rules: str
    tags: list[str]
    judging: Judging
    metric: str | None
    ties: Ties
    prizes: list[MicroTokens]
    prize_total: MicroTokens | None
    enrollment_fee: MicroTokens
    team_size_max: int
    submissions_per_day: int
    submissions_concurrent: int
    submissions_total: int
    enrolls_at: datetime
    submits_at: datetime
    closes_at: datetime
    judged_by: datetime | None
    dispute_seconds: int


async def create(ctx: Context, plan: Plan) -> Bounty:
    """Create a bounty: a draft that only its owner sees until its prizes are in escrow."""
    rules.require_metric(plan.judging, plan.metric)
    pool = rules.pool_of(plan.prizes, plan.prize_total)
    judged_by = plan.judged_by or plan.closes_at + rules.JUDGED_WITHIN[plan.judging]
    dates = _dates(plan) | {"judged_by": judged_by}
    chosen = rules.DATES if plan.judged_by else rules.DATES[:-1]
    rules.require_dates(ctx.now, dates, chosen)
    # Two requests at once wait for each other here, so that both are counted.
    await account_queries.get_user(ctx.tx, ctx.actor.id, lock=True)
    rules.require_few_drafts(await queries.count_drafts(ctx.tx, ctx.actor.id))

    bounty = Bounty(
        id=BountyId(new_id()),
        owner_id=ctx.actor.id,
        state=BountyState.DRAFT,
        name=plan.name,
        organisation=plan.organisation,
        subtitle=plan.subtitle,
        description=plan.description,
        data=plan.data,
        evaluation=plan.evaluation,
        rules=plan.rules,
        tags=plan.tags,
        judging=plan.judging,
        metric=plan.metric,
        ties=plan.ties,
        prizes=plan.prizes,
        prize_pool=pool,
        enrollment_fee=plan.enrollment_fee,
        team_size_max=plan.team_size_max,
        submissions_per_day=plan.submissions_per_day,
        submissions_concurrent=plan.submissions_concurrent,
        submissions_total=plan.submissions_total,
        enrolls_at=plan.enrolls_at,
        submits_at=plan.submits_at,
        closes_at=plan.closes_at,
        judged_by=judged_by,
        dispute_seconds=plan.dispute_seconds,
        created_at=ctx.now,
    )
    ctx.tx.add(bounty)
    made = Move(None, BountyState.DRAFT)
    await events.record(ctx, BountyCreated(bounty.id), seen_by(bounty), made)
    await lifecycle.set_alarm(ctx, bounty)
    await ctx.tx.flush()
    return bounty


async def edit(
    ctx: Context,
    bounty_id: BountyId,
    fields: Mapping[str, Any],
    *,
    prize_total: MicroTokens | None = None,
    reason: str | None = None,
    revision: int | None = None,
) -> Bounty:
    """Change the columns in `fields`, as far as others do not rely on them yet.

    Once it is funded everybody sees each change, before and after; once it is open, its reason.
    """
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id, lock=True)
    rules.require_owner(bounty, ctx.actor)
    edit_rules.EditedMeanwhile.require_newest(bounty.revision, revision)
    changes = {name: it for name, it in fields.items() if it != getattr(bounty, name)}
    edit_rules.require_editable(bounty, changes, ctx.now)
    if not changes:
        return bounty
    edit_rules.require_reason(bounty, reason)
    edit_rules.require_few_edits(len(await queries.list_changes(ctx.tx, bounty)))
    _require_sound(bounty, changes, prize_total, ctx.now)

    change_facts = {it: {"before": _as_fact(bounty, it), "after": None} for it in changes}
    for name, value in changes.items():
        setattr(bounty, name, value)
        change_facts[name]["after"] = _as_fact(bounty, name)
    bounty.prize_pool = rules.pool_of(bounty.prizes)
    bounty.revision += 1
    edited, facts = BountyEdited(bounty.id), {"changes": change_facts}
    await events.record(ctx, edited, seen_by(bounty), reason=reason, facts=facts)
    await lifecycle.set_alarm(ctx, bounty)
    if "metric" in changes:
        await test_set_processes.check_again(ctx, bounty)
    return bounty


async def fund(ctx: Context, bounty_id: BountyId) -> Bounty:
    """Put the whole prize pool into escrow, or refuse: from now on everybody sees the bounty."""
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id, lock=True)
    rules.require_owner(bounty, ctx.actor)
    move = rules.move_bounty(bounty, BountyState.FUNDED)
    checked = await queries.is_test_set_checked(ctx.tx, bounty.id)
    rules.require_fundable(bounty, ctx.now, test_set_is_checked=checked)
    await escrow.fund(ctx, bounty)
    bounty.funded_at = ctx.now
    funded = BountyFunded(bounty.id, bounty.prize_pool)
    await events.record(ctx, funded, seen_by(bounty), move)
    await lifecycle.set_alarm(ctx, bounty)
    return bounty


async def open_enrollment(ctx: Context, bounty_id: BountyId) -> Bounty:
    """Open enrollment before its date."""
    bounty = await _get_to_move(ctx, bounty_id)
    await lifecycle.open_enrollment(ctx, bounty)
    await lifecycle.set_alarm(ctx, bounty)
    return bounty


async def start_submissions(ctx: Context, bounty_id: BountyId) -> Bounty:
    """Open submissions before their date; enrollment ends."""
    bounty = await _get_to_move(ctx, bounty_id)
    await lifecycle.start_submissions(ctx, bounty)
    await lifecycle.set_alarm(ctx, bounty)
    return bounty


async def close_submissions(ctx: Context, bounty_id: BountyId) -> Bounty:
    """Close submissions before their date."""
    bounty = await _get_to_move(ctx, bounty_id)
    await lifecycle.close_submissions(ctx, bounty)
    await lifecycle.set_alarm(ctx, bounty)
    return bounty


async def pause(ctx: Context, bounty_id: BountyId, *, reason: str) -> Bounty:
    """Pause: nothing is accepted and all dates wait. It resumes automatically after 90 days."""
    bounty = await _get_to_manage(ctx, bounty_id)
    rules.require_pausable(bounty)
    bounty.paused_at = ctx.now
    bounty.revision += 1
    await events.record(ctx, BountyPaused(bounty.id), seen_by(bounty), reason=reason)
    await lifecycle.set_alarm(ctx, bounty)
    return bounty


async def resume(ctx: Context, bounty_id: BountyId) -> Bounty:
    """Resume: dates that were still ahead are put off by the length of the pause."""
    bounty = await _get_to_manage(ctx, bounty_id)
    rules.require_paused(bounty)
    await lifecycle.resume(ctx, bounty)
    await lifecycle.set_alarm(ctx, bounty)
    return bounty


async def cancel(ctx: Context, bounty_id: BountyId, *, reason: str) -> Bounty:
    """Cancel: prizes go back to the owner, fees to those who paid them."""
    bounty = await _get_to_manage(ctx, bounty_id)
    await lifecycle.cancel(ctx, bounty, reason)
    await lifecycle.set_alarm(ctx, bounty)
    return bounty


async def _get_to_move(ctx: Context, bounty_id: BountyId) -> Bounty:
    """Load and lock a bounty whose owner changes its state."""
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id, lock=True)
    rules.require_owner(bounty, ctx.actor)
    rules.require_running(bounty)
    return bounty


async def _get_to_manage(ctx: Context, bounty_id: BountyId) -> Bounty:
    """Load and lock a bounty for its owner, or a moderator who has not entered it."""
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id, lock=True)
    rules.require_manages(bounty, ctx.actor)
    mine = await enrollment_queries.find_mine(ctx.tx, ctx.actor.id, bounty_id)
    enrollment_rules.require_no_entrant(mine)
    return bounty


def _require_sound(
    bounty: Bounty, changes: Mapping[str, Any], prize_total: MicroTokens | None, now: datetime
) -> None:
    """Refuse a change that makes the bounty invalid."""
    rules.require_metric(
        changes.get("judging", bounty.judging), changes.get("metric", bounty.metric)
    )
    rules.pool_of(changes.get("prizes", bounty.prizes), prize_total)
    moved = [it for it in rules.DATES if it in changes]
    if moved:
        rules.require_running(bounty)
        after = _dates(bounty) | {it: changes[it] for it in moved}
        rules.require_dates(now, after, moved)
        edit_rules.require_within_life(bounty, after["judged_by"])


def _dates(source: Plan | Bounty) -> dict[str, datetime]:
    return {it: getattr(source, it) for it in rules.DATES}


def _as_fact(bounty: Bounty, name: str) -> Any:
    """Return a column's value for the history, as it is on the wire."""
    value = getattr(bounty, name)
    if name == "prizes":
        return [money.render(it) for it in value]
    if name == "enrollment_fee":
        return money.render(value)
    return value.isoformat() if isinstance(value, datetime) else value
