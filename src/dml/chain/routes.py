"""REST of the chain itself: parse, call one function, shape the answer. No `if`, SQL or `try`."""

from fastapi import APIRouter

from dml.chain import queries
from dml.chain.rules import NotConnected
from dml.chain.schemas import ChainOut, chain_out
from dml.edge.http import PublicCtx
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(prefix="/v1/payments/chain", tags=["payments"], route_class=StrictRoute)


@router.get("", responses=refusals(NotConnected))
async def get_chain(ctx: PublicCtx) -> ChainOut:
    """The vault and its token, how far the chain is read, and whether anything stands still."""
    return chain_out(await queries.get_current_vault(ctx.tx), ctx.actor, ctx.now)
