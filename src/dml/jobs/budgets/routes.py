"""REST of owners' budgets: parse, call one function, shape the answer."""

from fastapi import APIRouter

from dml.edge.http import Ctx, Server
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute
from dml.jobs.budgets import rules, service
from dml.jobs.budgets.schemas import PrivacyBudgetOut, PrivacyBudgetSet
from dml.jobs.budgets.service import Standing

router = APIRouter(prefix="/v1/privacy", route_class=StrictRoute)


@router.get("/budget", operation_id="privacy_budget.get", response_model=PrivacyBudgetOut)
async def get_budget(ctx: Ctx, server: Server) -> Standing:
    """Get your privacy budget.

    For signed-in users: how much all jobs together may learn of you in any 30 days, from whichever
    of your devices, and how much of that is used.
    """
    return await service.get_mine(ctx, service.bounds_of(server.settings))


@router.put(
    "/budget",
    operation_id="privacy_budget.set",
    response_model=PrivacyBudgetOut,
    responses=refusals(rules.BudgetOutOfBounds),
)
async def set_budget(ctx: Ctx, server: Server, body: PrivacyBudgetSet) -> Standing:
    """Set your privacy budget.

    For signed-in users: a smaller one than the operator's, or a larger one within the operator's
    bounds; or pause it, and your devices get no work for noisy answers. Work that has begun goes
    on.
    """
    bounds = service.bounds_of(server.settings)
    return await service.set_mine(ctx, bounds, epsilon=body.epsilon, paused=body.paused)
