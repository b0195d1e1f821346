"""REST: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from fastapi import APIRouter

from dml.accounts.queries import UserNotFound
from dml.accounts.rules import AdminsOnly
from dml.edge.http import Ctx
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Once
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals
from dml.payments import queries, service
from dml.payments.queries import Balance, Books
from dml.payments.rules import MoreThanCanExist
from dml.payments.schemas import BalanceOut, BooksOut, CreditIn, CreditOut, TransferOut

router = APIRouter(prefix="/v1/payments", tags=["payments"])
admin_router = APIRouter(prefix="/v1/admin", tags=["admin"], route_class=IdempotentRoute)


@router.get("/balance", response_model=BalanceOut)
async def get_balance(ctx: Ctx) -> Balance:
    """What you have: to spend, on its way in, and held by your running jobs."""
    return await queries.get_balance(ctx.tx, ctx.actor.id)


@router.get("/transfers")
async def list_transfers(ctx: Ctx, paging: Paged) -> Page[TransferOut]:
    """Every transfer into or out of your wallet, newest first."""
    rows = await queries.list_transfers(
        ctx.tx, ctx.actor.id, after=paging.cursor, limit=paging.limit
    )
    return paging.page(TransferOut, rows)


@admin_router.get("/books", response_model=BooksOut, responses=refusals(AdminsOnly))
async def get_books(ctx: Ctx) -> Books:
    """What rests where in the whole ledger. The sum is zero, or the books are wrong."""
    return await service.read_books(ctx)


@admin_router.post(
    "/credits",
    status_code=201,
    dependencies=[Once],
    responses=refusals(AdminsOnly, UserNotFound, MoreThanCanExist, IdempotencyKeyReused),
)
async def credit(ctx: Ctx, body: CreditIn) -> CreditOut:
    """Credit a user with tokens from outside. Stands for a deposit on the chain; audited."""
    credit_id = await service.credit(ctx, body.user_id, body.amount, reason=body.reason)
    return CreditOut(id=credit_id, user_id=body.user_id, amount=body.amount)
