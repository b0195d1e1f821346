"""An owner reads and sets their budget. The device path alone takes of it, and gives back."""

from dataclasses import dataclass

from sqlalchemy.dialects.postgresql import insert

from dml.core import events
from dml.core.context import Context
from dml.core.settings import Settings
from dml.jobs.budgets import queries, rules
from dml.jobs.budgets.models import OwnerBudget
from dml.jobs.budgets.rules import BudgetBounds
from dml.jobs.events import UserPrivacyBudgetSet
from dml.jobs.noise.rules import epsilon_of, rho_of


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget in epsilons, and what of it is spent, reserved and left."""

    epsilon: float
    is_own: bool
    paused: bool
    spent: float
    reserved: float
    left: float


def bounds_of(settings: Settings) -> BudgetBounds:
    """Return what owners give within 30 days, where they do not say, and at most."""
    usual = min(settings.owner_epsilon, settings.owner_epsilon_max)
    return BudgetBounds(rho_of(usual), rho_of(settings.owner_epsilon_max))


async def get_mine(ctx: Context, bounds: BudgetBounds) -> Standing:
    """Return the actor's budget, and how much of it is used."""
    found = await ctx.tx.get(OwnerBudget, ctx.actor.id, populate_existing=True)
    budget = found or OwnerBudget(owner_id=ctx.actor.id)
    used = rules.spent_lately(budget.days, budget.spent, ctx.now)
    reserved = min(used, await queries.sum_reserved(ctx.tx, ctx.actor.id))
    most = min(bounds.usual if budget.most is None else budget.most, bounds.most)
    return Standing(
        epsilon=_epsilon(most),
        is_own=budget.most is not None,
        paused=budget.paused,
        spent=_epsilon(used - reserved),
        reserved=_epsilon(reserved),
        left=0.0 if budget.paused else _epsilon(max(0, most - used)),
    )


async def set_mine(
    ctx: Context, bounds: BudgetBounds, *, epsilon: float | None, paused: bool
) -> Standing:
    """Set the actor's budget. What was taken before stays so."""
    rules.require_within(epsilon, epsilon_of(bounds.most))
    said = {"most": None if epsilon is None else rho_of(epsilon), "paused": paused}
    first = insert(OwnerBudget).values(owner_id=ctx.actor.id, **said)
    await ctx.tx.execute(first.on_conflict_do_update(index_elements=["owner_id"], set_=said))
    made = UserPrivacyBudgetSet(ctx.actor.id, epsilon=epsilon, paused=paused)
    await events.record(ctx, made, [events.user(ctx.actor.id)])
    return await get_mine(ctx, bounds)


def _epsilon(rho: int) -> float:
    return round(epsilon_of(rho), 4) if rho else 0.0
