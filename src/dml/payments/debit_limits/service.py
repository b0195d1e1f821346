"""The use cases of debit limits: set one's own, look at it, and hold what is taken to it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert

from dml.core import events
from dml.core.context import Context
from dml.core.ids import UserId
from dml.core.money import MicroTokens
from dml.payments.debit_limits import queries, rules
from dml.payments.debit_limits.models import DebitLimit
from dml.payments.events import UserDebitLimitSet


@dataclass(frozen=True, slots=True)
class Standing:
    """A user's limit, what was taken of it within its days, and what it still lets through."""

    limit: MicroTokens | None
    taken: MicroTokens
    left: MicroTokens | None
    changed_at: datetime | None


async def get_mine(ctx: Context) -> Standing:
    """Return the actor's limit, and how much of it is used."""
    found = await queries.find(ctx.tx, ctx.actor.id)
    taken = await queries.list_taken(ctx.tx, ctx.actor.id, ctx.now)
    limit = None if found is None else found.amount
    return Standing(
        limit=limit,
        taken=MicroTokens(sum(it.amount for it in taken)),
        left=None if limit is None else rules.left_of(limit, taken),
        changed_at=None if found is None else found.changed_at,
    )


async def set_mine(ctx: Context, limit: MicroTokens | None, *, is_proven: bool) -> Standing:
    """Set the actor's limit, or that there is none. To raise it, who asks must be proven."""
    row = {"user_id": ctx.actor.id, "amount": None, "changed_at": ctx.now}
    await ctx.tx.execute(insert(DebitLimit).values(row).on_conflict_do_nothing())
    found = await queries.find(ctx.tx, ctx.actor.id, lock=True)
    assert found is not None, "it was just seen to"
    rules.require_may_change(found.amount, limit, is_proven=is_proven)
    found.amount, found.changed_at = limit, ctx.now
    await ctx.tx.flush()
    changed = UserDebitLimitSet(ctx.actor.id, limit)
    await events.record(ctx, changed, [events.user(ctx.actor.id)])
    return await get_mine(ctx)


async def require_within(ctx: Context, user_id: UserId, amount: MicroTokens) -> None:
    """Refuse to take more from a user's balance than their limit lets jobs and bounties take.

    Call it before the transfer: the limit's row is held, and then the accounts of the ledger.
    """
    found = await queries.find(ctx.tx, user_id, lock=True)
    if found is not None and found.amount is not None:
        rules.require_within(
            found.amount, await queries.list_taken(ctx.tx, user_id, ctx.now), amount
        )
