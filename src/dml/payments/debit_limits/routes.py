"""REST of debit limits: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from fastapi import APIRouter, Depends

from dml.accounts.identities.reauthentication import PROOF_REFUSALS
from dml.edge.http import Ctx
from dml.edge.limits import at_most
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute
from dml.payments.debit_limits import rules, service
from dml.payments.debit_limits.proving import IsProven
from dml.payments.debit_limits.schemas import DebitLimitOut, DebitLimitSet
from dml.payments.debit_limits.service import Standing

router = APIRouter(prefix="/v1/payments", route_class=StrictRoute)
limit = Depends(at_most("reauthenticate", lambda settings: settings.sign_ins_a_minute))


@router.get("/debit-limit", operation_id="debit_limit.get", response_model=DebitLimitOut)
async def get_limit(ctx: Ctx) -> Standing:
    """Get your debit limit.

    For signed-in users: the most that jobs and bounties may take from your balance in any 30 days,
    and how much of that is used.
    """
    return await service.get_mine(ctx)


@router.put(
    "/debit-limit",
    operation_id="debit_limit.set",
    response_model=DebitLimitOut,
    dependencies=[limit],
    responses=refusals(rules.ProofNeeded, *PROOF_REFUSALS),
)
async def set_limit(ctx: Ctx, is_proven: IsProven, body: DebitLimitSet) -> Standing:
    """Set your debit limit.

    For signed-in users. A job, a bounty's prizes or an enrollment fee that would take more is
    refused. To lower the limit, or to set the first one, counts at once; to raise it, or to have
    none any more, asks for a proof of who you are.
    """
    return await service.set_mine(ctx, body.limit, is_proven=is_proven)
