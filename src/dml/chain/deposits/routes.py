"""REST of deposits: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Response

from dml.chain import queries
from dml.chain.deposits import instructions
from dml.chain.deposits.schemas import (
    DepositInstructionsCreate,
    DepositInstructionsOut,
    DepositOut,
    DepositsQuery,
    QrQuery,
    deposit_out,
)
from dml.chain.node.api_node import Chain, ChainAway
from dml.chain.rules import DepositNotFound, NotConnected
from dml.core.errors import NotSignedIn
from dml.core.ids import DepositId
from dml.edge.http import Ctx, SignedInBegin
from dml.edge.limits import TooManyTries, at_most
from dml.edge.paging import Page
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(prefix="/v1/payments/deposits", route_class=StrictRoute)
limit = Depends(at_most("instructions", lambda settings: settings.sign_ins_a_minute))
SVG: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"image/svg+xml": {"schema": {"type": "string"}}}}
}


@router.get("", operation_id="deposits.list")
async def list_deposits(ctx: Ctx, query: Annotated[DepositsQuery, Query()]) -> Page[DepositOut]:
    """List your deposits.

    For signed-in users: newest first, with those that are not final yet.
    """
    rows = await queries.list_deposits(
        ctx.tx, ctx.actor.id, state=query.state, after=query.cursor, limit=query.limit
    )
    return query.page(DepositOut, [deposit_out(*row) for row in rows])


@router.post(
    "/instructions",
    operation_id="deposit_instructions.create",
    dependencies=[limit],
    responses=refusals(NotSignedIn, NotConnected, ChainAway, TooManyTries),
)
async def instruct(
    begin: SignedInBegin, chain: Chain, body: DepositInstructionsCreate
) -> DepositInstructionsOut:
    """Create the instructions for a deposit.

    For signed-in users: all that a wallet needs to pay an amount of tokens into your balance. There
    are two transactions, `approve` and then `deposit`, also as links for QR codes. Tokens that
    support it need one transaction only: send `wallet`, have it sign `permit`, and send that
    signature to get `deposit_with_permit`. Nothing is stored.
    """
    async with begin() as ctx:
        vault = await queries.get_current_vault(ctx.tx)
    typed = await instructions.prepare_permit(chain, vault, body.amount, body.wallet, ctx.now)
    return instructions.instructions(
        vault, ctx.actor.id, body.amount, typed_data=typed, permit=body.permit
    )


@router.get(
    "/qr.svg",
    operation_id="deposit_instructions.get_qr_code",
    response_class=Response,
    responses=SVG | refusals(NotConnected),
)
async def draw(ctx: Ctx, query: Annotated[QrQuery, Query()]) -> Response:
    """Get a step of a deposit as a QR code.

    For signed-in users: an SVG image of the link (EIP-681) that wallets read.
    """
    vault = await queries.get_current_vault(ctx.tx)
    link = instructions.link(vault, ctx.actor.id, query.amount, query.step)
    headers = {"Cache-Control": "private, no-store"}
    return Response(instructions.draw(link), media_type="image/svg+xml", headers=headers)


@router.get("/{deposit_id}", operation_id="deposits.get", responses=refusals(DepositNotFound))
async def get_deposit(ctx: Ctx, deposit_id: DepositId) -> DepositOut:
    """Get a deposit of yours.

    For its user. `confirmations` says how many blocks there are since the deposit.
    """
    return deposit_out(*await queries.get_my_deposit(ctx.tx, ctx.actor, deposit_id))
