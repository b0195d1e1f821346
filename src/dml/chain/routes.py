"""REST of the chain itself: parse, call one function, shape the answer. No `if`, SQL or `try`."""

from fastapi import APIRouter

from dml.chain import queries
from dml.chain.rules import NotConnected
from dml.chain.schemas import ChainOut, chain_out
from dml.edge.http import PublicCtx
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(prefix="/v1/payments/chain", route_class=StrictRoute)


@router.get("", operation_id="chain.get", responses=refusals(NotConnected))
async def get_chain(ctx: PublicCtx) -> ChainOut:
    """Get the state of the chain.

    For anybody: the vault and its token, up to which block the chain was read, and whether
    deposits are credited and withdrawals paid just now. Admins also read what is wrong.
    """
    return chain_out(await queries.get_current_vault(ctx.tx), ctx.actor, ctx.now)
